"""Names of companies, so that two spellings of one are the same, and organisations by what they are called."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import groupby

from libs.common.places import end_of
from services.attribution.domain.organisations import Organisation, Registered

_AT_THE_END = frozenset(
    {
        "ab", "ag", "as", "asbl", "bv", "bvba", "cv", "cvba", "co", "company", "corp", "corporation", "ev", "gmbh",
        "holding", "inc", "incorporated", "kg", "limited", "llc", "llp", "ltd", "nv", "oy", "oyj", "plc", "sa", "sarl",
        "sas", "se", "spa", "srl", "ua", "ug", "vof", "vzw",
    }
)  # fmt: skip
_AT_THE_BEGINNING = frozenset({"cooperatie", "maatschap", "stichting", "vereniging"})
"""What may be written or left out: the law of its country says it, not the company."""
_NOT_LETTERS = re.compile(r"[\W_]+")


def comparable(name: str) -> str:
    """Without case, accents, punctuation and legal forms: `Bäckerei Müller B.V.` is `backerei muller`.

    A name that is nothing but legal forms stays as it is. Empty for what has no letters.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words = _with_initials_joined(_NOT_LETTERS.sub(" ", plain).split())
    return " ".join(_without_legal_forms(words) or words)


def _with_initials_joined(words: Iterable[str]) -> list[str]:
    """`b`, `v` are `bv`."""
    joined: list[str] = []
    for is_initial, run in groupby(words, key=lambda word: len(word) == 1):
        together = list(run)
        joined += ["".join(together)] if is_initial else together
    return joined


def _without_legal_forms(words: list[str]) -> list[str]:
    first, last = 0, len(words)
    while last > first and words[last - 1] in _AT_THE_END:
        last -= 1
    while first < last and words[first] in _AT_THE_BEGINNING:
        first += 1
    return words[first:last]


def is_called(organisation: Organisation, label: str) -> bool:
    """Has a domain with this first label the organisation's name? `bakkerij-jansen` is of `Bakkerij Jansen B.V.`"""
    wanted = label.replace("-", "")
    names = (organisation.name, *organisation.other_names)
    return any(comparable(name).replace(" ", "") == wanted for name in names)


class Called:
    """Organisations by their names, numbers and mail domains. What leads to two of them leads to none.

    Those that have registered by themselves are not among them: they would be found by, or hide, another one's name.
    """

    def __init__(self, organisations: Iterable[Organisation]) -> None:
        known = [each for each in organisations if not each.is_self_registered]
        self._by_name = _unique((comparable(name), each) for each in known for name in (each.name, *each.other_names))
        self._by_number = _unique((number, each) for each in known for number in each.company_numbers)
        self._by_mail_domain = _unique(
            (contact.email.rpartition("@")[2].lower(), each) for each in known for contact in each.contacts
        )
        self._mail_ends = frozenset(map(end_of, self._by_mail_domain))

    def may_know_mail_of(self, name: str) -> bool:
        """False for most names, which end otherwise than any mail domain of ours."""
        return end_of(name) in self._mail_ends

    def by_name(self, name: str) -> Organisation | None:
        return self._by_name.get(comparable(name)) if name else None

    def by_number(self, number: str) -> Organisation | None:
        return self._by_number.get(number)

    def by_mail_domain(self, name: str) -> Organisation | None:
        return self._by_mail_domain.get(name)


@lru_cache(maxsize=1)
def called_of(registered: Registered) -> Called:
    """Made when somebody first asks: most records meet what is registered, or no name at all."""
    return Called(registered.organisations.values())


def _unique(pairs: Iterable[tuple[str, Organisation]]) -> Mapping[str, Organisation]:
    found: dict[str, Organisation | None] = {}
    for key, organisation in pairs:
        is_same = key not in found or found[key] is organisation
        found[key] = organisation if is_same and key else None
    return {key: organisation for key, organisation in found.items() if organisation is not None}

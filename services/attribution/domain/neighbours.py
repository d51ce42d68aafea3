"""What names have been seen at an address: many of different owners, and it is shared hosting, whoever says so.

One address tells little by one record; over time the records of all partners do.
"""

from collections.abc import Iterable, Mapping

from services.attribution.domain.directory import Question
from services.attribution.domain.names import registrable

MOST_NAMES = 32
"""So many of one address are kept; what is shared is known to be by then."""


def names_at(question: Question) -> frozenset[str]:
    """The registrable domains that a record places at its address.

    None of an account: its address is where somebody was, not where the site is that they have the account at. Neither
    reverse DNS: an address has one such name, which whoever runs the network gives it.
    """
    if question.address is None or question.reported_email is not None:
        return frozenset()
    names = (*question.names, question.certificate_name)
    return frozenset(registrable(name) or name for name in names if name is not None)


def pairs_of(questions: Iterable[Question]) -> list[tuple[str, str]]:
    """Addresses and names that these records bring, each pair once, in one order; of one address MOST_NAMES at most."""
    brought: dict[str, set[str]] = {}
    for question in questions:
        if question.address is not None and (names := names_at(question)):
            brought.setdefault(question.address.text, set()).update(names)
    return [(address, name) for address in sorted(brought) for name in sorted(brought[address])[:MOST_NAMES]]


def others_at(question: Question, seen: Mapping[str, set[str]]) -> int:
    """How many names of other owners were seen at the record's address."""
    there = seen.get(question.address.text) if question.address is not None else None
    return len(there - names_at(question)) if there else 0

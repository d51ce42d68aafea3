"""Two entries that are one organisation: which look like it, and whether they can become one."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from uuid import UUID

import msgspec

from services.attribution.domain.organisations import Criticality, OrganisationProfile

MOST_ALIKE = 10
"""What more of them share, such as a mail provider's domain, says nothing of one organisation."""

_LEGAL_FORMS = re.compile(
    r"\b(?:b\s?v|n\s?v|v\s?o\s?f|c\s?v|u\s?a|bvba|srl|sa|sarl|sas|gmbh|mbh|ag|kg|ohg|ug|ltd|limited|llc|inc|plc|corp|"
    r"stichting|vereniging|cooperatie|holding|group|groep|nederland|the|de|het)\b"
)
_NO_LETTER = re.compile(r"[\W_]+")


class Likeness(StrEnum):
    """What two organisations have in common."""

    NUMBER = "same-number"
    NAME = "same-name"
    ASSET = "same-asset"
    ADDRESS = "same-contact"
    MAIL_DOMAIN = "same-contact-domain"


class Trait(msgspec.Struct, frozen=True):
    """Something of an organisation that another one may have too; `value` in a form in which it can be compared."""

    organisation_id: UUID
    likeness: Likeness
    value: str


class Duplicate(msgspec.Struct, frozen=True):
    """Two that may be one; `first` was added first. `why` has what they share."""

    first: UUID
    second: UUID
    why: tuple[tuple[Likeness, str], ...]


class Objection(msgspec.Struct, frozen=True):
    """Why two are not one, or not before somebody has looked."""

    code: str
    message: str


def duplicates(traits: Iterable[Trait]) -> list[Duplicate]:
    """All likely pairs, by their ids. Of more than two that are alike each is paired with the one added first."""
    alike: defaultdict[tuple[Likeness, str], set[UUID]] = defaultdict(set)
    for trait in traits:
        if trait.value:
            alike[trait.likeness, trait.value].add(trait.organisation_id)
    pairs: defaultdict[tuple[UUID, UUID], list[tuple[Likeness, str]]] = defaultdict(list)
    for shared, organisations in alike.items():
        if 1 < len(organisations) <= MOST_ALIKE:
            first, *others = sorted(organisations)
            for other in others:
                pairs[first, other].append(shared)
    return [Duplicate(first, second, tuple(sorted(why))) for (first, second), why in sorted(pairs.items())]


def plain_name(name: str) -> str:
    """A name as it is compared: without case, marks, legal form and words that many names have."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(each for each in decomposed if not unicodedata.combining(each))
    words = _NO_LETTER.sub(" ", letters.replace(".", ""))
    bare = " ".join(_LEGAL_FORMS.sub(" ", words).split())
    return bare or " ".join(words.split())


def objections(one: OrganisationProfile, into: OrganisationProfile) -> Iterator[Objection]:
    """What speaks against it in what they say of themselves."""
    if one.country != into.country:
        yield Objection("other-country", f"One is in {one.country}, the other in {into.country}.")
    if one.kvk_number and into.kvk_number and one.kvk_number != into.kvk_number:
        yield Objection("other-number", f"Their KVK numbers are {one.kvk_number} and {into.kvk_number}.")
    numbers = [dict(number.split(":", 1) for number in each.company_numbers) for each in (one, into)]
    for country in sorted(numbers[0].keys() & numbers[1].keys()):
        if numbers[0][country] != numbers[1][country]:
            message = f"Their numbers in {country} are {numbers[0][country]} and {numbers[1][country]}."
            yield Objection("other-number", message)
    mine, theirs = _decided(one), _decided(into)
    if mine is not None and theirs is not None and mine is not theirs:
        yield Objection("other-criticality", f"One is {mine}, the other {theirs}: decide first which of them is right.")


def merged(one: OrganisationProfile, into: OrganisationProfile) -> OrganisationProfile:
    """What `into` says, with what it does not say from the other one, whose names it takes as well."""
    names = dict.fromkeys((*into.other_names, one.name, *one.other_names))
    names.pop(into.name, None)
    takes_criticality = _decided(into) is None and one.criticality is not Criticality.UNKNOWN
    source = one if takes_criticality else into
    return msgspec.structs.replace(
        into,
        other_names=tuple(names),
        kvk_number=into.kvk_number or one.kvk_number,
        company_numbers=tuple(dict.fromkeys((*into.company_numbers, *one.company_numbers))),
        sector=into.sector or one.sector,
        criticality=source.criticality,
        criticality_source=source.criticality_source,
    )


def _decided(profile: OrganisationProfile) -> Criticality | None:
    """What somebody has decided; None for what is unknown or only derived."""
    if profile.criticality is Criticality.UNKNOWN or profile.criticality_source == "derived":
        return None
    # `vital` is the older word for essential.
    return Criticality.ESSENTIAL if profile.criticality is Criticality.VITAL else profile.criticality

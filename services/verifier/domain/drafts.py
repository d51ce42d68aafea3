"""What no incident covers and yet comes in volume: the drafts that are opened for it, and what speaks for them."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import RawIndicator
from libs.common.vocabulary import IncidentState, Severity
from services.verifier.domain.catalogue import BY_ITSELF, Catalogue, Incident, Matches, keys_of

LONGEST_SLUG = 76

Key = tuple[str, str]
"""A kind and a word, as the catalogue looks them up."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Why a draft was opened: what its held records have in common, and how many there are.

    `first_at` and `last_at` are when they were judged, `samples` the newest of them.
    """

    kind: str
    word: str
    records: int
    assets: int
    partners: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    samples: tuple[UUID, ...]


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An incident to be, by what its records share."""

    incident: Incident
    key: Key
    records: tuple[RawIndicator, ...]


def covered_by_now(uncovered: Iterable[RawIndicator], catalogue: Catalogue) -> dict[UUID, str]:
    """Records that no incident covered when they were judged, and one does now; by id, with its slug."""
    found = ((event.indicator_id, catalogue.incident_of(event.indicator)) for event in uncovered)
    return {indicator_id: incident.slug for indicator_id, incident in found if incident is not None}


def claimed(incidents: Iterable[Incident], patterns: Iterable[Key]) -> frozenset[Key]:
    """What has its incident, or has had one: a draft that a person closed or narrowed is not opened again."""
    return frozenset(key for incident in incidents for key in keys_of(incident.matches)) | frozenset(patterns)


def drafts_for(
    uncovered: Sequence[RawIndicator],
    *,
    taken: Collection[Key],
    slugs: Collection[str],
    from_records: int,
    from_assets: int,
) -> list[Draft]:
    """A draft for each pattern in volume: an identifier, or else what many identifiers share, a CVE or a malware.

    A record counts for the first pattern that it is part of.
    """
    used, counted = set(slugs), set[UUID]()
    drafts = []
    for keys_in in (_identifier, _vulnerabilities, _malware):
        for key, records in _grouped(uncovered, keys_in).items():
            left = [event for event in records if event.indicator_id not in counted]
            if key in taken or len(left) < from_records or len({event.key for event in left}) < from_assets:
                continue
            incident = _draft(key, left, slug=_free_slug(key, used))
            drafts.append(Draft(incident=incident, key=key, records=tuple(left)))
            used.add(incident.slug)
            counted.update(event.indicator_id for event in left)
    return drafts


def _identifier(event: RawIndicator) -> Iterator[Key]:
    yield "identifier", event.indicator.identifier


def _vulnerabilities(event: RawIndicator) -> Iterator[Key]:
    yield from (("cve", cve_id) for cve_id in event.indicator.cve_ids)


def _malware(event: RawIndicator) -> Iterator[Key]:
    if event.indicator.malware_name:
        yield "malware", event.indicator.malware_name.lower()


def _grouped(
    events: Iterable[RawIndicator], keys_in: Callable[[RawIndicator], Iterator[Key]]
) -> Mapping[Key, list[RawIndicator]]:
    groups: dict[Key, list[RawIndicator]] = {}
    for event in events:
        for key in keys_in(event):
            groups.setdefault(key, []).append(event)
    return groups


def _draft(key: Key, records: Sequence[RawIndicator], *, slug: str) -> Incident:
    kind, word = key
    categories = Counter(event.indicator.category for event in records)
    severities = Counter(event.indicator.severity or Severity.MEDIUM for event in records)
    return Incident(
        slug=slug,
        category=categories.most_common(1)[0][0],
        severity=severities.most_common(1)[0][0],
        state=IncidentState.DRAFT,
        cve_ids=(word,) if kind == "cve" else (),
        matches=_matches(kind, word),
        advisory={},
        author=BY_ITSELF,
    )


def _matches(kind: str, word: str) -> Matches:
    match kind:
        case "cve":
            return Matches(cve_ids=(word,))
        case "malware":
            return Matches(malware_names=(word,))
        case _:
            return Matches(identifiers=(word,))


def _free_slug(key: Key, used: Collection[str]) -> str:
    """The word as a slug; with a number where another incident has that name."""
    slug = re.sub(r"[^a-z0-9]+", "-", key[1].lower()).strip("-")[:LONGEST_SLUG].strip("-")
    slug = slug if len(slug) > 1 else f"{key[0]}-{slug or 'unnamed'}"
    numbered = (f"{slug}-{number}" for number in range(2, len(used) + 3))
    return next(each for each in (slug, *numbered) if each not in used)

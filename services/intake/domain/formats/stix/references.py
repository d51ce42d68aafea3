"""What the STIX objects of a payload say of one another."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice

from libs.common.addresses import without_url_secrets
from libs.common.text import plain
from libs.common.vocabulary import Tlp
from services.intake.domain.formats.stix.markings import Markings
from services.intake.domain.formats.stix.mentions import MAX_MENTIONS, Mention
from services.intake.domain.formats.stix.objects import StixObject
from services.intake.domain.formats.stix.observables import (
    NAME_OF_TYPE,
    TRAFFIC,
    Observable,
    Traffic,
    embedded,
    observable_of,
)
from services.intake.domain.formats.tags import first_of, strictest, tags_in
from services.intake.domain.times import parse_time
from services.intake.domain.values import MAX_TAGS, cve_of

_OBSERVABLES = frozenset({*NAME_OF_TYPE, TRAFFIC})
_NO_REFERENCES = frozenset({"created_by_ref", "object_marking_refs"})

# As many as are looked at in one object: each asset may come with its traffic and the other end.
_MAX_REFS = 3 * MAX_MENTIONS
_MAX_NAME_CHARS = 256
_MAX_TIME_CHARS = 64

TAKEN_TYPES = frozenset({"indicator", "observed-data", "sighting", *NAME_OF_TYPE, TRAFFIC})
_CONTEXT = frozenset(
    {
        "extension-definition",
        "identity",
        "infrastructure",
        "malware",
        "marking-definition",
        "relationship",
        "report",
        "vulnerability",
    }
)

_CATEGORY_OF_KIND = {"compromised": "intrusions/system-compromise", "anonymization": "other/tor"}


@dataclass(frozen=True, slots=True)
class About:
    """What an object says of what is wrong. Categories are as they came, known to us or not."""

    name: str = ""
    category: str | None = None
    cve_ids: tuple[str, ...] = ()
    malware_name: str | None = None
    is_victim: bool = False
    tlp: Tlp | None = None

    def before(self, *others: "About") -> "About":
        """What this says, together with others that belong to it."""
        every = [self, *others]
        return About(
            name=next(filter(None, (each.name for each in every)), ""),
            category=next(filter(None, (each.category for each in every)), None),
            cve_ids=first_of(*(each.cve_ids for each in every)),
            malware_name=next(filter(None, (each.malware_name for each in every)), None),
            is_victim=any(each.is_victim for each in every),
            tlp=strictest(*(each.tlp for each in every)),
        )


@dataclass(frozen=True, slots=True)
class _Observed:
    """The assets of observed data, by reference, and when it was."""

    refs: tuple[str, ...]
    last: str
    tlp: Tlp | None


class References:
    """Reads all objects once and keeps of each what others may need: never the object itself, which may be large."""

    def __init__(self, objects: Iterable[StixObject], markings: Markings) -> None:
        self._markings = markings
        self._observables: dict[str, Observable | Traffic] = {}
        self._referred: set[str] = set()
        self._observed: dict[str, _Observed] = {}
        self._told_by_sightings: set[str] = set()
        self._sighted: dict[str, tuple[datetime, str]] = {}
        self._abouts: dict[str, About] = {}
        self._related: dict[str, list[str]] = {}
        self._revoked: set[str] = set()
        for each in objects:
            self._take_in(each)

    def is_context(self, each: StixObject) -> bool:
        """Whether the object only explains others, or another tells all that it does."""
        match each.type:
            case "observed-data":
                return each.id in self._told_by_sightings
            case "sighting":
                return self._is_of_indicator(each) and self.mentions_of(each) == []
        return each.type in _CONTEXT or (each.type in _OBSERVABLES and each.id in self._referred)

    def is_revoked(self, each: StixObject) -> bool:
        """Whether this version of the object is revoked, or another one here."""
        return each.is_revoked or each.id in self._revoked

    def about(self, each: StixObject) -> About:
        """What the object says itself, before what it is a sighting of, and what relationships lead to."""
        refs = [each.text("sighting_of_ref"), *self._related.get(each.id, ())]
        others = [self._abouts[ref] for ref in refs if ref in self._abouts]
        observed = About(tlp=strictest(*(data.tlp for data in self._observed_by(each))))
        return _about(each, tlp=self._markings.tlp(each)).before(*others, observed)

    def last_sighted(self, each: StixObject) -> str:
        """The time of the newest sighting of an object, as that says it."""
        _, text = self._sighted.get(each.id, (None, ""))
        return text

    def last_observed(self, sighting: StixObject) -> str:
        """The time of the first observed data that a sighting refers to."""
        return next((each.last for each in self._observed_by(sighting)), "")

    def mentions_of(self, each: StixObject) -> list[Mention] | None:
        """The assets that an observable is, or that observed data or a sighting refers to; `None` if far too many."""
        if each.type in _OBSERVABLES:
            return _known([self._mention(observable_of(each, tlp=self._markings.tlp(each)))])
        refs = dict.fromkeys(islice(self._refs(each), _MAX_REFS + 1))
        if len(refs) > _MAX_REFS:
            return None
        found = {ref: self._observables[ref] for ref in refs if ref in self._observables}
        traffic = [each for each in found.values() if isinstance(each, Traffic)]
        ends = {end for each in traffic for end in (each.source, each.destination)}
        return _known(self._mention(observable) for ref, observable in found.items() if ref not in ends)

    def _is_of_indicator(self, sighting: StixObject) -> bool:
        ref = sighting.text("sighting_of_ref")
        return ref.startswith("indicator--") and ref in self._abouts

    def _mention(self, observable: Observable | Traffic | None) -> Mention | None:
        if isinstance(observable, Traffic):
            return observable.mention(self._end(observable.source), self._end(observable.destination))
        return observable.mention if observable else None

    def _end(self, ref: str) -> Observable | None:
        end = self._observables.get(ref)
        return end if isinstance(end, Observable) else None

    def _refs(self, each: StixObject) -> Iterator[str]:
        if each.type == "observed-data":
            return iter(_refs_of_observed(each))
        return chain([each.text("sighting_of_ref")], *(observed.refs for observed in self._observed_by(each)))

    def _observed_by(self, sighting: StixObject) -> Iterator[_Observed]:
        refs = sighting.texts("observed_data_refs")[:_MAX_REFS]
        return (self._observed[ref] for ref in refs if ref in self._observed)

    def _take_in(self, each: StixObject) -> None:
        self._referred.update(_observables_in(each))
        if each.is_revoked and each.id:
            self._revoked.add(each.id)
        match each.type:
            case "indicator" | "malware" | "vulnerability" if each.id:
                self._abouts[each.id] = _about(each, tlp=self._markings.tlp(each))
            case "relationship":
                self._relate(each)
            case "sighting":
                self._take_in_sighting(each)
            case "observed-data":
                tlp = self._markings.tlp(each)
                self._observables.update(embedded(each, tlp=tlp))
                last = each.text("last_observed") or each.text("first_observed")
                self._observed[each.id] = _Observed(_refs_of_observed(each), last, tlp)
            case _:
                if observable := observable_of(each, tlp=self._markings.tlp(each)):
                    self._observables[each.id] = observable

    def _relate(self, relationship: StixObject) -> None:
        target = relationship.text("target_ref")
        if relationship.is_revoked or not target.startswith(("malware--", "vulnerability--")):
            return
        source = relationship.text("source_ref")
        targets = self._related.setdefault(source, [])
        if source and len(targets) < MAX_TAGS:
            targets.append(target)

    def _take_in_sighting(self, sighting: StixObject) -> None:
        if sighting.is_revoked or sighting.member("count") == 0:
            return
        self._told_by_sightings.update(filter(None, sighting.texts("observed_data_refs")))
        text = (sighting.text("last_seen") or sighting.text("first_seen"))[:_MAX_TIME_CHARS]
        at, ref = parse_time(text), sighting.text("sighting_of_ref")
        if at and ref:
            newest = (at if at.tzinfo else at.replace(tzinfo=UTC), text)
            self._sighted[ref] = max(newest, self._sighted.get(ref, newest))


def _about(each: StixObject, *, tlp: Tlp | None) -> About:
    tags = tags_in(each.texts("labels"))
    kinds = each.kinds
    by_kind = (category for kind, category in _CATEGORY_OF_KIND.items() if kind in kinds)
    name = plain(without_url_secrets(each.text("name")), _MAX_NAME_CHARS)
    return About(
        name=name,
        category=tags.category or each.text("x_tocsin_category")[:100] or next(by_kind, None),
        cve_ids=first_of(_cve_ids(each), tags.cve_ids),
        malware_name=(name[:100] or None) if each.type == "malware" else None,
        is_victim="compromised" in kinds,
        tlp=strictest(tags.tlp, tlp),
    )


def _cve_ids(each: StixObject) -> Iterator[str]:
    """The ids that a vulnerability has for its name, or that any object refers to outside."""
    named = [each.text("name")] if each.type == "vulnerability" else []
    for reference in each.objects("external_references"):
        external_id = reference.get("external_id")
        if reference.get("source_name") == "cve" and isinstance(external_id, str):
            named.append(external_id)
    return filter(None, (cve_of(text[:32].strip()) for text in named))


def _refs_of_observed(each: StixObject) -> tuple[str, ...]:
    refs = chain((ref for ref in each.texts("object_refs") if _is_observable(ref)), embedded(each, tlp=None))
    return tuple(islice(dict.fromkeys(refs), _MAX_REFS + 1))


def _observables_in(each: StixObject) -> Iterator[str]:
    """The ids of observables to which an object refers in any way."""
    members = each.members if isinstance(each.members, dict) else {}
    for name, value in members.items():
        if name in _NO_REFERENCES or not name.endswith(("_ref", "_refs")):
            continue
        refs = value if isinstance(value, list) else [value]
        yield from (ref for ref in refs if isinstance(ref, str) and _is_observable(ref))


def _is_observable(ref: str) -> bool:
    return ref.partition("--")[0] in _OBSERVABLES


def _known(mentions: Iterable[Mention | None]) -> list[Mention]:
    return [each for each in mentions if each]

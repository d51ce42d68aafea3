"""STIX 2.1 objects: each asset that an indicator, observed data or a sighting names is a record."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.formats.stix.markings import Markings
from services.intake.domain.formats.stix.mentions import Mention
from services.intake.domain.formats.stix.objects import StixObject, objects_of
from services.intake.domain.formats.stix.records import ObjectReader
from services.intake.domain.formats.stix.references import References
from services.intake.domain.formats.untaken_types import HOSTILE_ASSET, UNSUPPORTED_TYPE, Reason, UntakenTypes
from services.intake.domain.json_documents import MAX_DOCUMENT_BYTES, Part, whole_document
from services.intake.domain.json_values import object_of
from services.intake.domain.records import Findings, PayloadError, Record

_EXAMPLE = """\
{"type": "bundle", "id": "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d", "objects": [
  {"type": "indicator", "spec_version": "2.1", "id": "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
   "created": "2026-03-01T04:05:06.000Z", "modified": "2026-03-01T04:05:06.000Z", "valid_from": "2026-03-01T04:05:06Z",
   "name": "Infected machine", "labels": ["rsit:malicious-code=\\"infected-system\\""], "pattern_type": "stix",
   "pattern": "[ipv4-addr:value = '203.0.113.5' AND network-traffic:dst_port = 443]"}
]}
"""

_OF_BUNDLES = frozenset({"id", "more", "next", "objects", "spec_version", "type"})
_ESCAPED_LETTER = b"\\u"
_OF_OBJECTS = frozenset({"modified", "object_refs", "pattern", "spec_version", "value"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What one object gave: its records, or the reason for which none of its type are taken. Context gives neither."""

    object: StixObject
    records: tuple[Record, ...]
    untaken: Reason | None


def parse(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """One record for each asset, with its number among all; an object that names none counts as one too.

    Without any record if all objects are context, so that each is fine and nobody is to be warned.
    """
    records = (record for reading in readings(chunks, options) for record in reading.records)
    yield from at_most(records, options.max_records, least=0)


def readings(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Reading]:
    """What each object gives, in order; there must be some."""
    document = whole_document(chunks)
    if next(objects_of(document), None) is None:
        raise PayloadError(422, "empty-payload", "there is not a single object")
    yield from _readings(document, options)


def objects_in(chunks: Iterator[bytes]) -> Iterator[StixObject]:
    """The objects alone, in order; far quicker than reading what they say."""
    yield from objects_of(whole_document(chunks))


def _readings(document: Part, options: ParseOptions) -> Iterator[Reading]:
    references = References(objects_of(document), _markings_in(document))
    reader = ObjectReader(references, options)
    not_taken = _NotTaken(document, reader)
    number = 1
    for each in objects_of(document):
        findings = Findings(number, each.line)
        mentions: list[Mention] = []
        records: tuple[Record, ...] = ()
        untaken = None
        if object_of(each.members, findings, field=each.path) is None:
            records = (findings.verdict(None),)
        elif not references.is_context(each):
            mentions = reader.mentions(each, findings)
            if untaken := not_taken.reason(each):
                records = not_taken.refusal(each, untaken, number)
            else:
                records = tuple(reader.read(each, mentions, findings))
        yield Reading(each, records, untaken)
        number += max(1, len(mentions))


def _markings_in(document: Part) -> Markings:
    """Somebody's own markings are rare, and whether their type is in the text shows without opening any object."""
    may_have_own = document.holds(b'"marking-definition"') or document.holds(_ESCAPED_LETTER)
    return Markings(objects_of(document) if may_have_own else ())


class _NotTaken:
    """Objects of types that are not taken, and those that nobody is to be warned of."""

    def __init__(self, document: Part, reader: ObjectReader) -> None:
        self._document = document
        self._reader = reader

    @cached_property
    def _types(self) -> UntakenTypes:
        """Counted at the first refusal: most payloads have none, and need not be gone through for it."""
        types = (each.type for each in objects_of(self._document) if self.reason(each))
        return UntakenTypes(types, things="objects")

    def reason(self, each: StixObject) -> Reason | None:
        if self._reader.is_unsupported(each):
            return UNSUPPORTED_TYPE
        return HOSTILE_ASSET if self._reader.is_hostile(each) else None

    def refusal(self, each: StixObject, reason: Reason, number: int) -> tuple[Record, ...]:
        """The record that tells of all of the type; at the first of them."""
        record = self._types.refusal(each.type, reason, Findings(number, each.line), field=each.field("type"))
        return (record,) if record else ()


def has_names(names: frozenset[str]) -> bool:
    """Whether this is a bundle, an envelope, or an object with at least what all of them have."""
    return ("objects" in names and names <= _OF_BUNDLES) or (names >= {"id", "type"} and bool(names & _OF_OBJECTS))


FORMAT = Format(
    name="stix",
    media_types=("application/stix+json", "application/taxii+json", "application/json"),
    description="STIX 2.1 objects: a bundle, a TAXII envelope, an array or a single one; at most 64 MiB",
    example=_EXAMPLE,
    parse=parse,
    families=frozenset({Family.JSON}),
    has_names=has_names,
    whole_bytes=MAX_DOCUMENT_BYTES,
)

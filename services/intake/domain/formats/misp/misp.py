"""MISP events: each attribute that says whom something happens to is a record, those of objects too."""

from collections.abc import Iterator

from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.formats.misp.attributes import PARTS_OF_TYPE, indicator_of
from services.intake.domain.formats.misp.events import Attribute, attributes_of
from services.intake.domain.formats.untaken_types import HOSTILE_ASSET, UNSUPPORTED_TYPE, UntakenTypes
from services.intake.domain.json_documents import MAX_DOCUMENT_BYTES, whole_document
from services.intake.domain.lines import Unreadable
from services.intake.domain.partners import AssetsAre
from services.intake.domain.records import Findings, PayloadError, Record

_EXAMPLE = """\
{"Event": {"info": "Machines of a botnet", "date": "2026-03-01", "threat_level_id": "2",
  "Orgc": {"name": "Example CERT"}, "Tag": [{"name": "tlp:green"}], "Attribute": [
  {"uuid": "2f0d8f3c-1111-4222-8333-444455556667", "type": "ip-src|port", "to_ids": true, "value": "203.0.113.8|4444",
   "timestamp": "1772337906", "Tag": [{"name": "rsit:malicious-code=\\"infected-system\\""}]}
]}}
"""


def parse(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """One record for each attribute that is more than context, with its number among all attributes."""
    document = whole_document(chunks)
    not_taken = _NotTaken(at_most(attributes_of(document), options.max_records), options.assets_are)
    record = None
    for number, attribute in enumerate(attributes_of(document), 1):
        found = _record(attribute, Findings(number, attribute.line), not_taken, options)
        if found:
            record = found
            yield record
    if record is None:
        raise PayloadError(422, "empty-payload", "no attribute is for detection (to_ids) or tells of a victim")


def _record(attribute: Attribute, findings: Findings, not_taken: "_NotTaken", options: ParseOptions) -> Record | None:
    """The record, or nothing if the attribute is context or others of its type have been refused with it."""
    members = attribute.members
    if isinstance(members, Unreadable):
        findings.reject("", members.code, members.message)
    elif not isinstance(members, dict):
        findings.reject("", "not-an-object", "the attribute is not an object")
    elif attribute.is_context:
        return None
    elif attribute in not_taken:
        return not_taken.refusal(attribute, findings)
    else:
        return findings.verdict(indicator_of(attribute, findings, options))
    return findings.verdict(None)


class _NotTaken:
    """Attributes of types that are not taken, and those that nobody is to be warned of."""

    def __init__(self, attributes: Iterator[Attribute], assets_are: AssetsAre) -> None:
        self._assets_are = assets_are
        types = (each.type for each in attributes if each in self and not each.is_context)
        self._types = UntakenTypes(types, things="attributes")

    def __contains__(self, attribute: Attribute) -> bool:
        is_hostile = self._assets_are is AssetsAre.HOSTILE and not attribute.is_victim
        return isinstance(attribute.members, dict) and (is_hostile or attribute.type not in PARTS_OF_TYPE)

    def refusal(self, attribute: Attribute, findings: Findings) -> Record | None:
        """The record that tells of all of the type; at the first of them."""
        reason = HOSTILE_ASSET if attribute.type in PARTS_OF_TYPE else UNSUPPORTED_TYPE
        return self._types.refusal(attribute.type, reason, findings, field="type")


def has_names(names: frozenset[str]) -> bool:
    return bool(names & {"Event", "response"}) or ("info" in names and bool(names & {"Attribute", "Object"}))


FORMAT = Format(
    name="misp",
    media_types=("application/json",),
    description="MISP events, one or many, as MISP exports them; at most 64 MiB",
    example=_EXAMPLE,
    parse=parse,
    families=frozenset({Family.JSON}),
    has_names=has_names,
    whole_bytes=MAX_DOCUMENT_BYTES,
)

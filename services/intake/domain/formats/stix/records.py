"""One STIX object as indicators, one for each asset that it names."""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from libs.common.addresses import without_url_secrets
from libs.common.contracts import Asset, Indicator
from libs.common.text import plain
from services.intake.domain.categories import category_named, identifier_of_category
from services.intake.domain.extras import bounded
from services.intake.domain.formats.assets import named_asset
from services.intake.domain.formats.format import ParseOptions
from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.formats.stix.mentions import MAX_MENTIONS, Mention
from services.intake.domain.formats.stix.objects import StixObject
from services.intake.domain.formats.stix.patterns import mentions_in
from services.intake.domain.formats.stix.references import TAKEN_TYPES, References
from services.intake.domain.formats.tags import first_of, strictest, tags_in
from services.intake.domain.partners import AssetsAre
from services.intake.domain.records import Findings, Record, quoted
from services.intake.domain.times import optional_time, seen_at_in_utc
from services.intake.domain.values import identifier_of

_NAMING = {"indicator": "pattern", "observed-data": "object_refs", "sighting": "observed_data_refs"}
"""Which member of an object names its assets; observables are assets themselves."""

_COUNTS = {"observed-data": "number_observed", "sighting": "count"}
_FIRST_TIMES = {"observed-data": "first_observed", "sighting": "first_seen"}

_SURE = 100


class ObjectReader:
    """Turns objects into records."""

    def __init__(self, references: References, options: ParseOptions) -> None:
        self._references = references
        self._options = options

    def is_unsupported(self, each: StixObject) -> bool:
        return isinstance(each.members, dict) and not (each.type in TAKEN_TYPES or self._references.is_context(each))

    def is_hostile(self, each: StixObject) -> bool:
        if self._options.assets_are is not AssetsAre.HOSTILE or each.type not in TAKEN_TYPES:
            return False
        return not (self._references.is_context(each) or self._references.about(each).is_victim)

    def mentions(self, each: StixObject, findings: Findings) -> list[Mention]:
        """The assets that an object names, at most 100; without any the reason is in `findings`."""
        if each.type not in TAKEN_TYPES:
            return []
        if each.type == "indicator":
            return _mentions_in_pattern(each, findings)
        field = each.field(_NAMING.get(each.type, ""))
        found = self._references.mentions_of(each)
        if found is None or len(found) > MAX_MENTIONS:
            findings.reject(field, "field-too-long", f"it refers to more than {MAX_MENTIONS} assets")
            return []
        if not found:
            findings.reject(field, "no-asset", "it refers to no address, domain, URL or the like in this payload")
        return found

    def read(self, each: StixObject, mentions: list[Mention], findings: Findings) -> Iterator[Record]:
        """The records, numbered from that of `findings` on, which is the first; one if all share what is wrong."""
        common = self._common(each, findings)
        if common is None:
            yield findings.verdict(None)
            return
        for number, mention in enumerate(mentions, findings.record):
            own = findings if number == findings.record else Findings(number, each.line)
            yield own.verdict(self._with_asset(common, mention, each, own))

    def _common(self, each: StixObject, findings: Findings) -> Indicator | None:
        """What the indicators of all assets of an object share, still without one."""
        if withdrawal := self._withdrawal(each, findings):
            field, message = withdrawal
            findings.errors.clear()
            findings.reject(each.field(field), "withdrawn", message)
            return None
        fields = Fields(
            each.members if isinstance(each.members, dict) else {}, findings, where=each.path and f"{each.path}."
        )
        at = self._seen_at(each, findings)
        claimed = fields.integer("confidence", low=0, high=_SURE, code="invalid-confidence")
        if at is None or findings.errors:
            return None
        about = self._references.about(each)
        tags = tags_in((*each.texts("labels"), *each.texts("indicator_types")))
        category, original_category = category_named(about.category, field=each.field("labels"), findings=findings)
        first_time = _FIRST_TIMES.get(each.type, "")
        return Indicator(
            seen_at=at,
            first_seen_at=optional_time(each.text(first_time), field=each.field(first_time), findings=findings),
            category=category,
            identifier=identifier_of(about.name) or identifier_of_category(category, about.cve_ids),
            asset=Asset(),
            cve_ids=about.cve_ids,
            tags=tags.others,
            malware_name=about.malware_name,
            confidence=self._confidence(claimed, is_victim=about.is_victim),
            tlp=about.tlp,
            description=_description(about.name, each),
            extra={**_extra(each), **original_category},
        )

    def _with_asset(self, common: Indicator, mention: Mention, each: StixObject, findings: Findings) -> Indicator:
        where = each.field(_NAMING.get(each.type, ""))
        named = named_asset(Fields(mention.values, findings, where=where and f"{where}."))
        return replace(
            common,
            asset=named.asset,
            tags=first_of(common.tags, named.tags),
            tlp=strictest(common.tlp, mention.tlp),
            extra=bounded({**common.extra, **mention.beside, **named.original}.items()),
        )

    def _withdrawal(self, each: StixObject, findings: Findings) -> tuple[str, str] | None:
        """What says that the object no longer holds, and how."""
        if self._references.is_revoked(each):
            return "revoked", "the object is revoked"
        if "benign" in each.kinds:
            return "indicator_types", "the object says that it is benign"
        if each.type == "sighting" and each.member("count") == 0:
            return "count", "the sighting says that it has not been seen"
        valid_until = optional_time(each.text("valid_until"), field=each.field("valid_until"), findings=findings)
        if valid_until and valid_until <= self._options.now:
            return "valid_until", f"the object was valid until {valid_until:%Y-%m-%d %H:%M:%S} UTC"
        return None

    def _seen_at(self, each: StixObject, findings: Findings) -> datetime | None:
        """When it was last so: as somebody saw it, else as long ago as the object holds."""
        said = ((field, text) for field, text in self._times(each) if text)
        field, text = next(said, ("", ""))
        return seen_at_in_utc(text, field=each.field(field), findings=findings, now=self._options.now)

    def _times(self, each: StixObject) -> Iterator[tuple[str, str]]:
        """Where it may say so, best first."""
        match each.type:
            case "indicator":
                yield "sighting", self._references.last_sighted(each)
                yield "valid_from", each.text("valid_from")
            case "observed-data":
                yield "last_observed", each.text("last_observed")
                yield "first_observed", each.text("first_observed")
            case "sighting":
                yield "last_seen", each.text("last_seen")
                yield "first_seen", each.text("first_seen")
                yield "observed_data_refs", self._references.last_observed(each)
        yield "modified", each.text("modified")

    def _confidence(self, claimed: int | None, *, is_victim: bool) -> int | None:
        """As claimed. Where assets are abused rather than attacked, half of that, or of being sure."""
        if is_victim or self._options.assets_are is AssetsAre.VICTIMS:
            return claimed
        return (_SURE if claimed is None else claimed) // 2


def _mentions_in_pattern(indicator: StixObject, findings: Findings) -> list[Mention]:
    language = indicator.text("pattern_type")
    if language not in ("", "stix"):
        message = f"{quoted(language)} is not a language of patterns that we read"
        findings.reject(indicator.field("pattern_type"), "unsupported-pattern", message)
        return []
    pattern = indicator.text("pattern")
    if not pattern:
        findings.reject(indicator.field("pattern"), "missing-field", "an indicator has a pattern")
        return []
    return mentions_in(pattern, field=indicator.field("pattern"), findings=findings)


def _description(name: str, each: StixObject) -> str | None:
    told = filter(None, (name, without_url_secrets(each.text("description"))))
    return plain("\n".join(told), 4000, lines=True) or None


def _extra(each: StixObject) -> dict[str, str]:
    count = each.member(_COUNTS.get(each.type, ""))
    return {
        "stix_id": each.id,
        "created_by": each.text("created_by_ref"),
        "count": str(count) if isinstance(count, int) else "",
    }

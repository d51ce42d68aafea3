"""By which rule of its source a record was found, where it says so."""

from collections.abc import Iterator

from libs.common.contracts import Indicator

RULE_FIELDS = (
    "report_type",
    "feed_code",
    "feed_name",
    "rule",
    "rule_id",
    "rule_name",
    "signature",
    "signature_id",
    "template",
    "template_id",
    "template-id",
    "detection",
    "detection_name",
    "scan",
    "scan_name",
    "plugin",
    "plugin_id",
    "stix_id",
)
"""What sources call it in what else they say: Shadowserver and XARF the report's type, IntelMQ the feed, STIX the id of
its indicator, scanners a rule, a signature, a template or a plugin.
"""


def rules_behind(indicator: Indicator) -> Iterator[str]:
    """Every name that may be that of a rule: its tags, its malware, and what such fields say; as the record has it."""
    yield from indicator.tags
    if indicator.malware_name:
        yield indicator.malware_name
    if extra := indicator.extra:
        yield from (extra[field] for field in RULE_FIELDS if field in extra)

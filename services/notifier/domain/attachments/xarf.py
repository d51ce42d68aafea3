"""Findings as reports in XARF 4, one for each; valid by its schemas, and read back by intake as what they were.

What XARF has no place for goes in a member of our own, `tocsin`, as its core schema allows: the whole asset, the
category and the identifier by which the finding was known here, and of stolen credentials the account and the leak: its
`exposed_data` is about the page that exposes, not about whose they were. Another Tocsin reads it; everybody else passes
it over. Like the table, it holds nothing that partners wrote in own words.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from libs.common.contracts import Asset
from libs.common.text import plain
from libs.common.vocabulary import Severity
from services.notifier.domain.attachments.attachment import ROOM_BYTES, Attachment, Frame, attachment_of
from services.notifier.domain.attachments.table import account_of, rfc_3339, source_port_of
from services.notifier.domain.findings import Finding, hand_over_told, leak_of, leaked_on, tlp_of
from services.notifier.domain.notification import Notification

VERSION = "4.2.0"
NAME_CHARACTERS = 100
ORGANISATION_CHARACTERS = 200

Json = dict[str, object]


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Who reports: the house, and where an answer about this mail goes."""

    org: str
    contact: str
    domain: str


def reports_of(
    findings: Sequence[Finding], notification: Notification, sender: Sender, *, room: int = ROOM_BYTES
) -> Attachment:
    """The reports of a mail: a single one as XARF knows it, several in a list."""
    is_list = len(findings) > 1
    return attachment_of(
        _reports(findings, notification, sender),
        name=f"xarf-{notification.reference}.json",
        media_type="application/json",
        room=room,
        frame=Frame(head=b"[\n" if is_list else b"", between=b",\n", tail=b"\n]\n" if is_list else b"\n"),
    )


def _reports(findings: Sequence[Finding], notification: Notification, sender: Sender) -> Iterator[bytes]:
    for finding in findings:
        yield _encoder.encode(report_of(finding, notification, sender))


def report_of(finding: Finding, notification: Notification, sender: Sender) -> Json:
    """One finding. Its id is that of the target, so that the same finding in a second copy is the same report."""
    indicator, asset = finding.target.indicator, finding.target.indicator.asset
    kind = _kind(finding)
    contact = msgspec.structs.asdict(sender) | {"org": plain(sender.org, ORGANISATION_CHARACTERS)}
    report: Json = {
        "xarf_version": VERSION,
        "report_id": str(finding.target.target_id),
        "timestamp": rfc_3339(finding.last_seen_at),
        "reporter": contact,
        "sender": contact,
        "source_identifier": asset.key,
        "protocol": asset.transport,
        "first_seen": rfc_3339(finding.first_seen_at),
        "last_seen": rfc_3339(finding.last_seen_at),
        "severity": _severity(finding.target.severity),
        "confidence": None if indicator.confidence is None else indicator.confidence / 100,
        "description": f"{finding.target.incident} ({notification.reference})",
        "tags": _tags(finding),
        "asn": asset.asn or indicator.asn,
        "country_code": indicator.geo_country,
        "cve_ids": list(indicator.cve_ids),
        "malware_family": plain(indicator.malware_name or "", NAME_CHARACTERS),
        **kind,
        "source_port": _source_port(finding, kind),
        "tocsin": _own(finding, notification),
    }
    return {name: value for name, value in report.items() if value not in (None, "", [])}


def _source_port(finding: Finding, kind: Json) -> int | None:
    """The port that it spoke from, else that of its service; a vulnerability has the latter by another name."""
    if kind["category"] == "vulnerability":
        return None
    own_port = None if kind["category"] == "connection" else finding.target.indicator.asset.port
    return source_port_of(finding) or own_port


def _severity(severity: Severity) -> str:
    return "informational" if severity is Severity.INFO else severity.value


def _tags(finding: Finding) -> list[str]:
    return [f"tlp:{tlp_of(finding)}"]


def _own(finding: Finding, notification: Notification) -> Json:
    indicator = finding.target.indicator
    handed_over = hand_over_told(finding.target)
    own: Json = {
        "reference": notification.reference,
        "incident": finding.target.incident,
        "category": indicator.category,
        "identifier": indicator.identifier,
        "asset": msgspec.to_builtins(indicator.asset),
        "concerns": plain(handed_over.organisation, ORGANISATION_CHARACTERS) if handed_over else "",
        "handed_over_because": handed_over.reason if handed_over else "",
        "account": account_of(finding),
        "leak": plain(leak_of(indicator), ORGANISATION_CHARACTERS),
        "leaked_on": str(leaked_on(indicator) or ""),
    }
    return {name: value for name, value in own.items() if value != ""}


def _kind(finding: Finding) -> Json:
    """XARF's category and type, with what that type requires; what we can't say as it requires has a type for all."""
    category = finding.target.indicator.category
    return _KINDS.get(category, _intelligence)(finding) or _intelligence(finding)


def _intelligence(finding: Finding) -> Json:
    threat = finding.target.indicator.category.rpartition("/")[2]
    return {"category": "reputation", "type": "threat_intelligence", "threat_type": threat}


def _vulnerable(finding: Finding) -> Json:
    """A CVE is one only with the port of its service."""
    indicator, service = finding.target.indicator, _service(finding)
    if indicator.cve_ids and indicator.asset.port:
        return {"category": "vulnerability", "type": "cve", "cve_id": indicator.cve_ids[0], **service}
    return {"category": "vulnerability", "type": "misconfiguration", **service}


def _open_service(finding: Finding) -> Json:
    return {"category": "vulnerability", "type": "open_service", **_service(finding)}


def _service(finding: Finding) -> Json:
    """The product, or what is wrong with it: XARF asks for a name."""
    indicator = finding.target.indicator
    product = indicator.product
    name = plain(" ".join(filter(None, (product.vendor, product.name))) if product else "", NAME_CHARACTERS)
    version = plain(product.version or "", NAME_CHARACTERS) if product else ""
    return {
        "service": name or indicator.identifier,
        "service_version": version,
        "service_port": indicator.asset.port,
    }


def _infected(finding: Finding) -> Json:
    return {"category": "infrastructure", "type": "botnet", "compromise_evidence": finding.target.indicator.identifier}


def _compromised(finding: Finding) -> Json:
    return {"category": "infrastructure", "type": "compromised_server", "compromise_method": "unknown"}


def _page(type_: str, **required: str) -> Callable[[Finding], Json]:
    """Content is where its URL is; without one it is the machine that is spoken of."""

    def kind(finding: Finding) -> Json:
        url = finding.target.indicator.asset.url
        return {"category": "content", "type": type_, "url": url, **required} if url else {}

    return kind


def _attack(type_: str) -> Callable[[Finding], Json]:
    """Without a protocol, and of an address the port that it spoke from, XARF takes no report of an attack."""

    def kind(finding: Finding) -> Json:
        asset: Asset = finding.target.indicator.asset
        port = source_port_of(finding)
        if asset.transport is None or (asset.ip is not None and port is None):
            return {}
        return {"category": "connection", "type": type_}

    return kind


_KINDS: Mapping[str, Callable[[Finding], Json]] = {
    "vulnerable/vulnerable-system": _vulnerable,
    "vulnerable/weak-crypto": _vulnerable,
    "vulnerable/ddos-amplifier": _open_service,
    "vulnerable/information-disclosure": _open_service,
    "vulnerable/potentially-unwanted-accessible": _open_service,
    "malicious-code/infected-system": _infected,
    "malicious-code/c2-server": _compromised,
    "malicious-code/malware-distribution": _page("malware"),
    "intrusions/application-compromise": _compromised,
    "intrusions/system-compromise": _compromised,
    "fraud/phishing": _page("phishing"),
    "fraud/masquerade": _page("fraud", fraud_type="other"),
    "intrusion-attempts/brute-force": _attack("login_attack"),
    "information-gathering/scanner": _attack("port_scan"),
    "availability/ddos": _attack("ddos"),
}
"""By our category (RSIT). All others are reputation/threat_intelligence."""

_encoder = msgspec.json.Encoder()

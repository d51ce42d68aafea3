"""Reports in XARF that are right, for tests to spoil."""

import json
from datetime import UTC, datetime
from typing import Any

from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, Record, RejectedRecord

NOW = datetime(2026, 3, 2, tzinfo=UTC)
Json = dict[str, Any]  # what json.dumps takes

CONTACT = {"org": "Example", "contact": "abuse@example.org", "domain": "example.org"}
HEAD: Json = {
    "xarf_version": "4.2.0",
    "report_id": "5f1c9a52-6b0e-4a55-9f53-0d1f2b7c1a01",
    "timestamp": "2026-03-01T04:05:06Z",
    "reporter": CONTACT,
    "sender": CONTACT,
    "source_identifier": "192.0.2.77",
}
SEEN = {"first_seen": "2026-03-01T03:00:00Z", "protocol": "tcp"}
ATTACK = SEEN | {"source_port": 40000}
PAGE = {"url": "https://www.example.com/a"}

# What each type requires beside the head, and no more.
TYPES: dict[tuple[str, str], Json] = {
    ("messaging", "spam"): {"protocol": "smtp", "smtp_from": "x@example.net", "source_port": 25},
    ("messaging", "bulk_messaging"): {"protocol": "sms", "recipient_count": 100},
    ("content", "phishing"): PAGE,
    ("content", "malware"): PAGE,
    ("content", "fraud"): PAGE | {"fraud_type": "shopping"},
    ("content", "brand_infringement"): PAGE
    | {"infringement_type": "lookalike", "legitimate_site": "https://example.org"},
    ("content", "suspicious_registration"): PAGE
    | {"registration_date": "1999-01-01T00:00:00Z", "suspicious_indicators": ["typosquatting"]},
    ("content", "remote_compromise"): PAGE | {"compromise_type": "webshell"},
    ("content", "exposed_data"): PAGE | {"data_types": ["credentials"], "exposure_method": "paste_site"},
    ("content", "csam"): PAGE | {"classification": "A1", "detection_method": "hash_match"},
    ("content", "csem"): PAGE | {"exploitation_type": "grooming", "detection_method": "user_report"},
    ("copyright", "copyright"): {"infringing_url": "https://www.example.com/film"},
    ("copyright", "p2p"): {"p2p_protocol": "bittorrent", "swarm_info": {"info_hash": "0" * 40}},
    ("copyright", "cyberlocker"): {"infringing_url": "https://www.example.com/film", "hosting_service": "Example"},
    ("copyright", "link_site"): {"infringing_url": "https://www.example.com/film", "site_name": "Example"},
    ("copyright", "ugc_platform"): {"infringing_url": "https://www.example.com/film", "platform_name": "Example"},
    ("copyright", "usenet"): {"newsgroup": "alt.example", "message_info": {"message_id": "<1@example.net>"}},
    ("connection", "login_attack"): ATTACK,
    ("connection", "port_scan"): ATTACK,
    ("connection", "ddos"): ATTACK,
    ("connection", "sql_injection"): SEEN,
    ("connection", "reconnaissance"): SEEN | {"probed_resources": ["/.env"]},
    ("connection", "vulnerability_scan"): SEEN | {"scan_type": "mixed"},
    ("connection", "scraping"): SEEN | {"total_requests": 1},
    ("connection", "infected_host"): SEEN | {"bot_type": "malicious"},
    ("vulnerability", "cve"): {"service": "example", "service_port": 443, "cve_id": "CVE-2023-21529"},
    ("vulnerability", "misconfiguration"): {"service": "example"},
    ("vulnerability", "open_service"): {"service": "rdp"},
    ("infrastructure", "botnet"): {"compromise_evidence": "It called home."},
    ("infrastructure", "compromised_server"): {"compromise_method": "guessed"},
    ("reputation", "blocklist"): {"threat_type": "spam"},
    ("reputation", "threat_intelligence"): {"threat_type": "scanner"},
}

V3: Json = {
    "Version": "3",
    "ReporterInfo": {"ReporterOrg": "Example", "ReporterOrgEmail": "abuse@example.org"},
    "Disclosure": True,
    "Report": {"ReportType": "Spam", "Date": "2026-03-01T04:05:06Z", "SourceIp": "192.0.2.55"},
}


def report(category: str = "vulnerability", kind: str = "open_service", **fields: object) -> Json:
    return {**HEAD, "category": category, "type": kind, **TYPES[category, kind], **fields}


def read(*bodies: object) -> list[Record]:
    """The records of the values, or of a text as it is."""
    text = bodies[0] if isinstance(bodies[0], str) else "\n".join(map(json.dumps, bodies))
    return list(FORMATS["xarf"].parse(iter([str(text).encode()]), ParseOptions(None, NOW)))


def parsed(body: object) -> ParsedRecord:
    (record,) = read(body)
    assert isinstance(record, ParsedRecord), record
    return record


def errors(body: object) -> list[tuple[str, str]]:
    (record,) = read(body)
    assert isinstance(record, RejectedRecord), record
    return [(error.field, error.code) for error in record.errors]


def warnings(body: object) -> list[tuple[str, str]]:
    return [(warning.field, warning.code) for warning in parsed(body).warnings]

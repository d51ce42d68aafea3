"""STIX objects as partners push them."""

from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]  # Any: STIX objects

IDENTITY: Json = {
    "type": "identity",
    "spec_version": "2.1",
    "id": "identity--1d4a1a5e-9a3b-4c0b-8d25-5b9f4d0f2a01",
    "created": "2026-03-01T00:00:00.000Z",
    "modified": "2026-03-01T00:00:00.000Z",
    "name": "Example CERT",
    "identity_class": "organization",
}
AN_HOUR = timedelta(hours=1)


def indicator(number: int, pattern: str | None = None, *, age: timedelta = AN_HOUR, **members: object) -> Json:
    """About an infected machine: each number has one of its own, unless the pattern names another."""
    at = f"{datetime.now(UTC) - age:%Y-%m-%dT%H:%M:%S.000Z}"
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--00000000-0000-4000-8000-{number:012}",
        "created": at,
        "modified": at,
        "valid_from": at,
        "name": "Infected machine — geïnfecteerd",
        "labels": ['rsit:malicious-code="infected-system"'],
        "created_by_ref": IDENTITY["id"],
        "pattern_type": "stix",
        "pattern": pattern or f"[ipv4-addr:value = '192.0.2.{number % 250 + 1}']",
        **members,
    }

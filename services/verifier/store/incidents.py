"""The catalogue of incidents, as it is now."""

from collections.abc import Mapping
from datetime import datetime

import asyncpg
import msgspec

from libs.common.contracts import Advisory
from libs.common.db import Transaction
from libs.common.vocabulary import IncidentState, Language, Severity
from services.verifier.domain import Incident, Matches
from services.verifier.domain.affected import Affected
from services.verifier.domain.catalogue import Proposal


class _Content(msgspec.Struct, frozen=True):
    cve_ids: tuple[str, ...]
    matches: Matches
    advisory: dict[Language, Advisory]
    opt_in: bool = False
    affected: tuple[Affected, ...] = ()
    proposed: Proposal | None = None
    merged_into: str | None = None


_content = msgspec.json.Decoder(_Content)

PUT = """
INSERT INTO incidents (slug, category, severity, state, content, revision, origin, author, approver, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (slug) DO UPDATE SET category = excluded.category, severity = excluded.severity, state = excluded.state,
    content = excluded.content, revision = excluded.revision, origin = excluded.origin, author = excluded.author,
    approver = excluded.approver, changed_at = excluded.changed_at
WHERE incidents.revision = excluded.revision - 1
RETURNING slug
"""


async def incidents(tx: Transaction) -> dict[str, Incident]:
    """All of them, by slug; some dozens to some hundreds."""
    rows = await tx.fetch("SELECT * FROM incidents ORDER BY slug")
    return {row["slug"]: _incident(row) for row in rows}


async def shipped_incidents(tx: Transaction) -> Mapping[str, Incident]:
    """Those that no person has touched since they were shipped, or opened by themselves."""
    rows = await tx.fetch("SELECT * FROM incidents WHERE origin IN ('shipped', 'tocsin')")
    return {row["slug"]: _incident(row) for row in rows}


async def put_incident(tx: Transaction, incident: Incident, *, origin: str, now: datetime) -> bool:
    """Store a new revision; False where somebody else has stored the same revision first."""
    content = msgspec.convert(incident, _Content, from_attributes=True)
    rows = await tx.fetch(
        PUT,
        incident.slug,
        incident.category,
        incident.severity.value,
        incident.state.value,
        msgspec.json.encode(content).decode(),
        incident.revision,
        origin,
        incident.author,
        incident.approver,
        now,
    )
    return bool(rows)


def _incident(row: asyncpg.Record) -> Incident:
    content = _content.decode(row["content"])
    return Incident(
        slug=row["slug"],
        category=row["category"],
        severity=Severity(row["severity"]),
        state=IncidentState(row["state"]),
        cve_ids=content.cve_ids,
        matches=content.matches,
        advisory=content.advisory,
        opt_in=content.opt_in,
        revision=row["revision"],
        author=row["author"],
        approver=row["approver"],
        affected=content.affected,
        proposed=content.proposed,
        merged_into=content.merged_into,
    )

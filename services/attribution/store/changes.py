"""The audit log of organisations: written with each change, never changed."""

from collections.abc import Iterable
from uuid import UUID

import asyncpg
import msgspec

from libs.common.db import Transaction
from libs.common.ids import new_id
from services.attribution.domain.changes import Change, Fields, KeptChange, What

_FIELDS = msgspec.json.Decoder(dict[str, object])


async def record(tx: Transaction, changes: Iterable[Change]) -> None:
    """In the transaction of the changes themselves."""
    rows = [
        (
            new_id(), change.organisation_id, change.at, change.by, change.what.value, change.subject,
            _json(change.before), _json(change.after),
        )
        for change in changes
    ]  # fmt: skip
    columns = ("change_id", "organisation_id", "at", "by", "what", "subject", "before", "after")
    if rows:
        await tx.copy("organisation_change", columns=columns, rows=rows)


async def page(tx: Transaction, organisation_id: UUID, *, before: UUID | None, limit: int) -> list[KeptChange]:
    """Newest first; ids rise with time."""
    rows = await tx.fetch(
        """SELECT change_id, organisation_id, at, by, what, subject, before, after FROM organisation_change
           WHERE organisation_id = $1 AND ($2::uuid IS NULL OR change_id < $2) ORDER BY change_id DESC LIMIT $3""",
        organisation_id,
        before,
        limit,
    )
    return [KeptChange(row["change_id"], _change(row)) for row in rows]


def _change(row: asyncpg.Record) -> Change:
    return Change(
        organisation_id=row["organisation_id"],
        at=row["at"],
        by=row["by"],
        what=What(row["what"]),
        subject=row["subject"],
        before=_FIELDS.decode(row["before"]) if row["before"] is not None else None,
        after=_FIELDS.decode(row["after"]) if row["after"] is not None else None,
    )


def _json(fields: Fields | None) -> str | None:
    return msgspec.json.encode(fields).decode() if fields is not None else None

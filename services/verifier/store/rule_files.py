"""Files of rules: each that was put in force stays, the one of the highest revision counts."""

from datetime import datetime

import asyncpg
import msgspec

from libs.common.db import Transaction


class RuleFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file, and who put it in force when and why. Revision 0 is the one that comes with the release."""

    revision: int
    text: str
    note: str
    put_at: datetime | None
    put_by: str


async def newest_rule_file(tx: Transaction) -> RuleFile | None:
    return next(iter(await rule_files(tx, before=None, limit=1)), None)


async def rule_files(tx: Transaction, *, before: int | None, limit: int) -> list[RuleFile]:
    """Newest first."""
    rows = await tx.fetch(
        "SELECT * FROM rule_files WHERE $1::int IS NULL OR revision < $1 ORDER BY revision DESC LIMIT $2", before, limit
    )
    return [_rule_file(row) for row in rows]


async def add_rule_file(tx: Transaction, rule_file: RuleFile) -> bool:
    """False where somebody else has put one of this revision first."""
    rows = await tx.fetch(
        """
        INSERT INTO rule_files (revision, text, note, put_at, put_by) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (revision) DO NOTHING RETURNING revision
        """,
        *msgspec.structs.astuple(rule_file),
    )
    return bool(rows)


def _rule_file(row: asyncpg.Record) -> RuleFile:
    return RuleFile(**row)

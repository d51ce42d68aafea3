"""Brakes: orders to stop sending, and which mails each reaches."""

from libs.common.db import Transaction
from services.notifier.domain.notification import Brake, BrakeScope


def in_domain(domain: str, *, given: str) -> str:
    """SQL: whether `domain` is `given` or lies below it. Both are names of columns or of parameters."""
    return f"right('.' || {domain}, length({given}) + 1) = '.' || {given}"


def within(scope: str, value: str) -> str:
    """SQL: whether a scope, with its value, reaches the mail `n`. Both are names of columns or of parameters."""
    return f"""
    CASE {scope}
        WHEN 'all' THEN true
        WHEN 'incident' THEN n.incident = {value}
        WHEN 'partner' THEN {value} = ANY(n.partners)
        WHEN 'domain' THEN {in_domain("n.recipient_domain", given=value)}
    END
    """


BRAKED = f"EXISTS (SELECT FROM brakes b WHERE b.engaged AND {within('b.scope', 'b.value')})"

DIGEST_BRAKED = f"""
    EXISTS (
        SELECT FROM brakes b WHERE b.engaged
          AND (b.scope = 'all' OR b.scope = 'domain' AND {in_domain("digests.recipient_domain", given="b.value")})
    )
"""
"""A brake on a partner or an incident holds warnings back; what their partner hears of them is not one."""


async def record_brake(tx: Transaction, brake: Brake) -> None:
    """Engage or release; the last word on a scope stands."""
    await tx.fetch(
        """
        INSERT INTO brakes (scope, value, engaged, reason, changed_at, changed_by) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (scope, value) DO UPDATE
        SET engaged = excluded.engaged, reason = excluded.reason, changed_at = excluded.changed_at,
            changed_by = excluded.changed_by
        """,
        brake.scope,
        brake.value,
        brake.engaged,
        brake.reason,
        brake.changed_at,
        brake.changed_by,
    )


async def all_brakes(tx: Transaction) -> list[Brake]:
    """Every brake that was ever touched, the latest touched first."""
    rows = await tx.fetch("SELECT * FROM brakes ORDER BY changed_at DESC, scope, value")
    return [Brake(**dict(row) | {"scope": BrakeScope(row["scope"])}) for row in rows]


async def brakes_on(tx: Transaction, *, incident: str, domain: str) -> list[Brake]:
    """The engaged ones that would hold back a mail about this incident to this domain, the latest touched first."""
    rows = await tx.fetch(
        f"""
        SELECT b.*
        FROM brakes b, (SELECT $1::text AS incident, '{{}}'::text[] AS partners, $2::text AS recipient_domain) n
        WHERE b.engaged AND {within("b.scope", "b.value")} ORDER BY b.changed_at DESC, b.scope, b.value
        """,  # noqa: S608 - columns
        incident,
        domain,
    )
    return [Brake(**dict(row) | {"scope": BrakeScope(row["scope"])}) for row in rows]

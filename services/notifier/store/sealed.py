"""How mails were sealed: kept before they leave, so that a second try is the same mail."""

from uuid import UUID

from libs.common.db import Transaction
from services.notifier.domain.sealing.keys import Scheme
from services.notifier.domain.sealing.sealed import Sealed


async def sealed_mail(tx: Transaction, notification_id: UUID) -> Sealed | None:
    """How a notification's mail was sealed last; None where nobody asked for it."""
    rows = await tx.fetch(
        """SELECT notification_id, scheme, fingerprint, why, carries, inside, at FROM sealed_mails
           WHERE notification_id = $1""",
        notification_id,
    )
    for row in rows:
        return Sealed(**{**dict(row), "scheme": Scheme(row["scheme"]) if row["scheme"] else None})
    return None


async def keep_sealed(tx: Transaction, mail: Sealed) -> None:
    """In the place of what was kept of the same notification."""
    await tx.fetch(
        """INSERT INTO sealed_mails (notification_id, scheme, fingerprint, why, carries, inside, at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (notification_id) DO UPDATE SET scheme = EXCLUDED.scheme, fingerprint = EXCLUDED.fingerprint,
               why = EXCLUDED.why, carries = EXCLUDED.carries, inside = EXCLUDED.inside, at = EXCLUDED.at""",
        mail.notification_id,
        mail.scheme,
        mail.fingerprint,
        mail.why,
        mail.carries,
        mail.inside,
        mail.at,
    )

"""Claims that are put to a registry's contact: taken up, and what is kept of them. They are sent like digests."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.common.contracts import ClaimToConfirm
from libs.common.contracts.wire import encode
from libs.common.db import Transaction
from services.notifier.domain.digests.digest import ClaimMail, SideMailKind, WantedDigests
from services.notifier.domain.notification import State
from services.notifier.store.digests import NewSideMail, add_side_mails, newest_side_mails, side_mail_with_id


async def add_claims(tx: Transaction, claims: Sequence[ClaimToConfirm], *, now: datetime) -> int:
    """Keep each once; those that are there already stay as they are. Answers how many are new."""
    mails = [NewSideMail(id=each.request_id, kind=SideMailKind.CLAIM, email=each.email, due=each) for each in claims]
    return await add_side_mails(tx, mails, now=now)


async def forget_code(tx: Transaction, mail: ClaimMail) -> None:
    """The code is a secret that nobody needs any more."""
    await tx.fetch("UPDATE digests SET due = $2 WHERE id = $1", mail.id, encode(mail.without_code))


async def newest_claim_mails(
    tx: Transaction, state: State | None, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[ClaimMail]:
    """A page of them, newest first."""
    wanted = WantedDigests(state=state)
    found = await newest_side_mails(tx, [SideMailKind.CLAIM], wanted, before=before, limit=limit)
    return [mail for mail in found if isinstance(mail, ClaimMail)]


async def claim_mail_with_id(tx: Transaction, request_id: UUID) -> ClaimMail | None:
    mail = await side_mail_with_id(tx, request_id)
    return mail if isinstance(mail, ClaimMail) else None

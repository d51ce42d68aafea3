"""Assets stop counting as an organisation's: what waits to be told to it is attributed anew."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.contracts import AssetRegistered, IndicatorSettled
from libs.common.db import Transaction
from services.notifier.handlers.withdrawing import take_out_unproven
from services.notifier.store import proofs, withdrawals


async def heed_registrations(
    events: Sequence[AssetRegistered], *, tx: Transaction, now: datetime
) -> Sequence[IndicatorSettled]:
    """Keep the last word on each asset; after a loss take what rests on it out of what has not gone out.

    The questions who is told instead leave through the outbox. What comes again changes nothing. A mail under way is
    left alone: should it come back undelivered, the sender finds the loss before it takes the mail up again.
    """
    lost = {event.key for event in events if not event.is_registered}
    if lost:
        await withdrawals.wait_for_planning(tx)
    await proofs.record_words(tx, events)
    if lost:
        mails = await proofs.lock_mails_resting_on(tx, lost)
        await take_out_unproven(tx, await proofs.unproven_in(tx, mails), now=now)
    return ()

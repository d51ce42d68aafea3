"""A registration was confirmed, changed or withdrawn."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.contracts import Event, RegistrationConfirmed
from libs.common.db import Transaction
from services.attribution import store
from services.attribution.domain.self_registrations import newest


async def hear_registrations(
    events: Sequence[RegistrationConfirmed], /, *, tx: Transaction, now: datetime
) -> Sequence[Event]:
    """Keep what is wanted. The greatest revision counts, so one that is older or comes again changes nothing.

    What follows from it is told by whoever takes it up.
    """
    await store.self_registrations.hear(tx, newest(events), now=now)
    return []

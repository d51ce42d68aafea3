"""A push is noted for the watch over its feed: one row, when it is read to its end or refused as a whole.

Here is where it is decided what counts as an arrival: no test does. What is only tried (`dry_run`) never comes here.
"""

from contextlib import suppress

from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from services.intake.domain.feeds.days import arrival_of, refusal_of, with_a_known_header
from services.intake.domain.records import PayloadError
from services.intake.domain.submissions import Submission, Tally
from services.intake.store.feeds import arrivals, kept


async def note_arrival(tx: Transaction, submission: Submission, tally: Tally) -> None:
    """In the transaction that ends the submission, so that it counts once."""
    if not submission.is_test:
        await arrivals.add(tx, arrival_of(submission, tally))


async def note_refusal(submission: Submission, tally: Tally, error: PayloadError, *, database: Database) -> None:
    """Only of a feed that there is. The partner's answer does not depend on it."""
    if submission.is_test:
        return
    refused = refusal_of(submission, tally, error)
    with suppress(Transient):
        async with database.transaction() as tx:
            known = await kept.columns_of(tx, refused.feed)
            if known is not None:
                await arrivals.add(tx, with_a_known_header(refused, known))

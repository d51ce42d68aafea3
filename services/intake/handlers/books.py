"""The books of all services, a window of submissions at a time, always read against the flow."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from libs.common.books import SubmissionCounts
from libs.common.db import Database
from services.intake.domain.reconciliation.accounts import Account, Window
from services.intake.domain.reconciliation.differences import Mails
from services.intake.gateway.siblings import Siblings
from services.intake.store import reconciliation as store

MOST_SUBMISSIONS = 500
MOST_RECORDS = 200_000
"""In one window, unless a single submission has more records: what is read and asked for at a time."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which submissions, by their ids: those above `after` up to `through`; and mails since a day, or none."""

    after: UUID
    through: UUID
    mails_since: date | None

    @classmethod
    def of(cls, submission_id: UUID) -> "Scope":
        """A single one."""
        return cls(UUID(int=submission_id.int - 1), submission_id, mails_since=None)

    @classmethod
    def received_since(cls, beginning: datetime) -> "Scope":
        """All from then on; ids begin with the milliseconds of their time (UUIDv7)."""
        return cls(UUID(int=int(beginning.timestamp() * 1000) << 80), LAST, mails_since=beginning.date())


LAST = UUID(int=2**128 - 1)


class AllBooks:
    """Reads. Raises `Transient` or `Permanent` when a service can't be asked."""

    def __init__(self, database: Database, siblings: Siblings) -> None:
        self._database = database
        self._siblings = siblings

    async def size(self, scope: Scope) -> int:
        """How many submissions intake knows of."""
        async with self._database.transaction() as tx:
            return await store.submissions_between(tx, after=scope.after, through=scope.through)

    async def windows(self, scope: Scope) -> AsyncIterator[Window]:
        """Without a gap between them, so that a submission that intake does not know is found in one of them."""
        after = scope.after
        while after < scope.through:
            async with self._database.transaction() as tx:
                window = await store.next_window(
                    tx,
                    after=after,
                    through=scope.through,
                    most_submissions=MOST_SUBMISSIONS,
                    most_records=MOST_RECORDS,
                )
            yield window
            after = window.through

    async def accounts(self, window: Window) -> dict[UUID, Account]:
        """Every submission that anybody knows of."""
        async with self._database.transaction() as tx:
            own = await store.own_books(tx, window)
        notifier = await self._siblings.notifier.counts(after=window.after, through=window.through)
        attribution = await self._siblings.attribution.counts(after=window.after, through=window.through)
        verifier = await self._siblings.verifier.counts(after=window.after, through=window.through)
        async with self._database.transaction() as tx:
            accepted = await store.accepted(tx, window)
        # What was accepted since the first reading is not looked at: it was not complete then.
        known = {*own, *notifier, *attribution, *verifier} - (accepted.keys() - own.keys())
        return {
            submission_id: Account(
                submission_id=submission_id,
                own=own.get(submission_id),
                accepted=accepted.get(submission_id, 0),
                verifier=verifier.get(submission_id, SubmissionCounts(submission_id=submission_id)),
                attribution=attribution.get(submission_id, SubmissionCounts(submission_id=submission_id)),
                notifier=notifier.get(submission_id, SubmissionCounts(submission_id=submission_id)),
            )
            for submission_id in known
        }

    async def mails(self, scope: Scope) -> Mails:
        """Nothing, for a scope without mails."""
        if scope.mails_since is None:
            return Mails(known={}, sent={})
        known = await self._siblings.feedback.sent(since=scope.mails_since)
        return Mails(known=known, sent=await self._siblings.notifier.sent(since=scope.mails_since))

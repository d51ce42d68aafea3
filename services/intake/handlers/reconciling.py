"""The comparison of all books: a look at everything, and more looks at what did not add up, until it is decided."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from libs.common.books import Backlog
from libs.common.db import Database
from services.intake.domain.reconciliation.accounts import Account, Window
from services.intake.domain.reconciliation.differences import (
    Comparison,
    Difference,
    compare,
    compare_mails,
    differences,
    mail_differences,
)
from services.intake.domain.reconciliation.report import MOST_KEPT, Reconciliation
from services.intake.gateway.siblings import Siblings
from services.intake.handlers.books import AllBooks, Scope
from services.intake.handlers.rest import until_at_rest
from services.intake.store import reconciliation as store

MOST_DOUBTS = 1000
"""Submissions kept from a first look; with more, they are decided before the next window."""

Doubts = Mapping[Window, Mapping[UUID, Account]]
"""Submissions that did not add up, as they were at the last look."""

Tell = Callable[[int, int], None]
"""Hears how many submissions have been looked at, and of how many."""


@dataclass(slots=True)
class _Findings:
    """What a run has found so far."""

    submissions: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    under_way: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    differences_total: int = 0
    no_verdict: str | None = None

    def count(self, account: Account) -> None:
        if account.own is not None:
            self.submissions += 1
            self.outcomes.update(account.own.outcomes)
        self.waiting.update({each.state: each.records for each in account.notifier.waiting})

    def add(self, found: Comparison, *, is_last_look: bool, trouble: str | None) -> bool:
        """Take over what is decided; whether another look is needed."""
        self.differences_total += len(found.proven)
        self.differences += found.proven[: MOST_KEPT - len(self.differences)]
        if found.open and is_last_look:
            for each in found.open:
                self.under_way[each.border or "services → intake"] += each.records
            self.no_verdict = self.no_verdict or trouble
        return bool(found.open) and not is_last_look


class Reconciler:
    """Compares. `backlog` is intake's own; `wait_seconds`: how long what is under way may take to come to rest."""

    def __init__(
        self, database: Database, siblings: Siblings, *, backlog: Callable[[], Awaitable[Backlog]], wait_seconds: float
    ) -> None:
        self._database = database
        self._books = AllBooks(database, siblings)
        self._services = (*((name, sibling.backlog) for name, sibling in siblings.downstream()), ("intake", backlog))
        self._wait_seconds = wait_seconds

    async def run(self, scope: Scope, *, tell: Tell = lambda done, total: None) -> Reconciliation:
        """Compare, and keep what comes of it. Raises `Transient` or `Permanent` when a service can't be asked."""
        began_at, findings = self._database.now(), _Findings()
        await self._compare_submissions(scope, findings, tell)
        await self._compare_mails(scope, findings)
        run = Reconciliation(
            began_at=began_at,
            ended_at=self._database.now(),
            submissions=findings.submissions,
            outcomes=dict(findings.outcomes),
            waiting=dict(findings.waiting),
            under_way=dict(findings.under_way),
            differences=tuple(findings.differences),
            differences_total=findings.differences_total,
            no_verdict=findings.no_verdict,
        )
        async with self._database.transaction() as tx:
            await store.add_run(tx, run)
        return run

    async def _compare_submissions(self, scope: Scope, findings: _Findings, tell: Tell) -> None:
        doubts: dict[Window, Mapping[UUID, Account]] = {}
        total = await self._books.size(scope)
        tell(0, total)
        async for window in self._books.windows(scope):
            accounts = await self._books.accounts(window)
            for account in accounts.values():
                findings.count(account)
            if doubtful := {key: account for key, account in accounts.items() if differences(account, account)}:
                doubts[window] = doubtful
            if sum(map(len, doubts.values())) >= MOST_DOUBTS:
                await self._decide(doubts, findings)
                doubts = {}
            tell(findings.submissions, total)
        await self._decide(doubts, findings)

    async def _decide(self, doubts: Doubts, findings: _Findings) -> None:
        """Look again at what did not add up, each time after all had come to rest."""
        give_up = time.monotonic() + self._wait_seconds
        while doubts:
            trouble = await until_at_rest(self._services, until=give_up)
            is_last_look = trouble is not None or time.monotonic() > give_up
            left: dict[Window, Mapping[UUID, Account]] = {}
            for window, earlier in doubts.items():
                later = await self._books.accounts(window)
                found = {
                    key: compare(earlier[key], later[key], at_rest=trouble is None)
                    for key in earlier.keys() & later.keys()
                }
                left[window] = {
                    key: later[key]
                    for key, comparison in found.items()
                    if findings.add(comparison, is_last_look=is_last_look, trouble=trouble)
                }
            doubts = {window: accounts for window, accounts in left.items() if accounts}

    async def _compare_mails(self, scope: Scope, findings: _Findings) -> None:
        give_up = time.monotonic() + self._wait_seconds
        earlier = await self._books.mails(scope)
        is_open = bool(mail_differences(earlier, earlier))
        while is_open:
            trouble = await until_at_rest(self._services, until=give_up)
            later = await self._books.mails(scope)
            comparison = compare_mails(earlier, later, at_rest=trouble is None)
            is_last_look = trouble is not None or time.monotonic() > give_up
            is_open = findings.add(comparison, is_last_look=is_last_look, trouble=trouble)
            earlier = later

"""The life of threats: who was warned of them, and what silence makes of them."""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from libs.common.contracts import Event, NotificationSent
from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from libs.common.metrics import MEDIAN_REMEDIATION_DAYS, THREATS_WARNED
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import NotificationKind, RecipientKind
from services.verifier import store
from services.verifier.domain import (
    Remediation,
    Rules,
    Threat,
    ThreatState,
    feeds_of,
    last_reported_at,
    state_after_silence,
)
from services.verifier.handlers.in_force import RulesInForce

Task = Callable[[Shutdown], Awaitable[None]]

log = structlog.get_logger(__name__)

SHOWN_SINCE = timedelta(days=365)
AT_ONCE = 2_000
REST = 50
"""After each step, so many times as long as it took: all of this together takes a fiftieth of one connection's time."""

BEFORE_ALL = UUID(int=0)


async def note_warnings(sent: Sequence[NotificationSent], /, *, tx: Transaction, now: datetime) -> Sequence[Event]:
    """Note when somebody was first and last warned of each threat. Tests, corrections and hand-overs warn nobody."""
    warnings: dict[UUID, tuple[datetime, datetime]] = {}
    for event in filter(_warns, sent):
        for target in event.targets:
            first, last = warnings.get(target.threat_id, (event.sent_at, event.sent_at))
            warnings[target.threat_id] = min(first, event.sent_at), max(last, event.sent_at)
    await store.note_warnings(tx, warnings)
    return []


def _warns(sent: NotificationSent) -> bool:
    """A team is no one whose threat it is: whom it tells, and when, we do not know."""
    is_handed_over = sent.recipient_kind is RecipientKind.NATIONAL_CERT
    return sent.kind is NotificationKind.WARNING and not sent.is_test and not is_handed_over


async def remediation(
    tx: Transaction, *, incident: str | None, since: datetime | None, now: datetime
) -> tuple[datetime, list[Remediation]]:
    """What became of threats first warned of since then, or within a year: by incident, and last of all together."""
    begin = since or now - SHOWN_SINCE
    return begin, await store.remediation(tx, incident=incident, since=begin)


async def age_threats(tx: Transaction, rules: Rules, *, after: UUID, now: datetime) -> UUID | None:
    """Look at the next 2,000 threats: which are quiet, and which are over. Where to go on; None at the end."""
    threats = await store.next_threats(tx, after=after, limit=AT_ONCE)
    silent = [each for each in threats if _may_have_aged(each, rules, now)]
    reported = await store.reported_at(tx, feeds_of(silent)) if silent else {}

    aged: dict[ThreatState, list[Threat]] = {}
    for threat in silent:
        state = state_after_silence(threat, last_reported_at(threat, reported), rules)
        if state is not threat.state:
            aged.setdefault(state, []).append(threat)

    for state, changed in aged.items():
        await store.age_threats(tx, changed, state=state, now=now)
    return threats[-1].threat_id if len(threats) == AT_ONCE else None


def _may_have_aged(threat: Threat, rules: Rules, now: datetime) -> bool:
    if threat.is_test or threat.state is ThreatState.CLOSED:
        return False
    return threat.state is ThreatState.QUIET or now - threat.heard_of_at > rules.quiet_after


class ThreatUpkeep:
    """Makes reports fewer, lets threats age, and measures what became of warnings. Every replica does.

    Nothing of it is in the way of a record: it waits for no row, and rests much longer than it works.
    """

    def __init__(self, database: Database, rules: RulesInForce, *, refresh_seconds: float) -> None:
        self._database = database
        self._rules = rules
        self._refresh_seconds = refresh_seconds
        self._walked: UUID = BEFORE_ALL
        self.tasks: Sequence[Task] = [
            partial(self._keep_doing, work) for work in (self.compact, self.age, self.measure)
        ]

    async def compact(self) -> bool:
        async with self._database.transaction() as tx:
            await store.compact_reports(tx)
        return True

    async def age(self) -> bool:
        """A step of a walk through all threats; whether that is at its end."""
        async with self._database.transaction() as tx:
            following = await age_threats(tx, self._rules.current, after=self._walked, now=self._database.now())
        self._walked = following or BEFORE_ALL
        return following is None

    async def measure(self) -> bool:
        async with self._database.transaction() as tx:
            _, found = await remediation(tx, incident=None, since=None, now=self._database.now())
        _show(found)
        return True

    async def _keep_doing(self, work: Callable[[], Awaitable[bool]], shutdown: Shutdown) -> None:
        """Until shutdown. What is not done goes on after its rest; what is, or could not be, after a while at least."""
        while not shutdown.requested:
            began, is_done = time.monotonic(), True
            try:
                is_done = await work()
            except Transient as error:
                log.warning("upkeep has to wait", reason=str(error))
            rest_seconds = REST * (time.monotonic() - began)
            await shutdown.wait(max(rest_seconds, self._refresh_seconds) if is_done else rest_seconds)


def _show(found: Sequence[Remediation]) -> None:
    THREATS_WARNED.clear()
    for each in found:
        if each.incident is None:
            MEDIAN_REMEDIATION_DAYS.set(each.median_days if each.median_days is not None else float("nan"))
            continue
        for fate in ("remediated", "still_seen", "wrong", "unknown"):
            THREATS_WARNED.labels(each.incident, fate.replace("_", "-")).set(getattr(each, fate))

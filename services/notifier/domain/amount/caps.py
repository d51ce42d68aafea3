"""Which mails may go now: none before its time, and no more a day than the caps say."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from services.notifier.domain.amount.policy import AmountPolicy, Caps, Slot, Subject, slot_for, slot_to_plan
from services.notifier.domain.amount.waits import Wait


class Count(msgspec.Struct, frozen=True):
    """What is counted of a day: the mails of one scope, as `domain-cap` `jansen.example`."""

    scope: Wait
    value: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that asks to go: of its head, and with the incidents that it tells of."""

    subject: Subject
    incidents: tuple[str, ...]
    is_round_up: bool = False


class Freed(msgspec.Struct, frozen=True):
    """It may go now, and uses up what it `counts` for."""

    counts: tuple[Count, ...] = ()


Verdict = Freed | Slot


def counts_of(asked: Asked, caps: Caps) -> tuple[Count, ...]:
    """What this mail is counted for, as far as there is a cap on it. A round-up is one a day, whatever else holds."""
    if not asked.subject.counts:
        return ()
    return tuple(_counted(asked, caps))


def _counted(asked: Asked, caps: Caps) -> Iterator[Count]:
    if asked.is_round_up:
        yield Count(Wait.ONE_ROUND_UP_A_DAY, asked.subject.recipient_key)
    if caps.recipient is not None:
        yield Count(Wait.RECIPIENT_CAP, asked.subject.recipient_key)
    if caps.domain is not None:
        yield Count(Wait.DOMAIN_CAP, asked.subject.domain)
    if caps.incident is not None:
        yield from (Count(Wait.INCIDENT_CAP, incident) for incident in asked.incidents)
    if caps.total is not None:
        yield Count(Wait.TOTAL_CAP)


def most_of(scope: Wait, caps: Caps) -> int:
    """How many mails of a scope may go in a day."""
    most = {
        Wait.ONE_ROUND_UP_A_DAY: 1,
        Wait.RECIPIENT_CAP: caps.recipient,
        Wait.DOMAIN_CAP: caps.domain,
        Wait.INCIDENT_CAP: caps.incident,
        Wait.TOTAL_CAP: caps.total,
    }[scope]
    if most is None:
        raise LookupError(scope)
    return most


def let_go(asking: Sequence[Asked], *, used: Mapping[Count, int], policy: AmountPolicy, now: datetime) -> list[Verdict]:
    """Decide in order: what a mail uses up is gone for those after it.

    A critical one goes whatever is used up, and is counted. What is over a cap asks again on the next day.
    """
    counted = Counter(used)
    verdicts: list[Verdict] = []
    for asked in asking:
        verdict = _verdict_on(asked, used=counted, policy=policy, now=now)
        if isinstance(verdict, Freed):
            counted.update(verdict.counts)
        verdicts.append(verdict)
    return verdicts


def _verdict_on(asked: Asked, *, used: Mapping[Count, int], policy: AmountPolicy, now: datetime) -> Verdict:
    counts = counts_of(asked, policy.caps)
    if asked.subject.goes_at_once:
        return Freed(counts)
    slot = slot_for(asked.subject, now, policy)
    if slot.at > now:
        return slot
    if (full := _full_of(counts, used=used, caps=policy.caps)) is not None:
        return Slot(slot_to_plan(asked.subject, policy.calendars.day_after(now), policy).at, full)
    return Freed(counts)


def _full_of(counts: Iterable[Count], *, used: Mapping[Count, int], caps: Caps) -> Wait | None:
    return next((each.scope for each in counts if used.get(each, 0) >= most_of(each.scope, caps)), None)

"""The worked cases of `cases/replies.toml`: an answer, how long its mail has waited, and what is done then."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from libs.common.vocabulary import Severity
from services.notifier.domain.meanings import Meaning, Stage
from services.notifier.domain.replies import Answered, Deferred, Failed, Patience, RetryPolicy, result_of
from tests.unit.notifier.builders import NOW

POLICY = RetryPolicy(
    shortest=timedelta(minutes=15),
    longest=timedelta(hours=4),
    greatest_age=timedelta(hours=96),
    ages={Severity.CRITICAL: timedelta(hours=72), Severity.HIGH: timedelta(hours=72)},
    full_mailbox=timedelta(hours=48),
)


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`after_minutes` only where it is tried again. What is not said is not expected."""

    name: str
    code: int
    text: str
    meaning: Meaning
    becomes: str
    at: Stage = Stage.CONTENT
    tries: int = 1
    waited_hours: float = 0.0
    chance: float = 0.99
    severity: Severity | None = None
    reason: str | None = None
    suppress: bool = False
    next_contact: bool = False
    after_minutes: float | None = None


class Cases(msgspec.Struct):
    case: list[Case]


CASES = msgspec.toml.decode((Path(__file__).parent / "cases" / "replies.toml").read_bytes(), type=Cases).case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_answer_has_its_meaning_and_its_end(case: Case) -> None:
    reply = Answered(case.code, case.text, case.at)
    patience = Patience(
        tries=case.tries, doubts=0, queued_at=NOW - timedelta(hours=case.waited_hours), severity=case.severity
    )

    result = result_of(reply, patience=patience, policy=POLICY, now=NOW, chance=case.chance)

    assert reply.meaning is case.meaning
    assert type(result).__name__.lower() == case.becomes
    if isinstance(result, Failed):
        assert result.reason == (case.reason or case.meaning)
        assert (result.dead_address, result.wants_next_contact) == (case.suppress, case.next_contact)
    if isinstance(result, Deferred):
        assert (result.next_attempt_at - NOW) / timedelta(minutes=1) == pytest.approx(case.after_minutes)


def test_the_cases_meet_every_meaning_and_have_names_of_their_own() -> None:
    assert {case.meaning for case in CASES} == set(Meaning)
    assert len({case.name for case in CASES}) == len(CASES)

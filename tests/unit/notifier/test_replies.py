"""What a relay's answers mean, and what becomes of a mail then."""

from datetime import timedelta

import pytest

from services.notifier.domain.replies import (
    Answered,
    Deferred,
    Failed,
    InDoubt,
    Lost,
    Patience,
    Released,
    RetryPolicy,
    Sent,
    Unwritable,
    backoff,
    result_of,
)
from tests.unit.notifier.builders import NOW

POLICY = RetryPolicy(shortest=timedelta(minutes=15), longest=timedelta(hours=4), greatest_age=timedelta(hours=48))
FRESH = Patience(tries=1, doubts=0, queued_at=NOW)


def test_an_accepted_mail_is_sent() -> None:
    result = result_of(Answered(250, "2.0.0 Ok"), patience=FRESH, policy=POLICY, now=NOW, chance=0.5)

    assert result == Sent(250, "2.0.0 Ok")


def test_a_temporary_refusal_waits_with_jitter() -> None:
    result = result_of(Answered(451, "later"), patience=FRESH, policy=POLICY, now=NOW, chance=0.5)

    assert result == Deferred(451, "later", NOW + timedelta(minutes=15))


def test_a_mail_that_waits_longer_than_the_greatest_age_fails() -> None:
    old = Patience(tries=9, doubts=0, queued_at=NOW - timedelta(hours=47))

    result = result_of(Answered(451, "later"), patience=old, policy=POLICY, now=NOW, chance=0.99)

    assert result == Failed("expired", "later", 451)


def test_only_a_dead_address_is_never_written_to_again() -> None:
    dead = result_of(Answered(550, "5.1.1 No such user"), patience=FRESH, policy=POLICY, now=NOW, chance=0.5)
    refused = result_of(Answered(550, "5.7.1 Policy"), patience=FRESH, policy=POLICY, now=NOW, chance=0.5)

    assert dead == Failed("dead-address", "5.1.1 No such user", 550, dead_address=True)
    assert refused == Failed("policy", "5.7.1 Policy", 550)


def test_a_lost_answer_allows_one_more_mail_and_a_second_ends_it() -> None:
    doubtful = Patience(tries=2, doubts=1, queued_at=NOW)

    first = result_of(Lost("cut off"), patience=FRESH, policy=POLICY, now=NOW, chance=0.5)
    second = result_of(Lost("cut off"), patience=doubtful, policy=POLICY, now=NOW, chance=0.5)

    assert isinstance(first, InDoubt)
    assert isinstance(second, Failed)
    assert second.reason == "in-doubt"


def test_refused_credentials_use_up_no_try() -> None:
    result = result_of(Answered(535, "5.7.8 No"), patience=FRESH, policy=POLICY, now=NOW, chance=0.5)

    assert isinstance(result, Released)


def test_an_address_that_can_not_be_written_to_fails_at_once() -> None:
    result = result_of(Unwritable("not ASCII"), patience=FRESH, policy=POLICY, now=NOW, chance=0.5)

    assert result == Failed("unwritable-address", "not ASCII")


@pytest.mark.parametrize("tries", [0, 1, 5, 40, 10_000])
@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_a_pause_is_never_shorter_than_half_the_shortest_nor_longer_than_the_longest(tries: int, chance: float) -> None:
    pause = backoff(tries, policy=POLICY, chance=chance)

    assert timedelta(minutes=7.5) <= pause <= timedelta(hours=4)

"""How often a key may knock."""

from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.rates import Bucket, Rate, take

RATE = Rate(burst=3, per_second=0.5)


def test_a_new_key_may_use_the_whole_burst_at_once_and_no_more() -> None:
    bucket = None
    waits = []
    for _ in range(4):
        taken = take(bucket, rate=RATE, at=100.0)
        bucket = taken.bucket
        waits.append(taken.wait_seconds)

    assert waits == [0, 0, 0, 2.0]


def test_who_waits_as_long_as_they_were_told_gets_in() -> None:
    refused = take(Bucket(0.0, 100.0), rate=RATE, at=100.0)

    assert take(refused.bucket, rate=RATE, at=100.0 + refused.wait_seconds).wait_seconds == 0


def test_a_key_that_rests_does_not_save_up_more_than_the_burst() -> None:
    rested = take(Bucket(0.0, 100.0), rate=RATE, at=100_000.0)

    assert rested.bucket.tokens == RATE.burst - 1


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200))
def test_never_more_than_burst_and_refill_get_through(pauses: list[float]) -> None:
    now, bucket, through = 0.0, None, 0
    for pause in pauses:
        now += pause
        taken = take(bucket, rate=RATE, at=now)
        bucket = taken.bucket
        through += not taken.wait_seconds

    assert through <= RATE.burst + now * RATE.per_second + 1e-6

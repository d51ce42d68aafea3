"""A part that is slow: nothing else stops for it, and nothing goes wrong."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes

from tests.e2e.conftest import until
from tests.integration.fullness.conftest import PATIENCE_SECONDS, Ward, expected
from tests.integration.fullness.line import SlowLine
from tests.integration.fullness.relay import SlowRelay

FEW_RECORDS = 40
MAILED = "notified"


@contextmanager
def slow(part: SlowLine | SlowRelay, *, seconds: float) -> Iterator[None]:
    part.delay_seconds = seconds
    try:
        yield
    finally:
        part.delay_seconds = 0.0


def copies_of_mails(ward: Ward) -> Counter[str]:
    mails = (message_from_bytes(path.read_bytes()) for path in (ward.layout.mail / "new").iterdir())
    return Counter(mail["Message-ID"] for mail in mails)


def test_with_a_database_that_answers_late_all_is_late_and_all_goes_on(ward: Ward) -> None:
    with slow(ward.line, seconds=0.2):
        answer = ward.push(ward.payload(records=FEW_RECORDS))
        ward.until_all_ready()
        outcomes = ward.settled(answer.json())

    assert answer.status_code in {201, 202}
    assert outcomes == expected(records=FEW_RECORDS)


def test_a_relay_that_takes_long_over_each_mail_holds_up_mails_alone_and_gets_none_twice(ward: Ward) -> None:
    others = {outcome: count for outcome, count in expected().items() if outcome != MAILED}

    with slow(ward.relay, seconds=5.0):
        first = ward.push()
        until(lambda: ward.relay.waiting or None, seconds=PATIENCE_SECONDS)
        second = ward.push()
        until(lambda: others.items() <= ward.outcomes(second.json()).items() or None, seconds=PATIENCE_SECONDS)
        mailed = ward.outcomes(second.json()).get(MAILED, 0)
        ward.until_all_ready()

    assert second.status_code == 201
    assert mailed < expected()[MAILED]
    assert ward.settled(first.json()) == ward.settled(second.json()) == expected()
    assert set(copies_of_mails(ward).values()) == {1}

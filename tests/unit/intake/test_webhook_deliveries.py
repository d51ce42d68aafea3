"""What an attempt at a webhook comes to, and how it is signed."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.intake.domain.webhooks.deliveries import (
    PATIENCE,
    PING,
    SETTLED,
    Answer,
    Claimed,
    Delivery,
    State,
    attempted,
    pause,
)
from services.intake.domain.webhooks.signatures import signed_headers, written_secret

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def claimed(*, event: str = SETTLED, attempts: int = 1, age: timedelta = timedelta(0)) -> Claimed:
    delivery = Delivery(
        id=UUID(int=1),
        partner_id=UUID(int=2),
        event=event,
        submission_id=UUID(int=3),
        sequence=1,
        state=State.SENDING,
        attempts=attempts,
        created_at=NOW - age,
        due_at=NOW,
        give_up_at=NOW - age + PATIENCE,
    )
    return Claimed(delivery=delivery, lease=UUID(int=4), url="https://hooks.example.com/", secrets=(b"secret",))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_yes_ends_it(status: int) -> None:
    assert attempted(claimed(), Answer(status), now=NOW, chance=0.5).state is State.DELIVERED
    assert Answer(status).trouble is None


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (Answer(500), "status"),
        (Answer(404), "status"),
        (Answer(301), "redirect"),
        (Answer(error="timeout"), "timeout"),
    ],
)
def test_anything_else_is_tried_again_after_a_pause(answer: Answer, trouble: str) -> None:
    after = attempted(claimed(), answer, now=NOW, chance=0.5)
    assert (after.state, after.due_at) == (State.WAITING, NOW + 5 * SECOND)
    assert answer.trouble == trouble


def test_pauses_grow_to_six_hours_and_no_further() -> None:
    assert [pause(attempts, chance=0.5).total_seconds() for attempts in (1, 2, 3, 4, 5, 6, 7, 8, 1000)] == [
        5, 20, 80, 320, 1280, 5120, 20480, 21600, 21600,
    ]  # fmt: skip


def test_a_crowd_does_not_come_back_at_once() -> None:
    assert pause(2, chance=0.0) == 16 * SECOND
    assert pause(2, chance=1.0) == 24 * SECOND


def test_after_three_days_it_is_given_up() -> None:
    late = claimed(attempts=18, age=PATIENCE - timedelta(hours=1))
    assert attempted(late, Answer(500), now=NOW, chance=0.5).state is State.GIVEN_UP
    assert attempted(late, Answer(200), now=NOW, chance=0.5).state is State.DELIVERED


def test_a_receiver_that_is_gone_and_a_ping_are_not_tried_again() -> None:
    assert attempted(claimed(), Answer(410), now=NOW, chance=0.5).state is State.GIVEN_UP
    assert attempted(claimed(event=PING), Answer(error="timeout"), now=NOW, chance=0.5).state is State.GIVEN_UP


def test_a_signature_is_that_of_the_specification() -> None:
    """The example of the specification's own libraries: same secret, id, time and body, same signature."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', secrets=[secret], at=at)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_secret_changes_both_sign() -> None:
    new, old = b"n" * 32, b"o" * 32
    signatures = signed_headers("id", b"{}", secrets=[new, old], at=NOW)["webhook-signature"].split(" ")
    signed = f"id.{int(NOW.timestamp())}.{{}}".encode()
    assert signatures == [
        "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in (new, old)
    ]


def test_a_secret_is_written_as_the_specification_has_it() -> None:
    assert written_secret(b"\x00" * 32) == "whsec_" + 43 * "A" + "="

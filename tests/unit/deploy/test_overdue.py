from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.local.overdue import late

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def answer(*states: tuple[str, int, timedelta]) -> dict[str, Any]:  # Any: JSON
    items = [{"state": name, "overdue": overdue, "oldest_at": (AT - age).isoformat()} for name, overdue, age in states]
    return {"service": "notifier", "at": AT.isoformat(), "items": items}


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(days=3, hours=5), "3 days"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(seconds=90), "90 seconds"),
    ],
)
def test_what_is_overdue_is_said_with_the_age_of_the_oldest(age: timedelta, words: str) -> None:
    assert list(late(answer(("queued", 1204, age)))) == [f"1,204 queued at notifier (the oldest for {words})"]


def test_what_waits_and_is_not_overdue_is_not_spoken_of() -> None:
    assert list(late(answer(("planned", 0, timedelta(minutes=1)), ("brake", 1, timedelta(days=2))))) == [
        "1 brake at notifier (the oldest for 2 days)"
    ]


def test_a_service_that_does_not_answer_has_nothing_to_say() -> None:
    assert list(late({})) == []

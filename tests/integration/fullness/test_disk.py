"""The disk of the payloads is full."""

from pathlib import Path

import pytest

from bench.feed import HEADER
from tests.integration.fullness.conftest import Ward, expected, says_when_to_come_back

ROW = b'"2026-03-01 04:05:06","high","192.0.2.10","tcp",445\n'


def files(ward: Ward) -> set[Path]:
    """Drafts too."""
    return set(ward.layout.payloads.glob("*/*"))


@pytest.mark.parametrize("rows", [1, 1000, 60_000], ids=["of one record", "small", "large"])
def test_a_payload_that_finds_no_room_is_refused_in_words_and_leaves_nothing(ward: Ward, rows: int) -> None:
    before = files(ward), ward.submissions()

    ward.disk.fill()
    answer = ward.push(HEADER.encode() + b"\n" + ROW * rows)
    ward.disk.free()

    assert answer.status_code == 503
    assert says_when_to_come_back(answer, code="no-room")
    assert "no room" in answer.json()["detail"]
    assert (files(ward), ward.submissions()) == before


def test_readiness_says_that_the_disk_is_full_and_receipts_are_answered_on(ward: Ward) -> None:
    receipt = ward.push().json()

    ward.disk.fill()
    ward.until_says("intake", "payloads", "the disk of the payload folder is full")
    refused = ward.push()
    outcomes = ward.settled(receipt)
    ward.disk.free()

    assert refused.status_code == 503
    assert outcomes == expected()
    ward.until_all_ready()
    assert ward.push().status_code == 201

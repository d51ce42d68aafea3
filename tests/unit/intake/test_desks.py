"""What is in memory at a time is bounded, however many push at once."""

import gzip
from pathlib import Path

from services.intake.handlers.desks import Desks
from services.intake.handlers.means import Means
from services.intake.handlers.reading import Hints, weight_bytes


def test_who_finds_no_room_is_told_so_and_room_comes_back() -> None:
    desks = Desks(room_bytes=100)

    with desks.hold(60) as first, desks.hold(60) as second, desks.hold(40) as third:
        assert (first, second, third) == (True, False, True)
    with desks.hold(100) as again:
        assert again


def test_a_packed_payload_weighs_as_much_as_any_that_is_read_before_the_answer(means: Means, tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.write_bytes(b"timestamp,ip\n")
    packed.write_bytes(gzip.compress(b"timestamp,ip\n"))

    assert weight_bytes(plain, Hints(), means=means) == 13
    assert weight_bytes(packed, Hints(), means=means) == means.bounds.immediate_max_bytes
    assert weight_bytes(plain, Hints(content_encoding="gzip"), means=means) == means.bounds.immediate_max_bytes

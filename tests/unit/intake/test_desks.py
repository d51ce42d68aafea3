"""What is in memory at a time is bounded, however many push at once."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from services.intake.handlers.desks import Desks
from services.intake.handlers.means import Means
from services.intake.handlers.reading import Hints, weight_bytes


def zipped(text: bytes) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.csv", text)
    return body.getvalue()


def test_who_finds_no_room_is_told_so_and_room_comes_back() -> None:
    desks = Desks(room_bytes=100)

    with desks.hold(60) as first, desks.hold(60) as second, desks.hold(40) as third:
        assert (first, second, third) == (True, False, True)
    with desks.hold(100) as again:
        assert again


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress, zipped])
def test_a_payload_weighs_what_it_unpacks_to(pack: Callable[[bytes], bytes], means: Means, tmp_path: Path) -> None:
    path = tmp_path / "payload"
    path.write_bytes(pack(b"timestamp,ip\n" * 10_000))

    assert weight_bytes(path, Hints(), means=means) == 130_000


def test_documents_that_unpack_to_much_find_no_room_together(means: Means, tmp_path: Path) -> None:
    path = tmp_path / "payload"
    path.write_bytes(gzip.compress(bytes(60_000_000)))

    with means.desks.hold(weight_bytes(path, Hints(), means=means)) as has_room:
        assert not has_room


def test_a_payload_that_cannot_be_unpacked_weighs_what_it_has(means: Means, tmp_path: Path) -> None:
    path = tmp_path / "payload"
    path.write_bytes(b"timestamp,ip\n")

    assert weight_bytes(path, Hints(), means=means) == 13
    assert weight_bytes(path, Hints(content_encoding="gzip"), means=means) == 13

"""A body is unpacked while it streams, and what a few bytes may become is bounded."""

import gzip
from collections.abc import Iterator
from itertools import repeat

import pytest
from backports import zstd

from services.intake.domain.compression import file_ending
from services.intake.domain.formats import Limits, PayloadError, decompress

TEXT = b"one line of text\n" * 1000
LIMITS = Limits(max_sent_bytes=1_000_000, max_unpacked_bytes=10_000_000, max_ratio=200, ratio_from_bytes=1_000_000)


def pieces(body: bytes, size: int = 1000) -> Iterator[bytes]:
    return iter([body[at : at + size] for at in range(0, len(body), size)])


def unpacked(body: bytes, *, encoding: str | None = None, size: int = 1000) -> bytes:
    return b"".join(decompress(pieces(body, size), encoding=encoding, limits=LIMITS))


def refusal(body: Iterator[bytes], *, encoding: str | None = None, limits: Limits = LIMITS) -> tuple[int, str]:
    with pytest.raises(PayloadError) as refused:
        for _ in decompress(body, encoding=encoding, limits=limits):
            pass
    return refused.value.status, refused.value.code


@pytest.mark.parametrize("encoding", [None, "identity", "Identity "])
def test_a_plain_body_comes_out_as_it_went_in(encoding: str | None) -> None:
    assert unpacked(TEXT, encoding=encoding) == TEXT


@pytest.mark.parametrize("encoding", [None, "gzip", "x-gzip", "GZIP"])
@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_gzip_is_unpacked_whether_the_header_names_it_or_not(encoding: str | None, size: int) -> None:
    assert unpacked(gzip.compress(TEXT), encoding=encoding, size=size) == TEXT


def test_all_members_of_a_gzip_body_are_read() -> None:
    body = gzip.compress(b"first ") + gzip.compress(b"") + gzip.compress(b"second") + b"\0" * 512

    assert unpacked(body) == b"first second"


def test_many_small_members_take_linear_work() -> None:
    assert unpacked(gzip.compress(b"x") * 20_000, size=1_000_000) == b"x" * 20_000


def test_an_empty_body_is_empty() -> None:
    assert unpacked(b"") == b""
    assert unpacked(b"", encoding="gzip") == b""


@pytest.mark.parametrize("encoding", ["br", "zstd, gzip", "gzip, gzip", "deflate"])
def test_other_encodings_and_several_layers_are_not_taken(encoding: str) -> None:
    assert refusal(pieces(TEXT), encoding=encoding) == (415, "unsupported-encoding")


def test_a_body_that_is_not_what_the_header_says_is_refused() -> None:
    assert refusal(pieces(TEXT), encoding="gzip") == (400, "unreadable-compression")


def test_a_truncated_body_is_noticed() -> None:
    assert refusal(pieces(gzip.compress(TEXT)[:-1])) == (400, "truncated-compression")
    assert refusal(pieces(gzip.compress(TEXT) + gzip.compress(TEXT)[:20])) == (400, "truncated-compression")


def test_a_corrupted_body_is_noticed() -> None:
    body = bytearray(gzip.compress(TEXT))
    body[-6] ^= 0xFF

    assert refusal(pieces(bytes(body))) == (400, "unreadable-compression")


def test_rubbish_after_the_last_member_is_refused() -> None:
    assert refusal(pieces(gzip.compress(TEXT) + b"rubbish")) == (400, "unreadable-compression")


def test_a_bomb_is_stopped_by_its_ratio() -> None:
    assert refusal(pieces(gzip.compress(bytes(5_000_000)))) == (413, "decompressed-too-large")


def test_a_small_text_may_shrink_as_much_as_it_likes() -> None:
    assert len(unpacked(gzip.compress(bytes(900_000)))) == 900_000


def test_what_is_sent_and_what_comes_out_is_limited() -> None:
    limits = Limits(max_sent_bytes=10_000, max_unpacked_bytes=5_000)

    assert refusal(repeat(b"x" * 1000), limits=limits) == (413, "decompressed-too-large")
    assert refusal(repeat(b"x" * 11_000), limits=limits) == (413, "payload-too-large")
    assert refusal(pieces(gzip.compress(TEXT)), limits=limits) == (413, "decompressed-too-large")


@pytest.mark.parametrize("encoding", [None, "zstd", "ZSTD"])
@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_zstd_is_unpacked_frame_by_frame(encoding: str | None, size: int) -> None:
    body = zstd.compress(TEXT) + zstd.compress(b"") + zstd.compress(b"second")

    assert unpacked(body, encoding=encoding, size=size) == TEXT + b"second"


def test_many_small_frames_take_linear_work() -> None:
    assert unpacked(zstd.compress(b"x") * 20_000, size=1_000_000) == b"x" * 20_000


def test_a_zstd_body_that_is_broken_is_refused() -> None:
    frame = zstd.compress(TEXT, options={zstd.CompressionParameter.checksum_flag: 1})
    spoilt = frame[:-1] + bytes([frame[-1] ^ 0xFF])

    assert refusal(pieces(frame[:-1])) == (400, "truncated-compression")
    assert refusal(pieces(frame + frame[:9])) == (400, "truncated-compression")
    assert refusal(pieces(spoilt)) == (400, "unreadable-compression")
    assert refusal(pieces(frame + b"rubbish")) == (400, "unreadable-compression")
    assert refusal(pieces(TEXT), encoding="zstd") == (400, "unreadable-compression")


def test_a_zstd_bomb_is_stopped_by_its_ratio_and_by_its_window() -> None:
    wide = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})

    assert refusal(pieces(zstd.compress(bytes(5_000_000)))) == (413, "decompressed-too-large")
    assert refusal(pieces(wide.compress(TEXT) + wide.flush())) == (400, "unreadable-compression")
    assert len(unpacked(zstd.compress(bytes(900_000)))) == 900_000


@pytest.mark.parametrize(
    ("encoding", "ending"), [(None, ""), ("identity", ""), (" X-GZIP", ".gz"), ("gzip", ".gz"), ("zstd", ".zst")]
)
def test_a_file_is_called_as_it_is_packed(encoding: str | None, ending: str) -> None:
    assert file_ending(encoding) == ending

"""Parts of a mail are found and decoded, wherever a piece of it ends."""

import base64
import binascii

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.mime import Part, parts_of
from services.intake.domain.records import PayloadError

MULTIPART = b'Content-Type: multipart/mixed; boundary="a b"\r\n\r\nbefore\r\n'


def contents(mail: bytes) -> list[bytes]:
    """Of all parts but the whole."""
    return [content_of(part) for part in parts_of(bytearray(mail))[1:]]


def content_of(part: Part) -> bytes:
    return b"".join(part.content())


def encoded(encoding: bytes, content: bytes) -> Part:
    (part,) = parts_of(bytearray(b"Content-Transfer-Encoding: " + encoding + b"\n\n" + content))
    return part


def test_a_line_that_only_begins_like_a_delimiter_is_content() -> None:
    mail = (
        MULTIPART
        + b"--a b \r\n\r\n--a bc\r\n--a b--x\r\n --a b\r\nx--a b\r\n--a b\r\n\r\ntwo\r\n--a b--\r\n--a b\r\nno more"
    )

    assert contents(mail) == [b"--a bc\r\n--a b--x\r\n --a b\r\nx--a b", b"two"]


def test_a_multipart_that_is_cut_off_ends_where_the_mail_does() -> None:
    assert contents(MULTIPART + b"--a b\r\n\r\none\r\n--a b\r\nX: y\r\n\r\ntw") == [b"one", b"tw"]
    assert contents(MULTIPART + b"--a b\r\n\r\none\r\n--a b") == [b"one", b""]
    assert contents(MULTIPART) == []


def test_the_parts_of_a_part_end_with_it() -> None:
    inner = MULTIPART.replace(b"a b", b"c") + b"--c\r\n\r\ninner"

    parts = parts_of(bytearray(MULTIPART + b"--a b\r\n" + inner + b"\r\n--a b\r\n\r\nouter\r\n--a b--"))

    assert [content_of(part) for part in parts[2:]] == [b"inner", b"outer"]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b'Content-Disposition: attachment; filename="a.csv"', "a.csv"),
        (b'Content-Type: text/csv; name="a.csv"', "a.csv"),
        (b'Content-Disposition: attachment; filename="../x\\\\a.csv"', "a.csv"),
        (b"Content-Disposition: attachment; filename*0=a; filename*1=.csv", "a.csv"),
        (b"Content-Disposition: attachment; filename*=utf-8''%C3%A9.csv", "é.csv"),
        (b"Content-Disposition: attachment; filename*=nonsense''a.csv", "a.csv"),
        (b'Content-Disposition: attachment; filename="=?utf-8?q?=C3=A9?=.csv"', "é.csv"),
        (b'Content-Disposition: attachment; filename="=?nonsense?q?x?="', "=?nonsense?q?x?="),
        (b'Content-Disposition: attachment; filename="' + b"x" * 5_000 + b'"', ""),
        (b"Content-Disposition: attachment", ""),
    ],
)
def test_file_names_are_read_as_mail_programs_write_them(header: bytes, name: str) -> None:
    (part,) = parts_of(bytearray(header + b"\n\nx"))

    assert part.file_name == name


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=50), st.integers(65_500, 65_560), st.sampled_from([b"", b"\r\n", b" ! "]))
def test_what_is_decoded_is_what_was_encoded(content: bytes, before: int, between: bytes) -> None:
    """Wherever the pieces end in which it is read."""
    whole = b"=" * before + content

    letters = base64.b64encode(whole)
    assert content_of(encoded(b"Base64", between.join([letters[:70_001], letters[70_001:]]))) == whole
    assert content_of(encoded(b"base64", letters.rstrip(b"="))) == whole
    for moved in range(3):
        text = b"x" * moved + b"=3D" * before + binascii.b2a_qp(b"end")
        assert content_of(encoded(b"quoted-printable", text)) == b"x" * moved + b"=" * before + b"end"
    assert content_of(encoded(b"8bit", whole)) == whole


@pytest.mark.parametrize("letters", [b"QQ==QQ==", b"QQ=Q", b"QUFBQ", b"="])
def test_base64_that_is_not_sound_is_refused(letters: bytes) -> None:
    with pytest.raises(PayloadError) as refused:
        content_of(encoded(b"base64", letters))
    assert refused.value.code == "unreadable-attachment"

"""Signatures, as an independent implementation sees them, without a DNS."""

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.errors import Fatal
from services.notifier.domain.dkim import SIGNED, DkimKey, DkimKeys, PrivateKey, relaxed_body
from services.notifier.domain.replies import Answered
from services.notifier.gateway.dkim import SigningRelay, read_key
from services.notifier.gateway.relay import RememberingRelay
from tests.unit.notifier.builders import consignment
from tests.unit.notifier.test_message import raw
from tests.unit.notifier.test_relay import mail_to

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DOMAIN = "tocsin.example"
CONTENT = raw(consignment())


@lru_cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@lru_cache
def ed25519_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def keys(*given: DkimKey) -> DkimKeys:
    return DkimKeys(DOMAIN, given or (DkimKey(selector="s1", key=rsa_key()),))


def verifies(content: bytes, signed_by: DkimKeys) -> bool:
    """As `dkimpy` says, which asks us in place of the DNS."""
    records = {f"{key.selector}._domainkey.{DOMAIN}.".encode(): key.record.encode() for key in signed_by.keys}
    return bool(dkim.verify(content, dnsfunc=lambda name, timeout=5: records.get(name)))


@pytest.mark.parametrize("key", [rsa_key(), ed25519_key()], ids=["rsa", "ed25519"])
def test_another_implementation_verifies_our_mails(key: PrivateKey) -> None:
    signing = keys(DkimKey(selector="s1", key=key))

    assert verifies(signing.sign(CONTENT, now=NOW), signing)


@given(
    subject=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200),
    lines=st.lists(st.text(st.sampled_from(" \tab.=é"), max_size=20), max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_in_a_mail_verifies(subject: str, lines: list[str]) -> None:
    signing = keys(DkimKey(selector="s1", key=ed25519_key()))
    folded = subject.replace("  ", "\r\n  ")
    head = f"From: a@{DOMAIN}\r\nSubject:{folded}\r\nList-Id: <x>\r\nReceived: one\r\nReceived: two\r\n"
    content = (head + "\r\n" + "".join(f"{line}\r\n" for line in lines)).encode()

    assert verifies(signing.sign(content, now=NOW), signing)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b""),
        (b"List-Unsubscribe: <https://tocsin.example/u/", b"List-Unsubscribe: <https://evil.example/u/"),
        (b"From: ", b"From: evil@evil.example\r\nFrom: "),
        (b"List-Id: ", b"List-Unsubscribe: <https://evil.example>\r\nList-Id: "),
        (b"MIME-Version", b"In-Reply-To: <another>\r\nMIME-Version"),
        (b"Content-Type: multipart/alternative", b"Content-Type: multipart/mixed"),
    ],
)
def test_what_is_changed_or_added_on_the_way_is_noticed(old: bytes, new: bytes) -> None:
    signed = keys().sign(CONTENT, now=NOW)
    assert old in signed

    assert not verifies(signed.replace(old, new, 1), keys())


def test_what_servers_do_to_spaces_and_folds_is_no_change() -> None:
    signed = keys().sign(CONTENT, now=NOW)
    mangled = b"Received: by relay\r\n" + signed.replace(b"Auto-Submitted: auto-", b"auto-submitted:\r\n\t auto-", 1)

    assert verifies(mangled + b"\r\n\r\n", keys())


def test_every_header_that_counts_is_signed_once_more_often_than_it_is_there() -> None:
    signed = keys().sign(CONTENT, now=NOW).decode()
    listed = signed.partition("h=")[2].partition(";")[0].replace("\r\n ", "").split(":")

    assert set(listed) == set(SIGNED)
    assert listed.count("from") == listed.count("list-unsubscribe-post") == 2
    assert listed.count("in-reply-to") == 1
    assert all(len(line) <= 78 for line in signed.partition("\r\nFrom:")[0].split("\r\n"))


def test_a_second_key_signs_from_its_day_on() -> None:
    new = DkimKey(selector="s2", key=ed25519_key(), since=NOW)
    both = keys(DkimKey(selector="s1", key=rsa_key()), new)

    before = both.sign(CONTENT, now=NOW - timedelta(seconds=1))
    after = both.sign(CONTENT, now=NOW)

    assert b"s=s1;" in before
    assert b"s=s2;" in after
    assert verifies(before, both)
    assert verifies(after, both)


@pytest.mark.parametrize(
    ("body", "relaxed"),
    [
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b"a", b"a\r\n"),
        (b"a \t b  \r\n\r\n \r\n", b"a b\r\n"),
        (b" a\r\n\r\nb\r\n", b" a\r\n\r\nb\r\n"),
    ],
)
def test_the_relaxed_body_of_the_rfc(body: bytes, relaxed: bytes) -> None:
    assert relaxed_body(body) == relaxed


async def test_the_relay_gets_a_signed_mail() -> None:
    relay = RememberingRelay()
    mail = mail_to("info@jansen.example")

    assert await SigningRelay(relay, keys(), now=lambda: NOW).deliver(mail) == Answered(250, "2.0.0 taken")
    [sent] = relay.mails
    assert sent.content.startswith(b"DKIM-Signature: ")
    assert sent.content.endswith(mail.content)


def written_key(folder: Path, key: PrivateKey | ec.EllipticCurvePrivateKey) -> Path:
    file = folder / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


def test_a_key_is_read_from_its_file(tmp_path: Path) -> None:
    assert read_key(written_key(tmp_path, rsa_key()), selector="s1").public == keys().keys[0].public


@pytest.mark.parametrize(
    "key", [rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256R1())], ids=["short", "other"]
)
def test_a_key_that_nobody_would_trust_stops_the_start(tmp_path: Path, key: PrivateKey) -> None:
    with pytest.raises(Fatal):
        read_key(written_key(tmp_path, key), selector="s1")


def test_a_file_that_is_no_key_stops_the_start(tmp_path: Path) -> None:
    for file in (tmp_path / "none.pem", Path(__file__)):
        with pytest.raises(Fatal):
            read_key(file, selector="s1")


def test_a_signature_costs_less_than_two_milliseconds() -> None:
    signing = keys()
    signing.sign(CONTENT, now=NOW)

    def seconds() -> float:
        started = time.process_time()
        signing.sign(CONTENT, now=NOW)
        return time.process_time() - started

    assert sorted(seconds() for _ in range(25))[12] < 0.002

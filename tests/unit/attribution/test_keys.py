"""Public keys of contacts: taken if they are keys in force, shown by their fingerprint, and never a crash."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from services.attribution.domain.keys import BadKey, KeyKind, kept_key, read_certificate, read_pgp_key
from tests.certificates import certified

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

NEVER_ENDS = """-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEaVW5ABYJKwYBBAHaRw8BAQdAfUo8HyHeIECQ5itKpZRhI0+GTIsWzFRrXYkf
kJNXjNW0FG5ldmVyQGJha2VyeS5leGFtcGxliJAEExYIADgWIQRjEkxtXfYEy+X4
bzaw54CHmYRnTQUCaVW5AAIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRCw
54CHmYRnTQs6AP0a7AiDG76iRCFgLJVPMzypvXDzzSrUiutTLS6MjhHGjQD8D+8X
tfRctieo0PNQ9X6Fn3wYArQT+gR5yttIZWWakw8=
=meDn
-----END PGP PUBLIC KEY BLOCK-----
"""

UNTIL_2027 = """-----BEGIN PGP PUBLIC KEY BLOCK-----
Comment: of the desk

mDMEaVW5ABYJKwYBBAHaRw8BAQdAwc9pTju3BjiPSonE9tCiUY9Wyb//3//eA6uO
OW2btT20GHVudGlsMjAyN0BiYWtlcnkuZXhhbXBsZYiWBBMWCAA+FiEExTJRKV0O
9rJJOxZe4iyH7yIZo2YFAmlVuQACGwMFCQHhM4AFCwkIBwIGFQoJCAsCBBYCAwEC
HgECF4AACgkQ4iyH7yIZo2bC5gEAkxQh2yupqbhaWA/XyQ9XUWBi4ge8EXUXLcle
L9eby5wA/RdbjfeLv4P0TxE/e4w+r32/uwuS4q+OMmoSNnsLy8gN
=G/Qc
-----END PGP PUBLIC KEY BLOCK-----
"""


def certificate(*, until: datetime) -> str:
    return certified(
        "Bakery", key=Ed25519PrivateKey.generate(), since=NOW - timedelta(days=300), until=until
    ).pem.decode()


def test_the_fingerprint_and_the_end_are_those_that_gnupg_shows() -> None:
    one, other = read_pgp_key(NEVER_ENDS, at=NOW), read_pgp_key(UNTIL_2027, at=NOW)

    assert (one.fingerprint, one.expires_at) == ("63124c6d5df604cbe5f86f36b0e780879984674d", None)
    assert other.fingerprint == "c53251295d0ef6b2493b165ee22c87ef2219a366"
    assert other.expires_at == datetime.fromtimestamp(1798761600, UTC)


def test_line_ends_of_other_systems_and_words_around_are_no_matter() -> None:
    text = "Our key:\r\n" + NEVER_ENDS.replace("\n", "\r\n") + "\r\n-- \r\nBakery"
    assert read_pgp_key(text, at=NOW) == read_pgp_key(NEVER_ENDS, at=NOW)


def test_a_key_that_has_ended_is_refused_but_is_still_shown_where_it_is_kept() -> None:
    later = datetime(2028, 1, 1, tzinfo=UTC)
    with pytest.raises(BadKey, match="2027"):
        read_pgp_key(UNTIL_2027, at=later)
    kept = kept_key(KeyKind.PGP, UNTIL_2027)
    assert kept is not None
    assert kept.expires_at is not None
    assert kept.expires_at < later


def test_a_certificate_is_read_and_one_that_has_ended_refused() -> None:
    pem = certificate(until=NOW + timedelta(days=1))
    expected = x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex()

    key = read_certificate(pem, at=NOW)

    assert (key.kind, key.fingerprint, key.expires_at) == (KeyKind.SMIME, expected, NOW + timedelta(days=1))
    with pytest.raises(BadKey, match="expired"):
        read_certificate(certificate(until=NOW), at=NOW)


def armoured(packets: bytes) -> str:
    body = base64.b64encode(packets).decode()
    return f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{body}\n-----END PGP PUBLIC KEY BLOCK-----\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a key",
        NEVER_ENDS.replace("PUBLIC", "PRIVATE"),
        NEVER_ENDS.replace("mDME", "!!!!"),
        NEVER_ENDS[:-40],
        armoured(b""),
        armoured(b"\x98\x33\x04"),
        armoured(b"\x98\x06\x03\x00\x00\x00\x00\x01"),
        armoured(b"\xb4\x03abc"),
        armoured(b"\x9b\x06\x04\x00\x00\x00\x00\x01"),
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n" * 1000,
    ],
    ids=[
        "empty",
        "words",
        "private",
        "not-base64",
        "cut",
        "nothing",
        "half",
        "version-3",
        "user-id",
        "endless",
        "many",
    ],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        read_pgp_key(text, at=NOW)


@given(st.binary(max_size=200))
def test_nothing_in_an_armour_is_a_crash(packets: bytes) -> None:
    for content in (packets, base64.b64decode("".join(NEVER_ENDS.split("\n")[2:7])) + packets):
        try:
            read_pgp_key(armoured(content), at=NOW)
        except BadKey:
            continue


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ü"])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        read_certificate(text, at=NOW)

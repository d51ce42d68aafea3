"""Single values are read into their canonical form, or not at all."""

import pytest

from services.intake.domain.categories import category_of, category_of_type
from services.intake.domain.extras import bounded, names_a_secret
from services.intake.domain.records import quoted
from services.intake.domain.values import (
    asn_of,
    country_of,
    cve_of,
    hostname_of,
    identifier_of,
    ip_of,
    port_of,
    refanged,
    single_address,
    tags_of,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("64500", 64500), ("AS64500", 64500), ("as1.10", 65546), ("4294967295", 4294967295)),
        *(
            ("0", None),
            ("4294967296", None),
            ("AS", None),
            ("1.99999", None),
            ("1.2.3", None),
            ("-1", None),
            ("\u0661", None),
        ),
    ],
)
def test_an_as_number_is_written_in_three_ways(text: str, expected: int | None) -> None:
    assert asn_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hxxps://www[.]example(.)com", "https://www.example.com"),
        ("hXXp[://]example{.}com", "http://example.com"),
        ("j.doe[at]example[dot]com", "j.doe@example.com"),
        ("2001[:]db8[:][:]1", "2001:db8::1"),
        ("\u200b 192.0.2.1 ", "192.0.2.1"),
        ("[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_a_harmless_spelling_is_undone(text: str, expected: str) -> None:
    assert refanged(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("192.0.2.1:443", "192.0.2.1"), ("[2001:DB8::1]:443", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1")),
        *(("0.0.0.0", None), ("::", None), ("::ffff:0.0.0.0", None), ("192.0.2.1:", None), ("2001:db8::1%1", None)),
    ],
)
def test_an_address_may_have_brackets_and_a_port(text: str, expected: str | None) -> None:
    assert ip_of(text) == expected


def test_a_network_of_one_is_its_address() -> None:
    assert single_address("2001:db8::1/128") == "2001:db8::1"
    assert single_address("192.0.2.1/31") == ""
    assert single_address("192.0.2.1/33") is None


def test_other_values_are_checked_for_what_they_are() -> None:
    assert (port_of("65535"), port_of("65536"), port_of("0"), port_of("4 4"), port_of("9" * 99)) == (
        65535,
        None,
        None,
        None,
        None,
    )
    assert (country_of("nl"), country_of("NLD"), country_of("n1")) == ("NL", None, None)
    assert (cve_of("cve-2021-44228"), cve_of("CVE-21-1"), cve_of("CVE-2021-" + "1" * 20)) == (
        "CVE-2021-44228",
        None,
        None,
    )
    assert (hostname_of("Host_1.Local."), hostname_of("a b"), hostname_of("é"), hostname_of("")) == (
        "host_1.local",
        None,
        None,
        None,
    )
    assert (identifier_of("Emotet (v2)"), identifier_of("--"), identifier_of("x")) == ("emotet-v2", None, None)
    assert (category_of("Fraud/Phishing"), category_of("intrusions/pigeons")) == ("fraud/phishing", None)


def test_a_type_of_finding_tells_its_taxonomy() -> None:
    assert category_of_type("Phishing") == "fraud/phishing"
    assert category_of_type("blacklist") == "other/blocklist"
    assert category_of_type("pigeons") is None


def test_both_spellings_of_unauthorised_are_one() -> None:
    for word in ("unauthorised", "unauthorized"):
        found = category_of(f"information-content-security/{word}-information-access")
        assert found == "information-content-security/unauthorised-information-access"
        assert category_of(f"fraud/{word}-use-of-resources") == "fraud/unauthorized-use-of-resources"


def test_at_most_50_tags_are_kept() -> None:
    tags, cve_ids = tags_of(";".join(f"tag{n}" for n in range(1_000)) + ";CVE-2021-44228")

    assert (len(tags), cve_ids) == (50, ())


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "new_password2",
        "passwd",
        "pass",
        "PWD",
        "user.pwd",
        "secret",
        "client_secret",
        "hash",
        "sha1_hash",
        "salt",
        "token",
        "csrftoken",
        "cookie",
        "set_cookie",
        "session",
        "sessionid",
        "otp",
        "pin",
        "credentials",
        "api_key",
        "apikey",
        "wachtwoord",
        "Nutzerkennwort",
        "mot_de_passe",
        "contraseña",
        "hasło",
    ],
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "bypass",
        "shipping",
        "monkey",
        "key",
        "mapping",
        "md5",
        "sha256",
        "hassh",
        "file_hash",
        "event_hash",
        "malware_hash_sha256",
        "imphash",
        "has_password",
        "server_host_key",
        "rsa_public_key",
        "device_type",
        "session_tags",
        "passkey_auth",
        "username",
        "sha256_fingerprint",
    ],
)
def test_names_that_only_look_like_secrets_are_kept(name: str) -> None:
    assert not names_a_secret(name)


def test_extra_without_content_or_name_is_left_out() -> None:
    assert bounded([("a", " "), ("\u200b", "x"), ("b", "y"), ("url", "https://u:p@example.com/")]) == {
        "b": "y",
        "url": "https://example.com/",
    }


def test_a_quoted_value_is_short_plain_and_without_secrets() -> None:
    assert quoted("a\nb\u202e") == "'a b'"
    assert len(quoted("x" * 1000)) == 83
    assert quoted("https://u:p@example.com/?token=t") == "'https://example.com/?token='"

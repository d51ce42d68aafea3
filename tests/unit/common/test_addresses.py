"""One thing has one spelling, and what cannot be read is refused rather than guessed."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.addresses import (
    canonical_domain,
    canonical_email,
    canonical_url,
    is_documentation,
    is_mailable_asn,
    is_public,
    is_public_number,
    numbered_ip,
    parse_ip,
    text_of,
    without_url_secrets,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::10", "2001:db8::10"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
    ],
)
def test_an_address_is_read_into_its_shortest_form(text: str, expected: str) -> None:
    assert str(parse_ip(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "300.1.1.1",
        "192.0.2.01",
        "192.0.2.1/32",
        "[2001:db8::1]",
        "fe80::1%eth0",
        "1.2.3",
        "0x7f.0.0.1",
        "\uff11.2.3.4",
        " 192.0.2.1",
    ],
)
def test_what_is_not_exactly_an_address_is_refused(text: str) -> None:
    assert parse_ip(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.16.0.1", "192.0.0.9", "192.88.99.1"),
        *("192.168.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1"),
        *(
            "::",
            "::1",
            "::192.0.2.1",
            "64:ff9b::1",
            "64:ff9b:1::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
        ),
        *("4000::1", "5f00::1", "fc00::1", "fe80::1", "fec0::1", "ff0e::1", "::ffff:10.0.0.1"),
    ],
)
def test_special_addresses_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "192.0.1.1", "223.255.255.255", "2001:200::1", "2a00::1", "::ffff:8.8.8.8"]
)
def test_allocated_unicast_addresses_are_public(text: str) -> None:
    assert is_public(ip_address(text))


def test_documentation_addresses_are_known_as_such() -> None:
    texts = ["192.0.2.1", "198.51.100.7", "203.0.113.255", "2001:db8::1", "3fff::1", "::ffff:192.0.2.1"]

    assert all(is_documentation(ip_address(text)) for text in texts)
    assert not any(is_documentation(ip_address(text)) for text in ["192.0.3.1", "8.8.8.8", "10.0.0.1", "2001:db9::1"])


@pytest.mark.parametrize("number", [-1, 0, 23456, 64496, 64512, 65535, 65551, 4_200_000_000, 4_294_967_295, 2**32])
def test_reserved_autonomous_systems_cannot_be_mailed(number: int) -> None:
    assert not is_mailable_asn(number)


@pytest.mark.parametrize("number", [1, 1103, 23455, 64495, 65552, 4_199_999_999])
def test_other_autonomous_systems_can_be_mailed(number: int) -> None:
    assert is_mailable_asn(number)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WWW.Example.COM.", "www.example.com"),
        ("straße.de", "xn--strae-oqa.de"),
        ("x。example。nl", "x.example.nl"),
        ("*.example.com", "example.com"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("my_host.example.com", "my_host.example.com"),
    ],
)
def test_a_domain_is_read_into_a_labels(text: str, expected: str) -> None:
    assert canonical_domain(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "localhost",
        "a..nl",
        "-a.nl",
        "a-.nl",
        "xn--.nl",
        "ab--cd.nl",
        "123.456",
        "0x7f.1",
        "192.0.2.1",
        "a b.nl",
        "_foo.nl",
        "a._nl",
        "*.*.nl",
        "a.*.nl",
        "💥.nl",
        "a" * 64 + ".nl",
        "a." * 127 + "nl",
        "a" * 100000,
    ],
)
def test_what_cannot_be_a_domain_is_refused(text: str) -> None:
    assert canonical_domain(text) is None


@given(st.from_regex(r"[a-z0-9-]{1,8}(\.[a-z0-9-]{1,8}){1,3}", fullmatch=True))
def test_plain_names_are_judged_as_the_idna_library_judges_them(name: str) -> None:
    try:
        expected = idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        expected = None

    assert canonical_domain(name) in (expected, None)
    assert canonical_domain(name) == expected or name.rpartition(".")[2].isdigit() or "0x" in name


@given(st.text(max_size=80))
def test_a_canonical_domain_is_canonical_already(text: str) -> None:
    domain = canonical_domain(text)

    assert domain is None or canonical_domain(domain) == domain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" J.Doe@Example.COM ", "J.Doe@example.com"),
        ("info+x@straße.de", "info+x@xn--strae-oqa.de"),
        ("jürgen@example.de", "jürgen@example.de"),
    ],
)
def test_an_email_keeps_its_local_part(text: str, expected: str) -> None:
    assert canonical_email(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "@example.com",
        "a@b@c.nl",
        "J <j@example.com>",
        "a@localhost",
        "a b@c.nl",
        "a\n@c.nl",
        "a@*.c.nl",
        "a@c.nl,b@c.nl",
        "a\u202e@c.nl",
        "x" * 65 + "@c.nl",
    ],
)
def test_what_is_not_one_bare_email_is_refused(text: str) -> None:
    assert canonical_email(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTPS://Example.com", "https://example.com/"),
        ("https://user:secret@example.com:443/a?b=c#d", "https://example.com/a?b=c"),
        ("http://[2001:DB8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("http://[::ffff:192.0.2.1]/", "http://192.0.2.1/"),
        ("http://straße.de/é b", "http://xn--strae-oqa.de/%C3%A9%20b"),
        ("ftp://example.com:21/f", "ftp://example.com/f"),
        ("https://example.com/?api_key=s3cr3t&monkey=1&Token=x", "https://example.com/?api_key=&monkey=1&Token="),
    ],
)
def test_a_url_is_read_into_its_canonical_form(text: str, expected: str) -> None:
    assert canonical_url(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://",
        "http://localhost/",
        "http://exa[mple.com/",
        "http://example.com:99999/",
        "http://good.nl\\@evil.nl/",
        "http://[fe80::1%25eth0]/",
        "http://*.example.com/",
    ],
)
def test_what_is_not_a_url_of_a_host_is_refused(text: str) -> None:
    assert canonical_url(text) is None


def test_a_long_url_is_cut_between_characters() -> None:
    url = canonical_url("http://example.com/" + "é" * 3000)

    assert url is not None
    assert 2040 < len(url) <= 2048
    assert url.endswith(("%A9", "%C3"))


@given(st.text(max_size=60), st.sampled_from(["http://example.com/", "https://", "ftp://x@", ""]))
def test_a_canonical_url_is_canonical_already(text: str, start: str) -> None:
    url = canonical_url(start + text)

    assert url is None or canonical_url(url) == url
    assert url is None or url.isascii()


def test_secrets_in_the_urls_of_a_text_are_taken_out() -> None:
    text = "GET /login?user=x&password=hunter2 HTTP/1.1 from https://u:p@example.com/?sig=abc;d=e"

    assert without_url_secrets(text) == "GET /login?user=x&password= HTTP/1.1 from https://example.com/?sig=;d=e"


@given(st.ip_addresses())
def test_an_address_is_spelled_and_read_as_the_standard_library_does(ip: IPv4Address | IPv6Address) -> None:
    assert text_of(ip) == str(ip)
    read = ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip
    assert parse_ip(str(ip)) == read
    assert numbered_ip(str(ip)) == (read.version, int(read))
    assert is_public_number((read.version, int(read))) == is_public(ip)


@given(st.text(alphabet="0123456789abcdefx:.%/ \x00٣", max_size=20))
def test_what_the_standard_library_does_not_read_is_no_address(text: str) -> None:
    try:
        expected = ip_address(text)
    except ValueError:
        assert parse_ip(text) is None
        assert numbered_ip(text) is None
    else:
        assert "%" in text or parse_ip(text) is not None or expected.version == 6

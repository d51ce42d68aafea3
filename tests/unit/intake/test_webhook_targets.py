"""Where a webhook may lead: nowhere but to public addresses, over HTTPS, at the ports that are allowed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.webhooks.targets import Rules, Target, address_refusals, target_of

RULES = Rules()


def codes(url: str, rules: Rules = RULES) -> set[str]:
    found = target_of(url, rules)
    return set() if isinstance(found, Target) else {refusal.code for refusal in found}


@pytest.mark.parametrize(
    ("url", "at"),
    [
        ("https://hooks.example.com", "https://hooks.example.com/"),
        ("https://Hooks.Example.COM:443/a/b?c=d", "https://hooks.example.com/a/b?c=d"),
        ("https://hooks.example.com:8443/", "https://hooks.example.com:8443/"),
        ("https://hooks.example.com./x", "https://hooks.example.com/x"),
        ("https://8.8.8.8/x", "https://8.8.8.8/x"),
        ("https://[2a00:1450:4001:800::1]/x", "https://[2a00:1450:4001:800::1]/x"),
    ],
)
def test_a_public_place_is_taken_in_its_canonical_form(url: str, at: str) -> None:
    found = target_of(url, RULES)
    assert isinstance(found, Target)
    assert found.url == at


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_that_is_not_public_is_refused_written_out_and_as_the_address_of_a_name(address: str) -> None:
    shown = f"[{address}]" if ":" in address else address
    assert codes(f"https://{shown}/") == {"webhook-address"}
    assert [refusal.code for refusal in address_refusals([address], RULES)] == ["webhook-address"]
    assert [refusal.code for refusal in address_refusals(["8.8.8.8", address], RULES)] == ["webhook-address"]


@pytest.mark.parametrize("address", ["fe80::1%eth0", "", "localhost", "127.1"])
def test_what_a_resolver_says_and_is_no_address_is_refused(address: str) -> None:
    assert address_refusals([address], RULES)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "intranet",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "*.example.com",
        "[::1%25eth0]",
        "[::ffff:7f00:1",
        "\uff11\uff12\uff17.0.0.1",
        "ex ample.com",
        "",
    ],
)
def test_a_host_that_resolvers_read_as_they_like_is_refused(host: str) -> None:
    assert codes(f"https://{host}/")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example.com:443/", "webhook-scheme"),
        ("ftp://hooks.example.com:443/", "webhook-scheme"),
        ("file:///etc/passwd", "webhook-scheme"),
        ("gopher://hooks.example.com:443/", "webhook-scheme"),
        ("https://hooks.example.com:22/", "webhook-port"),
        ("https://hooks.example.com:0/", "webhook-port"),
        ("https://hooks.example.com:80/", "webhook-port"),
        ("https://hooks.example.com:99999/", "webhook-url"),
        ("https://user:secret@hooks.example.com/", "webhook-credentials"),
        ("https://8.8.8.8@127.0.0.1/", "webhook-address"),
        ("https://hooks.example.com\\@127.0.0.1/", "webhook-url"),
        ("https://hooks.example.com/#there", "webhook-url"),
        ("https://hooks.example.com/a b", "webhook-url"),
        ("https://hooks.example.com/\r\nHost: other", "webhook-url"),
        ("https://hooks.example.com/é", "webhook-url"),
        ("https://hooks.example.com/" + 2000 * "a", "webhook-url"),
        ("", "webhook-scheme"),
    ],
)
def test_what_is_wrong_with_a_url_is_named(url: str, code: str) -> None:
    assert code in codes(url)


def test_everything_that_is_wrong_is_named_at_once() -> None:
    found = codes("http://me:secret@10.0.0.1:22/#x")
    assert found == {"webhook-scheme", "webhook-port", "webhook-credentials", "webhook-address", "webhook-url"}


def test_without_ports_there_are_no_webhooks() -> None:
    assert codes("https://hooks.example.com/", Rules(ports=frozenset())) == {"webhook-port"}


def test_on_a_machine_of_ones_own_anything_goes_that_is_a_url() -> None:
    rules = Rules(insecure=True)
    assert codes("http://127.0.0.1:9999/hook", rules) == set()
    assert codes("gopher://127.0.0.1:9999/hook", rules) == {"webhook-scheme"}


@given(st.text())
def test_no_text_breaks_the_reading_of_urls(text: str) -> None:
    for url in (text, f"https://{text}", f"https://hooks.example.com:{text}"):
        found = target_of(url, RULES)
        assert isinstance(found, Target) or found

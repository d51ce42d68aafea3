"""What nobody on the internet has. Single addresses are in test_addresses.py; these are stretches and names."""

from ipaddress import ip_network

import pytest

from libs.common.special import NON_PUBLIC_RANGES, SPECIAL_RANGES, is_documentation_name


def meets(text: str) -> bool:
    network = ip_network(text)
    return NON_PUBLIC_RANGES.meets(network.version, int(network[0]), int(network[-1]))


@pytest.mark.parametrize("text", ["10.0.0.0/8", "8.0.0.0/6", "192.0.0.0/16", "172.31.255.255", "2001::/16", "::/0"])
def test_a_stretch_that_has_any_of_it_meets_it(text: str) -> None:
    assert meets(text)


@pytest.mark.parametrize("text", ["9.0.0.0/8", "192.0.1.0/24", "192.0.3.0/24", "172.32.0.0/16", "2600::/16"])
def test_a_stretch_that_lies_between_meets_nothing(text: str) -> None:
    assert not meets(text)


def test_documentation_is_not_special_to_those_who_take_it_for_real() -> None:
    network = ip_network("192.0.2.0/24")

    assert not SPECIAL_RANGES.meets(4, int(network[0]), int(network[-1]))


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("a.test", True), ("bakery.example", True), ("www.example.com", True), ("example.nl", False), ("test.nl", False)],
)
def test_names_for_examples_are_known(name: str, is_one: bool) -> None:
    assert is_documentation_name(name) is is_one

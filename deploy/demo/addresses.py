"""Addresses out of a network: each once, in order, or any."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from itertools import count
from random import Random

PRIVATE_IPV4 = ("10.20.{}.{}", "192.168.{}.{}", "172.20.{}.{}")
PRIVATE_IPV6 = ("fd00:{}::{}", "fe80::{}:{}")
_LARGEST_SUBNET = 200
"""How far into a network any address may lie; smaller than what the networks of the demo have."""


def each_address(network: IPv4Network | IPv6Network) -> Iterator[str]:
    """Every IPv4 address; of IPv6 one in every /64, as a site has them."""
    if isinstance(network, IPv4Network):
        return map(str, network)
    return (str(_host(network, subnet=number, interface=0x10)) for number in count(1))


def any_address(network: IPv4Network | IPv6Network, random: Random) -> str:
    if isinstance(network, IPv4Network):
        return str(network[random.randrange(network.num_addresses)])
    return str(_host(network, subnet=random.randrange(_LARGEST_SUBNET), interface=0x5000 + random.randrange(0x1000)))


def private_address(ip_version: int, random: Random) -> str:
    """An address that nobody has on the internet."""
    pattern = random.choice(PRIVATE_IPV4 if ip_version == 4 else PRIVATE_IPV6)
    return pattern.format(random.randrange(1, 100), random.randrange(1, 100))


def _host(network: IPv6Network, *, subnet: int, interface: int) -> IPv6Address:
    return network.network_address + (subnet << 64) + interface

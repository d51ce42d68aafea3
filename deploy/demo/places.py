"""All places of the fictional world: those of the organisations, and the networks beyond them."""

from ipaddress import IPv4Network, IPv6Network

from deploy.demo.organisations import ORGANISATIONS
from deploy.demo.world import (
    FEW,
    FOUND_BY_RANGE,
    SCANNED,
    TEAM,
    VITAL_ASN,
    VITAL_DOMAIN,
    VITAL_IPV4,
    VITAL_IPV6,
    VITAL_OPERATOR,
    Place,
    Standing,
)

NETWORKS = (
    Place(
        name="Polderkabel, its own lines",
        standing=Standing.NETWORK_OWNER,
        city="Gouda",
        asn=64500,
        ipv4=IPv4Network("192.0.2.128/26"),
        ipv6=IPv6Network("2001:db8:1a00::/40"),
        weaknesses=FOUND_BY_RANGE,
        website="thuis-bij-polderkabel.example",
        recipient="abuse@polderkabel.example",
    ),
    Place(
        name="Duinhosting, rented servers",
        standing=Standing.NETWORK_OWNER,
        city="Haarlem",
        asn=64501,
        ipv4=IPv4Network("198.51.100.128/26"),
        ipv6=IPv6Network("2001:db8:2a00::/40"),
        weaknesses=FOUND_BY_RANGE,
        website="klant-van-duinhosting.example",
        recipient="abuse@duinhosting.example",
    ),
    Place(
        name="Waterweg Net",
        standing=Standing.NETWORK_OWNER,
        city="Maassluis",
        asn=64503,
        ipv4=IPv4Network("203.0.113.0/27"),
        ipv6=IPv6Network("2001:db8:3a00::/40"),
        weaknesses=FOUND_BY_RANGE - {"compromised-website", "open-redis", "open-elasticsearch"},
        website="waterweg-gebruiker.example",
        recipient="misbruik@waterweg.example",
    ),
    Place(
        name="Dorpsnet",
        standing=Standing.UNSURE,
        city="Ommen",
        asn=64506,
        ipv4=IPv4Network("203.0.113.224/27"),
        ipv6=IPv6Network("2001:db8:7a00::/40"),
        weaknesses=SCANNED,
        website="dorpsnet-bewoner.example",
        recipient="beheer@dorpsnet.example",
    ),
    Place(
        name="a range without anybody to write to",
        standing=Standing.STRANGER,
        city="Almere",
        asn=64510,
        ipv4=IPv4Network("203.0.113.128/26"),
        ipv6=IPv6Network("2001:db8:5a00::/40"),
        weaknesses=FOUND_BY_RANGE,
        website="site-van-niemand.example",
    ),
    Place(
        name="Beispielnetz, without a country in the record",
        standing=Standing.ABROAD,
        city="",
        asn=64504,
        ipv4=IPv4Network("203.0.113.96/27"),
        ipv6=IPv6Network("2001:db8:4a00::/40"),
        weaknesses=FOUND_BY_RANGE,
        website="seite.beispielnetz.example",
        country="",
    ),
    Place(
        name=VITAL_OPERATOR,
        standing=Standing.VITAL_LISTED,
        city="Gouda",
        asn=VITAL_ASN,
        ipv4=VITAL_IPV4,
        ipv6=VITAL_IPV6,
        weaknesses=FOUND_BY_RANGE,
        website=VITAL_DOMAIN,
        recipient=TEAM,
        machines=FEW,
    ),
)

HOSTING = NETWORKS[1]
"""Where the web sites of organisations stand."""

PLACES = (*(organisation.place for organisation in ORGANISATIONS), *NETWORKS)

NEVER_WRITTEN_TO = frozenset(
    {
        *(
            organisation.contact
            for organisation in ORGANISATIONS
            if organisation.place.recipient != organisation.contact
        ),
        "abuse@beispielnetz.example",
        f"ict@{VITAL_DOMAIN}",
    }
)
"""Addresses that the system knows or could guess, and must not use."""

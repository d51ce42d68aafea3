"""What operators load before the first report comes: the registry's dump, the vital list, the organisations.

The dump is ours, in the layout of the RIPE database's split files: attributes line by line, objects parted by an empty
line. Ranges nest; one inherits its abuse contact, one has none, one lies abroad.
"""

from collections.abc import Iterator

from deploy.demo.organisations import ORGANISATIONS
from deploy.demo.world import TEAM, VITAL_ASN, VITAL_DOMAIN, VITAL_IPV4, VITAL_IPV6, VITAL_OPERATOR, Organisation

HOLDERS = (
    ("POLDER", "Polderkabel B.V.", "NL", "abuse@polderkabel.example"),
    ("DUIN", "Duinhosting B.V.", "NL", "abuse@duinhosting.example"),
    ("WATERWEG", "Stichting Waterweg Net", "NL", "misbruik@waterweg.example"),
    ("BEISPIEL", "Beispielnetz GmbH", "DE", "abuse@beispielnetz.example"),
    ("DORPSNET", "Vereniging Dorpsnet", "NL", "beheer@dorpsnet.example"),
    ("NIEMAND", "Niemandsland Beheer", "NL", ""),
    ("DEBRON", VITAL_OPERATOR, "NL", f"ict@{VITAL_DOMAIN}"),
)
"""Handle, name, country and abuse mailbox; without a mailbox there is nobody to write to."""

RANGES = (
    ("192.0.2.0/24", "POLDERKABEL", "POLDER", "NL"),
    ("192.0.2.128/26", "POLDERKABEL-LINES", "", "NL"),
    ("198.51.100.0/24", "DUINHOSTING", "DUIN", "NL"),
    ("198.51.100.128/26", "DUIN-RENTED", "DUIN", "NL"),
    ("203.0.113.0/26", "WATERWEG", "WATERWEG", "NL"),
    ("203.0.113.64/26", "BEISPIELNETZ", "BEISPIEL", "DE"),
    ("203.0.113.128/26", "NIEMANDSLAND", "NIEMAND", "NL"),
    ("203.0.113.192/27", "DEBRON", "DEBRON", "NL"),
    ("203.0.113.224/27", "DORPSNET-RANGE", "", "NL"),
    ("2001:db8:1000::/36", "POLDERKABEL-V6", "POLDER", "NL"),
    ("2001:db8:1a00::/40", "POLDERKABEL-LINES-V6", "", "NL"),
    ("2001:db8:2000::/36", "DUINHOSTING-V6", "DUIN", "NL"),
    ("2001:db8:3000::/36", "WATERWEG-V6", "WATERWEG", "NL"),
    ("2001:db8:4000::/36", "BEISPIELNETZ-V6", "BEISPIEL", "DE"),
    ("2001:db8:5000::/36", "NIEMANDSLAND-V6", "NIEMAND", "NL"),
    ("2001:db8:6000::/36", "DEBRON-V6", "DEBRON", "NL"),
    ("2001:db8:7000::/36", "DORPSNET-V6", "", "NL"),
)
"""Range, name, handle of its holder and country. A range without a holder inherits, or has nobody."""

SYSTEMS = (
    (64500, "POLDER-AS", "POLDER"),
    (64501, "DUIN-AS", "DUIN"),
    (64503, "WATERWEG-AS", "WATERWEG"),
    (64504, "BEISPIEL-AS", "BEISPIEL"),
    (64506, "DORPSNET-AS", "DORPSNET"),
)

ROUTES = (
    ("192.0.2.0/24", 64500),
    ("198.51.100.0/25", 64501),
    ("198.51.100.192/26", 64502),
    ("203.0.113.224/27", 64506),
    ("2001:db8:1000::/36", 64500),
    ("2001:db8:7000::/36", 64506),
)


def registry_dump() -> str:
    """The dump as one text."""
    return "\n\n".join("\n".join(f"{name + ':':<16}{value}" for name, value in item) for item in _objects()) + "\n"


def _objects() -> Iterator[list[tuple[str, str]]]:
    for handle, name, country, mailbox in HOLDERS:
        yield from _holder(handle, name, country, mailbox)
    for text, netname, handle, country in RANGES:
        yield _range(text, netname, handle, country)
    for asn, name, handle in SYSTEMS:
        yield [("aut-num", f"AS{asn}"), ("as-name", name), ("org", f"ORG-{handle}-RIPE"), ("source", "RIPE")]
    for text, asn in ROUTES:
        yield [("route6" if ":" in text else "route", text), ("origin", f"AS{asn}"), ("source", "RIPE")]


def _holder(handle: str, name: str, country: str, mailbox: str) -> Iterator[list[tuple[str, str]]]:
    described = [("organisation", f"ORG-{handle}-RIPE"), ("org-name", name), ("country", country)]
    if not mailbox:
        yield [*described, ("source", "RIPE")]
        return
    yield [*described, ("abuse-c", f"AR-{handle}-RIPE"), ("source", "RIPE")]
    yield [
        ("role", f"{name} Abuse"),
        ("nic-hdl", f"AR-{handle}-RIPE"),
        ("abuse-mailbox", mailbox),
        ("source", "RIPE"),
    ]


def _range(text: str, netname: str, handle: str, country: str) -> list[tuple[str, str]]:
    is_ipv6 = ":" in text
    item = [("inet6num" if is_ipv6 else "inetnum", text), ("netname", netname), ("country", country)]
    if handle:
        item.append(("org", f"ORG-{handle}-RIPE"))
    return [*item, ("status", "ASSIGNED" if is_ipv6 else "ASSIGNED PA"), ("source", "RIPE")]


def vital_list() -> str:
    """The verifier's list of vital operators: CSV `kind,value,name`."""
    assets = (
        ("ip-range", str(VITAL_IPV4)),
        ("ip-range", str(VITAL_IPV6)),
        ("domain", VITAL_DOMAIN),
        ("asn", f"AS{VITAL_ASN}"),
    )
    return "\n".join(("kind,value,name", *(f"{kind},{value},{VITAL_OPERATOR}" for kind, value in assets))) + "\n"


def ladder() -> str:
    """The operator's part of attribution's ladder: which team warns vital organisations, and nobody else."""
    return f"""\
[team.national]
name = "Nationaal CSIRT"
email = "{TEAM}"
language = "nl"

[[handover]]
criticality = "vital"
action = "hand-over"
team = "national"
"""


def organisation_entries() -> list[dict[str, object]]:
    """The organisations as the import of attribution takes them."""
    return [_entry(organisation) for organisation in ORGANISATIONS]


def _entry(organisation: Organisation) -> dict[str, object]:
    return {
        "name": organisation.name,
        "country": "NL",
        "language": organisation.language,
        "criticality": "vital" if organisation.vital else "none",
        "sector": organisation.sector,
        "assets": [{"kind": kind, "value": value} for kind, value in _assets(organisation)],
        "contacts": [{"email": organisation.contact, "role": "security"}],
    }


def _assets(organisation: Organisation) -> Iterator[tuple[str, str]]:
    yield "domain", organisation.place.website
    if organisation.asn is not None:
        yield "asn", f"AS{organisation.asn}"
        return
    yield "ip-range", str(organisation.place.ipv4)
    yield "ip-range", str(organisation.place.ipv6)

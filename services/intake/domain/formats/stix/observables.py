"""Cyber-observable objects of STIX: those that name an asset, and those that tell who talked to whom."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.common.vocabulary import Tlp, Transport
from services.intake.domain.formats.stix.mentions import Mention
from services.intake.domain.formats.stix.objects import StixObject
from services.intake.domain.formats.tags import strictest
from services.intake.domain.values import transport_of

NAME_OF_TYPE = {
    "ipv4-addr": "ip",
    "ipv6-addr": "ip",
    "domain-name": "domain",
    "url": "url",
    "email-addr": "email",
    "autonomous-system": "asn",
}
"""Which value of an asset an observable of each type is."""

TRAFFIC = "network-traffic"

_MAX_PROTOCOLS = 32


@dataclass(frozen=True, slots=True)
class Observable:
    """What names an asset. `value` is as it came, or an empty text."""

    name: str
    value: str | int
    tlp: Tlp | None

    @property
    def mention(self) -> Mention:
        return Mention({self.name: self.value}, tlp=self.tlp)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Two ends, by the ids of their observables. Ports are as they came."""

    source: str
    destination: str
    source_port: str | int | None
    destination_port: str | int | None
    transport: Transport | None
    tlp: Tlp | None

    def mention(self, source: Observable | None, destination: Observable | None) -> Mention | None:
        """The end at which something listens; where only the other one is named, that one."""
        end = destination or source
        if end is None:
            return None
        is_service = end is destination
        values = {
            end.name: end.value,
            "port": self.destination_port if is_service else None,
            "transport": self.transport,
        }
        beside = {
            "source_port": self.source_port,
            "destination_port": None if is_service else self.destination_port,
            **({f"source_{source.name}": source.value} if source and is_service else {}),
        }
        return Mention(
            values,
            beside={name: str(value) for name, value in beside.items() if value is not None},
            tlp=strictest(self.tlp, *(each.tlp for each in (source, destination) if each)),
        )


def observable_of(each: StixObject, *, tlp: Tlp | None, refs_within: str = "") -> Observable | Traffic | None:
    """What an object is of the two, if any; `refs_within` goes before the ids that it refers to."""
    if each.type in NAME_OF_TYPE:
        name = NAME_OF_TYPE[each.type]
        value = _scalar(each.member("number" if name == "asn" else "value"))
        return Observable(name, "" if value is None else value, tlp)
    if each.type != TRAFFIC:
        return None
    transports = filter(None, map(transport_of, each.texts("protocols")[:_MAX_PROTOCOLS]))
    return Traffic(
        source=refs_within + each.text("src_ref"),
        destination=refs_within + each.text("dst_ref"),
        source_port=_scalar(each.member("src_port")),
        destination_port=_scalar(each.member("dst_port")),
        transport=next(transports, None),
        tlp=tlp,
    )


def embedded(each: StixObject, *, tlp: Tlp | None) -> Mapping[str, Observable | Traffic]:
    """The observables that an object holds itself, as observed data did before version 2.1, by ids of our own."""
    held = each.member("objects")
    within = f"{each.path}#"
    if not isinstance(held, dict):
        return {}
    found = (
        (f"{within}{key}", observable_of(StixObject(each.line, each.path, members), tlp=tlp, refs_within=within))
        for key, members in held.items()
    )
    return {key: observable for key, observable in found if observable}


def _scalar(value: object) -> str | int | None:
    """A text, a number or nothing. Anything else is as good as an empty text, and decoded takes far more room."""
    return value if value is None or isinstance(value, str | int) else ""

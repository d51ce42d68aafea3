"""Assets as somebody types them, one a line: those that one organisation can have, and what is wrong with the rest."""

import re
from collections.abc import Mapping

import msgspec
from publicsuffixlist import PublicSuffixList

from libs.common.addresses import canonical_domain, is_mailable_asn
from libs.common.contracts import ClaimedAsset
from libs.common.intervals import Space, parse_interval, read_asn
from libs.common.special import NON_PUBLIC_RANGES, SPECIAL_RANGES, is_documentation_name
from libs.common.vocabulary import AssetKind
from services.feedback.domain.registration.policy import RegistrationPolicy

FIELDS: Mapping[str, AssetKind] = {
    "domains": AssetKind.DOMAIN,
    "ranges": AssetKind.IP_RANGE,
    "asns": AssetKind.ASN,
}
WIDEST = {Space.IPV4: 1 << 16, Space.IPV6: 1 << 96}
"""A /16 or a /32, as in entries of false positives: whoever has more has a desk of its own, and talks to ours."""

MOST_LINES = 500
LINE_CHARACTERS = 300
_LINE_ENDS = re.compile(r"[\r\n,;]+")
_PUBLIC_SUFFIXES = PublicSuffixList()


class Flaw(msgspec.Struct, frozen=True):
    """Something that is wrong with what was typed: in which field, what, and the line that it is about."""

    field: str
    what: str
    typed: str = ""


class Typed(msgspec.Struct, frozen=True):
    """Assets in canonical form, each once and in order, and all that is wrong with the other lines."""

    assets: tuple[ClaimedAsset, ...]
    flaws: tuple[Flaw, ...]


class _Unfit(ValueError):
    """The message is what is wrong, as a `Flaw` has it."""


def read_assets(typed: Mapping[str, str], policy: RegistrationPolicy) -> Typed:
    """Read the fields of a form that hold assets: `typed` by the names of `FIELDS`."""
    found: dict[ClaimedAsset, None] = {}
    flaws: list[Flaw] = []
    for field, kind in FIELDS.items():
        lines = [line for part in _LINE_ENDS.split(typed.get(field, "")) if (line := part.strip())]
        if len(lines) > MOST_LINES:
            flaws.append(Flaw(field, "too_many"))
            continue
        for line in lines:
            try:
                found[ClaimedAsset(kind=kind, value=_value_of(kind, line, policy))] = None
            except _Unfit as unfit:
                flaws.append(Flaw(field, str(unfit), line))
    return Typed(tuple(found), tuple(flaws))


def _value_of(kind: AssetKind, line: str, policy: RegistrationPolicy) -> str:
    if len(line) > LINE_CHARACTERS:
        raise _Unfit(f"not_{kind.replace('-', '_')}")
    match kind:
        case AssetKind.DOMAIN:
            return _domain(line, policy)
        case AssetKind.IP_RANGE:
            return _range(line, policy)
        case AssetKind.ASN:
            return _asn(line, policy)


def _domain(line: str, policy: RegistrationPolicy) -> str:
    domain = canonical_domain(line)
    if domain is None:
        raise _Unfit("not_domain")
    if _PUBLIC_SUFFIXES.privatesuffix(domain) is None:
        raise _Unfit("public_suffix")
    if is_documentation_name(domain) and not policy.allow_documentation:
        raise _Unfit("example_domain")
    return domain


def _range(line: str, policy: RegistrationPolicy) -> str:
    interval = parse_interval(line)
    if interval is None:
        raise _Unfit("not_ip_range")
    if interval.size > WIDEST[interval.space]:
        raise _Unfit("too_wide")
    nobodys = SPECIAL_RANGES if policy.allow_documentation else NON_PUBLIC_RANGES
    if nobodys.meets(4 if interval.space is Space.IPV4 else 6, interval.first, interval.last):
        raise _Unfit("private_range")
    return str(interval)


def _asn(line: str, policy: RegistrationPolicy) -> str:
    asn = read_asn(line)
    if asn is None:
        raise _Unfit("not_asn")
    if not (is_mailable_asn(asn) or policy.allow_documentation):
        raise _Unfit("private_asn")
    return f"AS{asn}"

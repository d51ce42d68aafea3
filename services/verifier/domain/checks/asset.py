"""Checks on the asset: can it be, and is it somebody else's to warn?"""

from datetime import datetime

from libs.common.addresses import (
    is_documentation,
    is_mailable_asn,
    is_public_number,
    numbered_ip,
    parse_ip,
)
from libs.common.special import is_documentation_name
from services.verifier.domain.checks.findings import doubted, failed, passed
from services.verifier.domain.rules import Rules
from services.verifier.domain.values import Case, Reason

# What most records get, made once.
ROUTABLE = passed("routable", "the asset can exist on the internet")
NOT_VITAL = passed("vital", "not on the list of vital operators")


def routable(case: Case, rules: Rules, _: datetime) -> Reason:
    """The asset can exist on the internet: no private, reserved or documentation address, name or AS."""
    asset, allowed = case.event.indicator.asset, rules.allow_documentation_ranges
    if asset.ip is not None and (why := _why_no_address(asset.ip, allow_documentation=allowed)):
        return failed("routable", why)
    if allowed:
        return ROUTABLE
    if asset.asn is not None and not is_mailable_asn(asset.asn):
        return failed("routable", f"AS{asset.asn} is private or reserved")
    name = next(iter(asset.hosts), None)
    if name is not None and is_documentation_name(name):
        return failed("routable", f"{name} is a name for documentation")
    return ROUTABLE


def _why_no_address(address: str, *, allow_documentation: bool) -> str:
    """Nothing for one that somebody can have, as nearly all are."""
    numbered = numbered_ip(address)
    if numbered is None or is_public_number(numbered):
        return ""
    ip = parse_ip(address)
    if ip is None or not is_documentation(ip):
        return f"{ip} is not a public address"
    return "" if allow_documentation else f"{ip} is an address for documentation"


def not_vital(case: Case, rules: Rules, _: datetime) -> Reason:
    """It is not that of a vital operator, or of a sector, whom the national or the sector's team warns itself. One that
    is goes on, to be handed over to that team; it fails only where a file of rules says how it is to end.
    """
    operator = rules.vital_assets.owner_of(case.event.indicator.asset, case.event.indicator.asn)
    if operator is None:
        return NOT_VITAL
    if "vital" in rules.fails_as:
        return failed("vital", f"belongs to {operator}")
    return doubted("vital", 0.0, f"belongs to {operator}: handed over")

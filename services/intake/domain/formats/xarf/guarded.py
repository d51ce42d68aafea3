"""Reports about abused children: a person handles each, and nothing that leads to the material goes any further."""

from msgspec.structs import replace

from libs.common.contracts import Asset, Indicator
from libs.common.vocabulary import Tlp
from services.intake.domain.extras import bounded
from services.intake.domain.values import domain_of, ip_of

VIOLENCE = "abusive-content/violence"


def guarded(found: Indicator, **kept: str) -> Indicator:
    """`found` with nothing of the report's own words but those `kept`, and marked: it waits, and is told to nobody."""
    return replace(
        found,
        category=VIOLENCE,
        asset=_whereabouts(found.asset),
        tlp=Tlp.RED,
        tags=("needs-a-person",),
        extra=bounded(kept.items()),
    )


def _whereabouts(asset: Asset) -> Asset:
    """The address and the domain, which is all that it takes to find the owner."""
    ip = asset.ip or next(filter(None, map(ip_of, asset.hosts)), None)
    return Asset(ip=ip, domain=next(filter(None, map(domain_of, asset.hosts)), None))

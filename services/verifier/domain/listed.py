"""Whom the list of vital operators names, for whoever asks before there is a record."""

from enum import StrEnum

import msgspec

from libs.common.contracts import Asset, ListedOperator
from libs.common.vocabulary import Outcome
from services.verifier.domain.rules import Rules

CHECK = "vital"


class GoesOn(StrEnum):
    """What becomes of a record of a listed asset that does not end here."""

    HANDED_OVER = "handed-over"
    WARNED = "warned"


class Listing(msgspec.Struct, frozen=True):
    """What the list says of an asset, and what the rules in force make of that (`becomes`).

    `by_network`: only the AS is named, so it counts for records that say that the asset lies in that one.
    """

    has_list: bool
    operator: ListedOperator | None = None
    becomes: GoesOn | Outcome | None = None
    by_network: bool = False


def listing_of(asset: Asset, *, network_asn: int | None, rules: Rules) -> Listing:
    """`network_asn` is the AS that a record of the asset would name."""
    listed, has_list = rules.vital_assets, bool(rules.vital_assets.version)
    operator = listed.owner_of(asset, network_asn)
    if operator is None:
        return Listing(has_list)
    return Listing(has_list, operator, _becomes(rules), by_network=listed.owner_of(asset, None) is None)


def _becomes(rules: Rules) -> GoesOn | Outcome:
    """As `judge` has it: only a file of rules keeps a listed asset from its team."""
    if CHECK not in rules.fails_as:
        return GoesOn.HANDED_OVER
    return rules.fails_as[CHECK] or GoesOn.WARNED

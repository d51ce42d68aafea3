"""Who else has found the same: what is known as a threat, and what waits for a person."""

from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple

from services.verifier.domain.rules import Rules
from services.verifier.domain.values import Case, HeldSighting

DOUBT = "confidence"
"""Why a record is held against which nothing speaks but doubt."""

COUNT_WHILE_HELD = (DOUBT, "incident")
"""Why one is held that counts for others all the same: for doubt, or as nobody has written advice yet. What is held for
anything else may be no threat, or may not be told of."""


class Others(NamedTuple):
    """Who else has found it, and whether the word of one of them alone would be enough."""

    sources: AbstractSet[str]
    are_believed: bool


NOBODY = Others(frozenset(), are_believed=False)


def others_of(case: Case, rules: Rules, now: datetime) -> Others:
    """All who have found the same by themselves, and whom nothing has refuted since."""
    known = case.known
    if known is None and not case.held:
        return NOBODY
    own = {case.event.source, case.event.partner}
    sources: set[str] = set()
    are_believed = False
    if known is not None and known.closed_at is None and known.partners != {case.event.partner}:
        sources |= known.sources - own
        are_believed = bool(sources) and not known.is_doubted
    for each in case.held:
        if own.isdisjoint((each.source, each.partner)) and counts(each, case, rules, now):
            sources.add(each.source)
            are_believed = are_believed or each.confidence >= rules.hold_below_confidence
    return Others(sources, are_believed)


def counts(held: HeldSighting, case: Case, rules: Rules, now: datetime) -> bool:
    """While it would be news itself; not what was seen before the threat was closed."""
    known = case.known
    if known is not None and known.closed_at is not None and not known.is_refuted_by(held.seen_at):
        return False
    return now - held.seen_at <= rules.max_age(case.event.indicator.category)

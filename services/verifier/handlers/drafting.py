"""A pattern that no incident knows opens a draft by itself, which waits for a person."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from libs.common.db import Transaction
from libs.common.metrics import DRAFTS_OPENED
from libs.common.outbox import enqueue
from libs.common.vocabulary import IncidentState
from services.verifier import store
from services.verifier.domain import Catalogue, Incident, Rules
from services.verifier.domain.catalogue import BY_ITSELF
from services.verifier.domain.drafts import Draft, Evidence, claimed, covered_by_now, drafts_for
from services.verifier.handlers.announcing import changed_event

log = structlog.get_logger(__name__)

COUNTS_FOR = timedelta(days=7)
LOOKED_AT = 5_000
"""What a draft takes up leaves them, so that the next look sees others."""


async def open_drafts(tx: Transaction, *, rules: Rules, now: datetime) -> list[Incident]:
    """The drafts that were opened. One replica at a time looks; the others have nothing to do then.

    What an incident covers by now is taken up by it, and the evidence of what is still a draft is renewed.
    """
    if not await store.is_alone(tx):
        return []
    known, evidence = await store.incidents(tx), await store.evidence(tx)
    catalogue = Catalogue(known.values())
    taken = claimed(known.values(), ((each.kind, each.word) for each in evidence.values()))
    closed = [word for kind, word in taken if kind == "identifier" and not catalogue.claims(kind, word)]
    uncovered = await store.uncovered(
        tx, since=now - COUNTS_FOR, besides=closed, crowd=rules.draft_from_records, limit=LOOKED_AT
    )

    adopted = covered_by_now(uncovered, catalogue)
    drafts = drafts_for(
        [event for event in uncovered if event.indicator_id not in adopted],
        taken=taken,
        slugs=known.keys(),
        from_records=rules.draft_from_records,
        from_assets=rules.draft_from_assets,
    )

    opened = [draft for draft in drafts if await store.put_incident(tx, draft.incident, origin=BY_ITSELF, now=now)]
    adopted |= {event.indicator_id: draft.incident.slug for draft in opened for event in draft.records}
    await store.adopt(tx, adopted)
    await enqueue(tx, [changed_event(draft.incident) for draft in opened])
    await _weigh(tx, opened, known, evidence)
    tx.after_commit(lambda: _tell(opened))
    return [draft.incident for draft in opened]


async def _weigh(
    tx: Transaction, opened: list[Draft], known: Mapping[str, Incident], evidence: Mapping[str, Evidence]
) -> None:
    keys = {draft.incident.slug: draft.key for draft in opened}
    for slug, found in evidence.items():
        if known[slug].state is IncidentState.DRAFT and await store.has_changed(tx, slug, found):
            keys[slug] = (found.kind, found.word)
    for slug, key in keys.items():
        if (weighed := await store.weigh(tx, slug, key=key)) is not None:
            await store.put_evidence(tx, slug, weighed)


def _tell(opened: list[Draft]) -> None:
    for draft in opened:
        kind, word = draft.key
        log.info("a draft was opened", incident=draft.incident.slug, kind=kind, word=word, records=len(draft.records))
    DRAFTS_OPENED.inc(len(opened))

"""Two incidents turn out to be one, or one to be two."""

from datetime import datetime

import msgspec

from libs.common.db import Transaction
from libs.common.problems import FieldError, Problem
from libs.common.vocabulary import IncidentState
from services.verifier import store
from services.verifier.domain import Incident, Matches
from services.verifier.domain.catalogue import NOTHING, Proposal
from services.verifier.domain.proposals import without_drops
from services.verifier.handlers.incidents import add_incident, changed_meanwhile, put
from services.verifier.handlers.queries import incident_called


async def merge_incident(
    tx: Transaction, slug: str, *, into: str, by: str, now: datetime, read_revision: int | None = None
) -> Incident:
    """Close one and let the other recognise what it did; answers the other.

    An approved or paused one goes on as it is, with what comes from the merged one as a proposal: nobody is written to
    on the word of one person. Mails of a merged one that was approved still leave, with the text that was approved.
    """
    source, target = await incident_called(tx, slug), await incident_called(tx, into)
    if read_revision not in {None, source.revision}:
        raise changed_meanwhile()
    _refuse_merge(source, target)
    merged = msgspec.structs.replace(
        source, state=IncidentState.CLOSED, merged_into=into, proposed=None, revision=source.revision + 1
    )
    grown = _with_what_is_of(source, target, by=by)
    mails = IncidentState.APPROVED if source.state is IncidentState.APPROVED else None
    # Always in one order, so that of two merges crosswise the second waits and finds the first.
    for changed, said in sorted([(merged, mails), (grown, None)], key=lambda each: each[0].slug):
        if changed is not target:
            await put(tx, changed, now=now, mails=said)
    await store.add_move(tx, source=slug, target=into, now=now)
    return grown


def _refuse_merge(source: Incident, target: Incident) -> None:
    reasons = {
        f"{source.slug} is the same incident": source.slug == target.slug,
        f"{source.slug} is closed": source.state is IncidentState.CLOSED,
        f"{target.slug} is closed": target.state is IncidentState.CLOSED,
    }
    if said := [reason for reason, holds in reasons.items() if holds]:
        raise Problem(409, "cannot-merge", "These can't become one", f"{'; '.join(said)}.")


def _with_what_is_of(source: Incident, target: Incident, *, by: str) -> Incident:
    """The target as it is after the merge; the very same where there is nothing that it does not know."""
    matches, affected = source.matches, source.affected
    if source.proposed is not None:
        matches, affected = matches.plus(source.proposed.matches), (*affected, *source.proposed.affected)
    new_affected = tuple(each for each in affected if each not in target.affected)
    waiting = target.proposed or Proposal()
    before = without_drops(waiting, matches, affected)
    if target.state is IncidentState.DRAFT:
        return msgspec.structs.replace(
            target,
            matches=target.matches.plus(matches),
            affected=(*target.affected, *new_affected),
            author=by,
            proposed=None if before.is_empty else before,
            revision=target.revision + 1,
        )
    new = matches.minus(target.matches)
    if new == NOTHING and not new_affected and before == waiting:
        return target
    proposed = msgspec.structs.replace(
        before,
        matches=before.matches.plus(new),
        affected=(*before.affected, *(each for each in new_affected if each not in before.affected)),
        by=tuple(dict.fromkeys((*before.by, by))),
    )
    return msgspec.structs.replace(
        target, proposed=None if proposed.is_empty else proposed, revision=target.revision + 1
    )


async def split_incident(
    tx: Transaction, slug: str, part: Incident, *, now: datetime, read_revision: int | None = None
) -> Incident:
    """Make a draft of some of what an incident recognises; the rest of it goes on as it is, with the fewer matches."""
    source = await incident_called(tx, slug)
    if read_revision not in {None, source.revision}:
        raise changed_meanwhile()
    left = source.matches.minus(part.matches)
    if source.state is IncidentState.CLOSED or left == NOTHING:
        why = "It is closed." if source.state is IncidentState.CLOSED else "Nothing would be left of it."
        raise Problem(409, "cannot-split", f"{slug} can't be split", why)
    _require_its_own(part.matches, source)
    draft = await add_incident(tx, part, now=now)
    await put(tx, msgspec.structs.replace(source, matches=left, revision=source.revision + 1), now=now)
    await store.add_move(tx, source=slug, target=part.slug, now=now)
    return draft


def _require_its_own(moving: Matches, source: Incident) -> None:
    foreign = moving.minus(source.matches)
    errors = [
        FieldError(f"body.matches.{kind}", "not-its-match", f"'{word}' is none of the {kind} of {source.slug}")
        for kind in Matches.__struct_fields__
        for word in getattr(foreign, kind)
    ]
    if moving == NOTHING:
        errors = [FieldError("body.matches", "not-its-match", "there is nothing in it to move")]
    if errors:
        raise Problem(422, "not-its-match", "Only what it recognises can be moved", source.slug, errors=errors)

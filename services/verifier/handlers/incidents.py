"""The catalogue changes: it is shipped, added to, edited, and approved."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from libs.common.db import Transaction
from libs.common.outbox import enqueue
from libs.common.problems import FieldError, Problem
from libs.common.vocabulary import IncidentState
from services.verifier import store
from services.verifier.domain import Incident
from services.verifier.domain.proposals import changed_in_force, is_free, still_proposed
from services.verifier.handlers.announcing import changed_event
from services.verifier.handlers.queries import incident_called
from services.verifier.handlers.shipped import SHIPPED

CHANGES_BY_ONE_PERSON = {
    *((state, state) for state in IncidentState),
    *((state, IncidentState.CLOSED) for state in IncidentState),
    (IncidentState.APPROVED, IncidentState.PAUSED),
    (IncidentState.PAUSED, IncidentState.APPROVED),
}
"""From which state to which without a second pair of eyes: only what was approved before can be so again."""

NEEDS_APPROVAL = frozenset({"opt_in", "advisory", "affected", "category", "cve_ids", "matches"})
"""What decides who is written to, and what they read. So does a severity that is raised."""

IN_FORCE = frozenset({IncidentState.APPROVED, IncidentState.PAUSED})

DESK = "desk"


async def ship_incidents(tx: Transaction, shipped: Iterable[Incident], *, now: datetime) -> int:
    """Bring new and changed incidents of this release into the catalogue; how many.

    One that a person has edited stays as that person left it. A draft of that name that opened by itself gives way.
    """
    known = await store.incidents(tx)
    untouched = await store.shipped_incidents(tx)
    changed = 0
    for incident in shipped:
        stored = untouched.get(incident.slug)
        if stored is None and incident.slug in known:
            continue
        revision = stored.revision if stored else 0
        if stored == msgspec.structs.replace(incident, revision=revision):
            continue
        await put(tx, msgspec.structs.replace(incident, revision=revision + 1), origin=SHIPPED, now=now)
        changed += 1
    return changed


async def add_incident(tx: Transaction, incident: Incident, *, now: datetime) -> Incident:
    """A person writes a new incident: always a draft, approved by somebody else."""
    if incident.slug in await store.incidents(tx):
        raise Problem(409, "incident-exists", "There is an incident of that name", f"Change {incident.slug} instead.")
    draft = msgspec.structs.replace(incident, state=IncidentState.DRAFT, revision=1, approver=None)
    return await put(tx, draft, now=now)


async def change_incident(
    tx: Transaction, slug: str, changes: dict[str, object], *, by: str, now: datetime
) -> Incident:
    """Change some fields; approval itself has its own door.

    What would tell more people, tell them sooner or tell them something else waits for a second person: at an incident
    in force as a proposal beside what goes on, at any other as a draft. Decision 16.
    """
    incident = await incident_called(tx, slug)
    wanted = changes.get("state", incident.state)
    if (incident.state, wanted) not in CHANGES_BY_ONE_PERSON:
        raise Problem(
            409, "approve-instead", f"It can't go from {incident.state} to {wanted}", f"Approve {slug} instead."
        )
    if changes != {"state": IncidentState.CLOSED}:
        _refuse_merged(incident)
    revision = incident.revision + 1
    if incident.state in IN_FORCE:
        changed = msgspec.structs.replace(changed_in_force(incident, changes, by=by), state=wanted, revision=revision)
    else:
        proposed = still_proposed(incident, changes)
        changed = msgspec.structs.replace(incident, revision=revision, proposed=proposed, **changes)
        if changes.keys() & NEEDS_APPROVAL or not is_free("severity", changed.severity, incident):
            changed = msgspec.structs.replace(changed, state=IncidentState.DRAFT, author=by, approver=None)
    return await put(tx, changed, now=now)


async def drop_proposal(tx: Transaction, slug: str, *, now: datetime) -> Incident:
    """Take back what waits at an incident; what is in force goes on. Raises the 409 problem where nothing does."""
    incident = await incident_called(tx, slug)
    if incident.proposed is None:
        raise Problem(409, "nothing-proposed", "Nothing waits to be approved there", f"{slug} is as it was approved.")
    return await put(tx, msgspec.structs.replace(incident, proposed=None, revision=incident.revision + 1), now=now)


async def approve_incident(
    tx: Transaction, slug: str, *, by: str, now: datetime, read_revision: int | None = None
) -> Incident:
    """Let its mails leave, and what was proposed count. Four eyes: not whoever wrote it last, proposed or merged.

    Of what was read only that revision, and only with all that its recipients need to be told.
    """
    incident = await incident_called(tx, slug)
    if read_revision not in {None, incident.revision}:
        raise changed_meanwhile()
    if by in _writers(incident):
        raise Problem(403, "four-eyes", "Somebody else must approve this", f"You wrote {slug}.")
    _refuse_merged(incident)
    agreed = incident.with_what_is_proposed()
    _require_advisory(agreed)
    approved = msgspec.structs.replace(
        agreed, state=IncidentState.APPROVED, approver=by, revision=incident.revision + 1
    )
    return await put(tx, approved, now=now)


def _writers(incident: Incident) -> set[str]:
    """Those whose words are not approved yet; of one in force with a proposal, only those who made that."""
    proposers = set(incident.proposed.by) if incident.proposed else set()
    return proposers if proposers and incident.state in IN_FORCE else {incident.author, *proposers}


def _refuse_merged(incident: Incident) -> None:
    if incident.merged_into is not None:
        raise Problem(409, "merged", "It is part of another incident now", f"Change {incident.merged_into} instead.")


def _require_advisory(incident: Incident) -> None:
    missing = [
        FieldError(f"advisory.{place}", "missing-text", "Its recipients would miss this")
        for place in incident.missing_texts()
    ]
    if missing:
        raise Problem(
            422,
            "advisory-incomplete",
            "Nobody could be told what to do",
            f"Write the rest of {incident.slug} first.",
            errors=missing,
        )


async def put(
    tx: Transaction, incident: Incident, *, now: datetime, origin: str = DESK, mails: IncidentState | None = None
) -> Incident:
    """Store a new revision and tell the others; `mails` as in `changed_event`. Raises if somebody else was faster."""
    if not await store.put_incident(tx, incident, origin=origin, now=now):
        raise changed_meanwhile()
    await enqueue(tx, [changed_event(incident, mails=mails)])
    return incident


def changed_meanwhile() -> Problem:
    return Problem(409, "changed-meanwhile", "Somebody else was faster", "Read the incident again, then repeat.")

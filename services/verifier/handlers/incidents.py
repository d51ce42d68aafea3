"""The catalogue changes: it is shipped, added to, edited, approved, and taken up by the rules in force."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
import structlog

from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from libs.common.metrics import COUNTRY_LIST_TIME, EXPLOITATION_LIST_TIME
from libs.common.outbox import enqueue
from libs.common.problems import FieldError, Problem
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import IncidentState
from services.verifier import store
from services.verifier.domain import Catalogue, Incident, Rules, rules_version
from services.verifier.domain.known_wrong import KnownWrong
from services.verifier.domain.rule_file import BrokenRules, apply_rule_file
from services.verifier.handlers.announcing import changed_event
from services.verifier.handlers.countries import holders_now
from services.verifier.handlers.queries import incident_called
from services.verifier.handlers.registered import registered_now
from services.verifier.handlers.rules import CHECKS, rule_file_in_force
from services.verifier.handlers.shipped import SHIPPED, read_shipped

log = structlog.get_logger(__name__)

CHANGES_BY_ONE_PERSON = {
    *((state, state) for state in IncidentState),
    *((state, IncidentState.CLOSED) for state in IncidentState),
    (IncidentState.APPROVED, IncidentState.PAUSED),
    (IncidentState.PAUSED, IncidentState.APPROVED),
}
"""From which state to which without a second pair of eyes: only what was approved before can be so again."""

NEEDS_APPROVAL = frozenset({"opt_in", "advisory", "affected", "category", "cve_ids", "matches"})
"""What decides who is written to, and what they read."""

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
    """Change some fields. A changed text or match needs a new approval; approval itself has its own door."""
    incident = await incident_called(tx, slug)
    wanted = changes.get("state", incident.state)
    if (incident.state, wanted) not in CHANGES_BY_ONE_PERSON:
        raise Problem(
            409, "approve-instead", f"It can't go from {incident.state} to {wanted}", f"Approve {slug} instead."
        )
    if changes != {"state": IncidentState.CLOSED}:
        _refuse_merged(incident)
    changed = msgspec.structs.replace(incident, revision=incident.revision + 1, **changes)
    if changes.keys() & NEEDS_APPROVAL:
        changed = msgspec.structs.replace(changed, state=IncidentState.DRAFT, author=by, approver=None)
    return await put(tx, changed, now=now)


async def approve_incident(
    tx: Transaction, slug: str, *, by: str, now: datetime, read_revision: int | None = None
) -> Incident:
    """Let its mails leave, and what was merged into it count. Four eyes: not whoever wrote it last, or merged.

    Of what was read only that revision, and only with all that its recipients need to be told.
    """
    incident = await incident_called(tx, slug)
    if read_revision not in {None, incident.revision}:
        raise changed_meanwhile()
    if by in _writers(incident):
        raise Problem(403, "four-eyes", "Somebody else must approve this", f"You wrote {slug}.")
    _refuse_merged(incident)
    _require_advisory(incident)
    approved = msgspec.structs.replace(
        incident.with_what_is_proposed(), state=IncidentState.APPROVED, approver=by, revision=incident.revision + 1
    )
    return await put(tx, approved, now=now)


def _writers(incident: Incident) -> set[str]:
    """Those whose words are not approved yet; of one in force with a proposal, only those who made that."""
    proposers = set(incident.proposed.by) if incident.proposed else set()
    in_force = incident.state in {IncidentState.APPROVED, IncidentState.PAUSED}
    return proposers if proposers and in_force else {incident.author, *proposers}


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


async def load_rules(tx: Transaction, settled: Rules, *, known: Rules, now: datetime, text: str | None = None) -> Rules:
    """The rules of the settings and of the file in force, or of `text`, with the catalogue and lists as they are now.

    `known` are the lists that were read before. Raises `Transient` for a file that this release can't read.
    """
    try:
        written = apply_rule_file(settled, (await rule_file_in_force(tx)).text if text is None else text)
    except BrokenRules as error:
        raise Transient(f"the rules in force can't be read: {error}") from error
    rules = msgspec.structs.replace(
        written,
        known_wrong=KnownWrong(await store.false_positives_anywhere(tx, now=now)),
        catalogue=Catalogue((await store.incidents(tx)).values()),
        exploitation=await store.exploitation(tx, known=known.exploitation),
        holders=await holders_now(tx, known=known.holders),
        registered=await registered_now(tx, known=known.registered),
        track_records=await store.track_records(tx),
    )
    return msgspec.structs.replace(rules, version=rules_version(rules, checks=CHECKS))


class RulesInForce:
    """The rules that the next batch is judged by. Read again every few seconds, swapped as a whole."""

    def __init__(self, settled: Rules, *, database: Database, refresh_seconds: float) -> None:
        self.settled = settled
        self._database = database
        self.refresh_seconds = refresh_seconds
        self._current: Rules | None = None

    @property
    def current(self) -> Rules:
        """Raises `Transient` before they have been read for the first time: the batch then waits."""
        if self._current is None:
            raise Transient("the rules have not been read yet")
        return self._current

    @property
    def greatest_holders_age(self) -> timedelta:
        """Also before they have been read."""
        return (self._current or self.settled).greatest_holders_age

    async def keep_fresh(self, shutdown: Shutdown) -> None:
        """Until shutdown. The first round also brings this release's incidents into the catalogue."""
        shipped = read_shipped()
        while not shutdown.requested:
            try:
                async with self._database.transaction() as tx:
                    await ship_incidents(tx, shipped, now=self._database.now())
                    known = self._current or self.settled
                    self._current = await load_rules(tx, self.settled, known=known, now=self._database.now())
                    _show_ages(self._current)
                    shipped = []
            except (Transient, Problem) as error:
                log.warning("rules not read", reason=str(error))
            await shutdown.wait(self.refresh_seconds)

    async def check(self) -> None:
        """Raise `Transient` until the rules have been read."""
        _ = self.current


def _show_ages(rules: Rules) -> None:
    for source, edition in rules.exploitation.editions.items():
        EXPLOITATION_LIST_TIME.labels(source.value).set(edition.made_at.timestamp())
    for registry, of_registry in rules.holders.editions.items():
        COUNTRY_LIST_TIME.labels(registry.value).set(of_registry.made_at.timestamp())

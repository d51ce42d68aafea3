"""The verifier on a real database: the first verdict stands, a person's word reaches the others, and no further."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import (
    Asset,
    Event,
    FeedbackReceived,
    IncidentChanged,
    IndicatorSettled,
    RawIndicator,
    ThreatVerified,
)
from libs.common.db import Database
from libs.common.errors import Transient
from libs.common.ids import new_id
from libs.common.outbox import waiting_events
from libs.common.problems import Problem
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import FeedbackKind, IncidentState, Language, Reliability, Severity
from services.verifier import store
from services.verifier.app import build
from services.verifier.domain import FalsePositive, Incident, Matches, Rules, ThreatState
from services.verifier.domain.affected import Affected, VersionRange
from services.verifier.domain.review import Decision
from services.verifier.handlers import (
    HeldFilter,
    RulesInForce,
    Said,
    add_incident,
    approve_incident,
    change_incident,
    false_positives_page,
    held_page,
    incident_called,
    remember_false_positive,
    review_indicators,
    ship_incidents,
    threat_with_sightings,
    threats_page,
    verify_indicators,
    weigh_feedback,
)
from services.verifier.handlers.merging import merge_incident
from services.verifier.settings import VerifierSettings
from tests.databases import make_tables
from tests.unit.verifier.builders import ADVISORY, NOW, RULES, SMB, raw

LATER = NOW + timedelta(hours=1)
BAKER = Asset(ip="145.10.20.30", domain="baker.nl")
DESK = "desk@demo.example"
BUTCHER = Asset(ip="145.10.20.30", domain="butcher.nl")
RDP = msgspec.structs.replace(SMB, slug="desk-rdp", matches=Matches(identifiers=("desk-rdp",)), author="anna")

InShort = list[tuple[str, str]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(make_tables, "verifier", database_url)
    database = Database(database_url, pool_size=4, statement_timeout_seconds=10)
    yield database
    await database.close()


async def rules_in_force(database: Database, *, settled: Rules = RULES) -> RulesInForce:
    """With the shipped incidents, and those of the desk as they are now."""
    rules, shutdown = RulesInForce(settled, database=database, refresh_seconds=60), Shutdown()
    reading = asyncio.create_task(rules.keep_fresh(shutdown))
    async with asyncio.timeout(10):
        while not _are_read(rules):
            await asyncio.sleep(0.01)
    shutdown.request()
    await reading
    return rules


def _are_read(rules: RulesInForce) -> bool:
    try:
        return rules.current is not None
    except Transient:
        return False


@pytest.fixture
async def rules(database: Database) -> RulesInForce:
    return await rules_in_force(database)


async def verify(
    database: Database, rules: RulesInForce, *indicators: RawIndicator, now: datetime = NOW
) -> list[Event]:
    async with database.transaction() as tx:
        return list(await verify_indicators(list(indicators), tx=tx, now=now, rules=rules))


async def review(database: Database, rules: RulesInForce, held: RawIndicator, decision: Decision) -> None:
    async with database.transaction() as tx:
        await review_indicators(
            tx, [held.indicator_id], said=Said(decision=decision, note="x", by="anna"), rules=rules.current, now=LATER
        )


async def call_false(database: Database, *events: Event, now: datetime = LATER) -> None:
    """The recipients of these threats say that they are wrong."""
    threat_ids = tuple(event.threat_id for event in events if isinstance(event, ThreatVerified))
    answer = FeedbackReceived(
        feedback_id=new_id(), kind=FeedbackKind.FALSE_POSITIVE, incident="open-smb", at=NOW, threat_ids=threat_ids
    )
    async with database.transaction() as tx:
        await weigh_feedback([answer], tx=tx, now=now)


async def sent(database: Database) -> list[Event]:
    """What waits in the outbox, other than the catalogue."""
    async with database.transaction() as tx:
        return [event for event in await waiting_events(tx) if not isinstance(event, IncidentChanged)]


def in_short(*events: Event) -> InShort:
    return [
        (event.outcome.value, event.reason) if isinstance(event, IndicatorSettled) else ("verified", "")
        for event in events
    ]


async def approve_rdp(database: Database) -> None:
    async with database.transaction() as tx:
        await add_incident(tx, RDP, now=NOW)
        await approve_incident(tx, RDP.slug, by="boss", now=NOW)


async def test_the_same_batch_again_says_the_same_although_the_rules_have_changed(
    database: Database, rules: RulesInForce
) -> None:
    batch = [raw(1), raw(2), raw(3, identifier="desk-rdp"), raw(4, asset=Asset(ip="10.0.0.1"))]
    first = await verify(database, rules, *batch)
    await approve_rdp(database)
    async with database.transaction() as tx:
        await change_incident(tx, "open-smb", {"severity": Severity.LOW}, by="anna", now=NOW)

    changed = await rules_in_force(database)
    again = await verify(database, changed, *batch, now=LATER)

    assert in_short(*first) == [
        ("verified", ""), ("duplicate", "sighting"), ("held", "incident"), ("refuted", "routable")
    ]  # fmt: skip
    assert {event.event_id: event for event in again} == {event.event_id: event for event in first}
    assert changed.current.version != rules.current.version


async def test_of_two_batches_that_find_a_threat_at_once_the_second_is_repeated_and_sees_it(
    database: Database, rules: RulesInForce
) -> None:
    async with database.transaction() as tx:
        winner = await verify_indicators([raw(1)], tx=tx, now=NOW, rules=rules)
        losing = asyncio.create_task(verify(database, rules, raw(2)))
        async with asyncio.timeout(10):
            while not await somebody_waits(database):
                await asyncio.sleep(0.01)
    with pytest.raises(Transient):
        await losing

    assert in_short(*winner, *await verify(database, rules, raw(2))) == [("verified", ""), ("duplicate", "sighting")]


async def somebody_waits(database: Database) -> bool:
    async with database.transaction() as tx:
        rows = await tx.fetch(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    return bool(rows)


async def test_what_a_person_verifies_goes_on_and_a_redelivery_says_the_same(
    database: Database, rules: RulesInForce
) -> None:
    held = raw(1, identifier="desk-rdp", severity=Severity.LOW)
    await verify(database, rules, held)
    await approve_rdp(database)

    changed = await rules_in_force(database)
    await review(database, changed, held, Decision.VERIFY)

    (event,) = await sent(database)
    assert isinstance(event, ThreatVerified)
    assert (event.incident, event.severity) == (RDP.slug, Severity.HIGH)
    assert await verify(database, changed, held, now=LATER) == [event]
    async with database.transaction() as tx:
        (verdict,) = (await store.stored_verdicts(tx, [held.indicator_id])).values()
    assert verdict.rules_version == changed.current.version


async def test_a_threat_that_a_person_verifies_is_as_old_as_its_oldest_sighting(
    database: Database, rules: RulesInForce
) -> None:
    held = raw(1, confidence=0, reliability=Reliability.E)
    await verify(database, rules, held)
    await verify(database, rules, raw(2, first_seen_at=NOW - timedelta(days=9)))

    await review(database, rules, held, Decision.VERIFY)

    async with database.transaction() as tx:
        (verdict,) = (await store.stored_verdicts(tx, [held.indicator_id])).values()
    assert verdict.first_seen_at == NOW - timedelta(days=9)
    assert in_short(*await sent(database)) == [("duplicate", "sighting")]


async def test_what_a_person_rejects_is_refuted_and_makes_no_threat(database: Database, rules: RulesInForce) -> None:
    held = raw(1, identifier="desk-rdp")
    await verify(database, rules, held)

    await review(database, rules, held, Decision.REJECT)

    assert in_short(*await sent(database)) == [("refuted", "review")]
    assert await verify(database, rules, held, now=LATER) == await sent(database)
    with pytest.raises(Problem):
        await review(database, rules, held, Decision.VERIFY)


async def test_nothing_is_verified_that_has_no_approved_incident(database: Database, rules: RulesInForce) -> None:
    held = raw(1, identifier="desk-rdp")
    await verify(database, rules, held)
    with pytest.raises(Problem, match="Nobody could be told what to do"):
        await review(database, rules, held, Decision.VERIFY)
    assert await sent(database) == []


async def test_what_a_recipient_calls_false_is_closed_and_refuted_when_it_comes_again(
    database: Database, rules: RulesInForce
) -> None:
    (threat,) = await verify(database, rules, raw(1, asset=BAKER))
    assert isinstance(threat, ThreatVerified)

    await call_false(database, threat)

    async with database.transaction() as tx:
        known, _ = await threat_with_sightings(tx, threat.threat_id)
    assert (known.state, known.closed_reason) == (ThreatState.CLOSED, "false-positive")
    again = raw(2, asset=BAKER, seen_at=LATER)
    assert in_short(*await verify(database, rules, again, now=LATER)) == [("refuted", "known-false-positive")]


async def test_what_a_recipient_calls_false_silences_nobody_else_at_the_same_address(
    database: Database, rules: RulesInForce
) -> None:
    await call_false(database, *await verify(database, rules, raw(1, asset=BAKER)))

    batch = [raw(2, asset=BAKER), raw(3, asset=BUTCHER), raw(4, asset=Asset(ip=BAKER.ip, port=445))]
    outcomes = in_short(*await verify(database, rules, *batch, now=LATER))

    assert outcomes == [("refuted", "known-false-positive"), ("verified", ""), ("verified", "")]


async def test_a_false_positive_that_is_told_twice_is_one_that_lasts_longer(
    database: Database, rules: RulesInForce
) -> None:
    verified = await verify(database, rules, raw(1, asset=BAKER), raw(2, asset=BUTCHER))
    for days in (0, 9):
        await call_false(database, *verified, now=NOW + timedelta(days=days))

    async with database.transaction() as tx:
        known = await false_positives_page(tx, after=None, limit=10)
    assert [stored.entry.expires_at for stored in known] == 2 * [NOW + timedelta(days=9 + 180)]
    assert {stored.entry.threat_id for stored in known} == {
        event.threat_id for event in verified if isinstance(event, ThreatVerified)
    }


async def test_what_an_analyst_calls_false_counts_for_everything_at_the_asset(
    database: Database, rules: RulesInForce
) -> None:
    known = FalsePositive(asset="145.10.20.30", identifier=None, reason="a honeypot", expires_at=LATER)
    async with database.transaction() as tx:
        await remember_false_positive(tx, known, by="anna", now=NOW)

    outcomes = await verify(database, rules, raw(1, asset=BAKER), raw(2, asset=BUTCHER))

    assert in_short(*outcomes) == 2 * [("refuted", "known-false-positive")]


async def test_a_second_start_ships_nothing_again_and_leaves_what_a_person_has_edited(database: Database) -> None:
    newer = [msgspec.structs.replace(each, author="shipped", severity=Severity.LOW) for each in (SMB, RDP)]
    shipped = [msgspec.structs.replace(each, severity=Severity.HIGH) for each in newer]
    async with database.transaction() as tx:
        assert await ship_incidents(tx, shipped, now=NOW) == 2
        assert await ship_incidents(tx, shipped, now=NOW) == 0
        await change_incident(tx, SMB.slug, {"severity": Severity.MEDIUM}, by="anna", now=NOW)

        assert await ship_incidents(tx, newer, now=LATER) == 1

        assert (await incident_called(tx, SMB.slug)).severity is Severity.MEDIUM
        assert (await incident_called(tx, RDP.slug)).severity is Severity.LOW


async def put(database: Database, incident: Incident) -> None:
    """Straight into the catalogue, in any state."""
    async with database.transaction() as tx:
        assert await store.put_incident(tx, incident, origin="desk", now=NOW)


@pytest.mark.parametrize(
    ("state", "alone"),
    [
        (IncidentState.DRAFT, {IncidentState.DRAFT, IncidentState.CLOSED}),
        (IncidentState.APPROVED, {IncidentState.APPROVED, IncidentState.PAUSED, IncidentState.CLOSED}),
        (IncidentState.PAUSED, {IncidentState.PAUSED, IncidentState.APPROVED, IncidentState.CLOSED}),
        (IncidentState.CLOSED, {IncidentState.CLOSED}),
    ],
)
async def test_one_person_alone_stops_mail_but_never_lets_new_mail_leave(
    database: Database, state: IncidentState, alone: set[IncidentState]
) -> None:
    for wanted in IncidentState:
        incident = msgspec.structs.replace(RDP, slug=f"to-{wanted}", state=state)
        await put(database, incident)
        async with database.transaction() as tx:
            if wanted in alone:
                changed = await change_incident(tx, incident.slug, {"state": wanted}, by="anna", now=NOW)
                assert (changed.state, changed.revision) == (wanted, 2)
            else:
                with pytest.raises(Problem, match="It can't go from"):
                    await change_incident(tx, incident.slug, {"state": wanted}, by="anna", now=NOW)


WIDER = [
    {"advisory": {Language.DUTCH: ADVISORY, Language.ENGLISH: msgspec.structs.replace(ADVISORY, title="Another")}},
    {"matches": Matches(identifiers=("desk-rdp", "open-vnc"))},
    {"matches": Matches(tags=("x",))},
    {"affected": (Affected(name="Gate", ranges=(VersionRange(below="2"),)),)},
    {"category": "other/other"},
    {"cve_ids": ("CVE-2026-1",)},
    {"opt_in": False},
    {"severity": Severity.CRITICAL},
]


@pytest.mark.parametrize("changes", WIDER)
@pytest.mark.parametrize("state", [IncidentState.APPROVED, IncidentState.PAUSED])
async def test_what_tells_more_or_sooner_or_something_else_waits_for_another_person_and_the_rest_goes_on(
    database: Database, changes: dict[str, Any], state: IncidentState
) -> None:
    in_force = msgspec.structs.replace(RDP, slug="in-force", state=state, approver="boss", opt_in=True)
    await put(database, in_force)
    async with database.transaction() as tx:
        changed = await change_incident(tx, "in-force", changes, by="carl", now=NOW)
        with pytest.raises(Problem, match="Somebody else must approve this"):
            await approve_incident(tx, "in-force", by="carl", now=NOW)
        (event,) = [each for each in await waiting_events(tx) if isinstance(each, IncidentChanged)]
        approved = await approve_incident(tx, "in-force", by="anna", now=NOW)

    assert changed.proposed is not None
    assert changed.proposed.by == ("carl",)
    assert msgspec.structs.replace(changed, proposed=None, revision=1) == in_force
    assert (event.state, event.severity, event.advisory) == (state, in_force.severity, in_force.advisory)
    assert approved == msgspec.structs.replace(
        in_force, **changes, state=IncidentState.APPROVED, approver="anna", revision=3
    )


@pytest.mark.parametrize(
    "changes", [{"severity": Severity.LOW}, {"opt_in": True}, {"matches": Matches()}, {"category": RDP.category}]
)
async def test_what_tells_fewer_or_later_counts_at_once(database: Database, changes: dict[str, Any]) -> None:
    in_force = msgspec.structs.replace(RDP, state=IncidentState.APPROVED, approver="boss")
    await put(database, in_force)
    async with database.transaction() as tx:
        changed = await change_incident(tx, RDP.slug, changes, by="carl", now=NOW)

    assert changed == msgspec.structs.replace(in_force, **changes, revision=2)


async def test_what_is_proposed_can_be_taken_back_by_whoever_sees_it(
    database: Database, database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str
) -> None:
    await put(database, msgspec.structs.replace(RDP, state=IncidentState.APPROVED, approver="anna"))
    path = f"/v1/incidents/{RDP.slug}"
    async with desk(database_url, operator_key, operator_public_key) as boss:
        proposed = (await boss.patch(path, json={"severity": "critical", "matches": {"tags": ["x"]}})).json()
        own = await boss.post(f"{path}/approve")
        lowered = (await boss.patch(path, json={"severity": "low"})).json()
        dropped, again = await boss.delete(f"{path}/proposed"), await boss.delete(f"{path}/proposed")

    assert (proposed["state"], proposed["severity"], proposed["proposed"]["severity"]) == (
        "approved",
        "high",
        "critical",
    )
    assert proposed["proposed"]["matches"]["tags"] == ["x"]
    assert proposed["proposed"]["dropped"]["identifiers"] == ["desk-rdp"]
    assert (own.status_code, own.json()["type"]) == (403, "/problems/four-eyes")
    assert (lowered["severity"], lowered["proposed"]["severity"]) == ("low", None), "what is said last counts"
    assert (dropped.status_code, dropped.json()["proposed"], dropped.json()["matches"]["tags"]) == (200, None, [])
    assert (again.status_code, again.json()["type"]) == (409, "/problems/nothing-proposed")


async def test_what_was_proposed_before_does_not_undo_what_is_written_later(database: Database) -> None:
    """It waits while the incident is closed, and whoever writes it anew afterwards has the last word."""
    await put(database, msgspec.structs.replace(RDP, state=IncidentState.APPROVED, approver="anna"))
    old, new = (msgspec.structs.replace(RDP.advisory[Language.DUTCH], title=title) for title in ("Old", "New"))
    async with database.transaction() as tx:
        proposed: dict[str, object] = {"advisory": RDP.advisory | {Language.DUTCH: old}, "severity": Severity.CRITICAL}
        await change_incident(tx, RDP.slug, proposed, by="carl", now=NOW)
        await change_incident(tx, RDP.slug, {"state": IncidentState.CLOSED}, by="carl", now=NOW)
        await change_incident(tx, RDP.slug, {"advisory": RDP.advisory | {Language.DUTCH: new}}, by="dora", now=NOW)
        approved = await approve_incident(tx, RDP.slug, by="boss", now=NOW)

    assert approved.advisory[Language.DUTCH].title == "New"
    assert (approved.severity, approved.proposed) == (Severity.CRITICAL, None), "what nobody wrote anew stays proposed"


async def test_a_match_that_is_wanted_again_is_not_dropped(database: Database) -> None:
    both = Matches(identifiers=("a", "b"))
    await put(database, msgspec.structs.replace(RDP, matches=both, state=IncidentState.APPROVED, approver="anna"))
    async with database.transaction() as tx:
        for wanted in (("a", "c"), ("a",), ("a", "b")):
            await change_incident(tx, RDP.slug, {"matches": Matches(identifiers=wanted)}, by="carl", now=NOW)
        approved = await approve_incident(tx, RDP.slug, by="boss", now=NOW)

    assert set(approved.matches.identifiers) == {"a", "b", "c"}


async def test_a_match_that_is_merged_in_while_its_drop_waits_is_not_dropped(database: Database) -> None:
    """Nobody would recognise it any more: the one that it came from is closed."""
    both = Matches(identifiers=("a", "b"))
    await put(database, msgspec.structs.replace(RDP, matches=both, state=IncidentState.APPROVED, approver="anna"))
    await put(database, msgspec.structs.replace(RDP, slug="other", matches=Matches(identifiers=("b",))))
    async with database.transaction() as tx:
        await change_incident(tx, RDP.slug, {"matches": Matches(identifiers=("a", "c"))}, by="carl", now=NOW)
        await merge_incident(tx, "other", into=RDP.slug, by="carl", now=NOW)
        approved = await approve_incident(tx, RDP.slug, by="boss", now=NOW)

    assert set(approved.matches.identifiers) == {"a", "b", "c"}


async def test_who_raises_the_severity_of_a_draft_does_not_approve_it(database: Database) -> None:
    async with database.transaction() as tx:
        await add_incident(tx, RDP, now=NOW)
        await change_incident(tx, RDP.slug, {"severity": Severity.CRITICAL}, by="carl", now=NOW)
        with pytest.raises(Problem, match="Somebody else must approve this"):
            await approve_incident(tx, RDP.slug, by="carl", now=NOW)


async def test_whoever_wrote_last_does_not_approve(database: Database) -> None:
    async with database.transaction() as tx:
        await add_incident(tx, RDP, now=NOW)
        with pytest.raises(Problem, match="Somebody else must approve this"):
            await approve_incident(tx, RDP.slug, by="anna", now=NOW)
        await change_incident(tx, RDP.slug, {"category": "other/other"}, by="carl", now=NOW)
        with pytest.raises(Problem, match="Somebody else must approve this"):
            await approve_incident(tx, RDP.slug, by="carl", now=NOW)

        approved = await approve_incident(tx, RDP.slug, by="anna", now=NOW)

    assert (approved.state, approved.author, approved.approver) == (IncidentState.APPROVED, "carl", "anna")


async def test_an_incident_for_those_who_asked_is_written_shown_and_opened_to_all_over_the_api(
    database: Database, database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str
) -> None:
    body = {
        "slug": "desk-banner",
        "category": "vulnerable/vulnerable-system",
        "severity": "low",
        "opt_in": True,
        "matches": {"identifiers": ["desk-banner"]},
        "advisory": {"nl": msgspec.to_builtins(ADVISORY)},
    }
    async with desk(database_url, operator_key, operator_public_key) as boss:
        written = await boss.post("/v1/incidents", json=body)
        shown = (await boss.get("/v1/incidents/desk-banner")).json()
        kept = (await boss.patch("/v1/incidents/desk-banner", json={"severity": "info"})).json()
        opened = (await boss.patch("/v1/incidents/desk-banner", json={"opt_in": False})).json()

    assert written.status_code == 201, written.text
    assert [each["opt_in"] for each in (written.json(), shown, kept, opened)] == [True, True, True, False]
    async with database.transaction() as tx:
        assert (await incident_called(tx, "desk-banner")).opt_in is False


@pytest.mark.parametrize(
    ("body", "status"), [(None, 200), ({}, 200), ({"revision": 2}, 200), ({"revision": 1}, 409), ({"x": 1}, 422)]
)
async def test_only_the_revision_that_was_read_is_approved(
    database: Database,
    database_url: str,
    operator_key: Ed25519PrivateKey,
    operator_public_key: str,
    body: object,
    status: int,
) -> None:
    async with database.transaction() as tx:
        await add_incident(tx, RDP, now=NOW)
        await change_incident(tx, RDP.slug, {"severity": Severity.LOW}, by="carl", now=NOW)

    async with desk(database_url, operator_key, operator_public_key) as boss:
        response = await boss.post(f"/v1/incidents/{RDP.slug}/approve", json=body)

    assert response.status_code == status
    if status == 409:
        assert response.json()["type"] == "/problems/changed-meanwhile"


@asynccontextmanager
async def desk(
    database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str
) -> AsyncIterator[httpx.AsyncClient]:
    """The service's API, for an approver."""
    service = build(
        VerifierSettings(
            http_port=1,
            database_url=database_url,
            kafka_bootstrap="127.0.0.1:1",
            operator_public_key=operator_public_key,
        )
    )
    today = datetime.now(UTC)
    token = sign_operator_token(
        operator_key, operator=Operator("boss", Role.APPROVER), now=today, expires=today + timedelta(hours=1)
    )
    transport, headers = httpx.ASGITransport(service.api), {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client:
        yield client
    await service.database.close()


async def test_what_a_partner_tries_out_leaves_no_trace_in_what_is_known(
    database: Database, rules: RulesInForce
) -> None:
    first = await verify(
        database,
        rules,
        raw(1, test_mails_to=DESK),
        raw(2, test_mails_to=DESK),
        raw(3, identifier="desk-rdp", test_mails_to=DESK),
    )
    await call_false(database, first[0])
    real = await verify(database, rules, raw(11), raw(12, partner="other"), now=LATER)
    later = await verify(
        database, rules, raw(4, partner="other", test_mails_to=DESK), raw(5, asset=BAKER, test_mails_to=DESK), now=LATER
    )

    assert in_short(*first) == [("verified", ""), ("duplicate", "sighting"), ("held", "incident")]
    assert in_short(*real) == [("verified", ""), ("duplicate", "sighting")]
    assert in_short(*later) == [("verified", ""), ("verified", "")]
    assert [event.test_mails_to for event in (first[0], later[0]) if isinstance(event, ThreatVerified)] == [
        "desk@demo.example"
    ] * 2
    async with database.transaction() as tx:
        known, tests = [
            await threats_page(tx, state=None, incident=None, asset=None, is_test=is_test, after=None, limit=10)
            for is_test in (False, True)
        ]
        held = await held_page(tx, HeldFilter(), after=None, limit=10)
        assert held == [], "nobody is asked about a test"
        with pytest.raises(Problem, match="not-found"):
            said = Said(decision=Decision.REJECT, note="", by="a")
            await review_indicators(tx, [raw(3).indicator_id], said=said, rules=rules.current, now=LATER)
    assert [(each.sightings, each.partners, each.state) for each in known] == [
        (2, frozenset({"demo", "other"}), ThreatState.OPEN)
    ]
    assert sorted(each.sightings for each in tests) == [1, 1, 2]

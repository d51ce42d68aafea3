"""The catalogue on a real database: drafts that open by themselves, what is merged and split, and who may what."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import Asset, IncidentChanged, RawIndicator
from libs.common.db import Database
from libs.common.outbox import waiting_events
from libs.common.problems import Problem
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import IncidentState, Language, Severity
from services.verifier import store
from services.verifier.app import build
from services.verifier.domain import Catalogue, Incident, Judgement, Matches, Rules, judge_all
from services.verifier.domain.affected import Affected, VersionRange
from services.verifier.domain.drafts import Evidence
from services.verifier.domain.review import Decision
from services.verifier.handlers import (
    IncidentUpkeep,
    RulesInForce,
    Said,
    add_incident,
    approve_incident,
    change_incident,
    incident_called,
    incident_with_evidence,
    merge_incident,
    review_indicators,
    ship_incidents,
    split_incident,
)
from services.verifier.handlers.drafting import open_drafts
from services.verifier.handlers.in_force import load_rules
from services.verifier.handlers.upkeep import move_some
from services.verifier.handlers.verify import record
from services.verifier.settings import VerifierSettings
from tests.databases import make_tables
from tests.unit.verifier.builders import ADVISORY, NOTHING_KNOWN, NOW, SMB, raw

LATER = NOW + timedelta(minutes=1)
FEW = Rules(catalogue=Catalogue(()), draft_from_records=5, draft_from_assets=3)
DRAFT, APPROVED, PAUSED, CLOSED = IncidentState
ALPHA = msgspec.structs.replace(
    SMB, slug="alpha", matches=Matches(identifiers=("alpha",)), state=APPROVED, author="anna", approver="boss"
)
BETA = msgspec.structs.replace(ALPHA, slug="beta", matches=Matches(identifiers=("beta", "gamma"), tags=("delta",)))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(make_tables, "verifier", database_url)
    database = Database(database_url, pool_size=4, statement_timeout_seconds=10)
    yield database
    await database.close()


async def put(database: Database, *incidents: Incident) -> None:
    async with database.transaction() as tx:
        for incident in incidents:
            assert await store.put_incident(tx, incident, origin="desk", now=NOW)


async def judge(database: Database, *events: RawIndicator, now: datetime = NOW) -> list[Judgement]:
    """By the catalogue as it is now, and kept."""
    async with database.transaction() as tx:
        rules = await load_rules(tx, FEW, known=FEW, now=NOW)
        judged = judge_all(events, NOTHING_KNOWN, rules, now)
        await record(tx, judged, NOTHING_KNOWN)
    return judged


async def look(database: Database, *, now: datetime = LATER) -> list[Incident]:
    async with database.transaction() as tx:
        return await open_drafts(tx, rules=FEW, now=now)


async def evidence_of(database: Database, slug: str) -> Evidence | None:
    async with database.transaction() as tx:
        return (await incident_with_evidence(tx, slug))[1]


async def called(database: Database, slug: str) -> Incident:
    async with database.transaction() as tx:
        return await incident_called(tx, slug)


async def told(database: Database, slug: str) -> list[IncidentChanged]:
    async with database.transaction() as tx:
        return [e for e in await waiting_events(tx) if isinstance(e, IncidentChanged) and e.slug == slug]


async def move_all(database: Database, *, now: datetime = LATER, at_once: int = 2) -> None:
    async def moved() -> bool:
        async with database.transaction() as tx:
            return await move_some(tx, now=now, at_once=at_once)

    while await moved():
        pass


async def incidents_of_held(database: Database) -> dict[int, str | None]:
    """By the number of the record."""
    async with database.transaction() as tx:
        return {
            judged.indicator.record: judged.incident
            for judged in await store.held_page(tx, store.HeldFilter(), limit=100)
        }


async def incidents_of_threats(database: Database) -> dict[str, str]:
    """By asset."""
    async with database.transaction() as tx:
        rows = await tx.fetch("SELECT asset, incident FROM threats")
    return {row["asset"]: row["incident"] for row in rows}


def several(numbers: Iterable[int], *, assets: int = 100, **changes: Any) -> list[RawIndicator]:  # Any: as in `raw`
    return [raw(number, asset=Asset(ip=f"145.10.20.{number % assets}"), **changes) for number in numbers]


async def test_an_unknown_pattern_in_volume_opens_a_draft_that_says_why(database: Database) -> None:
    await judge(database, *several(range(1, 5), identifier="new-thing", severity=Severity.LOW))
    assert await look(database) == [], "four are not enough"

    await judge(database, *several([5], identifier="new-thing", partner="other"), now=LATER)
    (draft,) = await look(database)

    assert (draft.slug, draft.state, draft.author, draft.advisory) == ("new-thing", DRAFT, "tocsin", {})
    assert (draft.matches, draft.severity) == (Matches(identifiers=("new-thing",)), Severity.LOW)
    found = await evidence_of(database, "new-thing")
    assert found is not None
    assert (found.kind, found.word, found.records, found.assets) == ("identifier", "new-thing", 5, 5)
    assert (found.partners, found.first_at, found.last_at) == (("demo", "other"), NOW, LATER)
    assert {sample.int for sample in found.samples} == {1, 2, 3, 4, 5}
    assert [event.state for event in await told(database, "new-thing")] == [DRAFT]
    assert set((await incidents_of_held(database)).values()) == {"new-thing"}


async def test_what_comes_on_top_is_counted_while_it_is_a_draft(database: Database) -> None:
    await judge(database, *several(range(1, 6), identifier="new-thing"))
    await look(database)
    uninformed = several([6], identifier="new-thing")
    await judge(database, *several([7], identifier="new-thing"), now=LATER)
    async with database.transaction() as tx:
        await record(tx, judge_all(uninformed, NOTHING_KNOWN, FEW, LATER), NOTHING_KNOWN)

    assert await look(database) == []

    found = await evidence_of(database, "new-thing")
    assert found is not None
    assert (found.records, found.last_at) == (7, LATER), "also what a replica judged that did not know the draft yet"
    assert (await called(database, "new-thing")).revision == 1, "evidence is no part of what is approved"


@pytest.mark.parametrize(
    ("events", "at"),
    [
        (several(range(1, 9), identifier="new-thing", assets=2), LATER),
        (several(range(1, 9), identifier="new-thing", test_mails_to="desk@demo.example"), LATER),
        (several(range(1, 9), identifier="alpha", confidence=0), LATER),
        (several(range(1, 9), identifier="new-thing"), NOW + timedelta(days=7, seconds=1)),
    ],
    ids=["few assets", "tests", "held for another reason", "a week ago"],
)
async def test_no_draft_is_opened_for_what_is_no_news(
    database: Database, events: list[RawIndicator], at: datetime
) -> None:
    await put(database, ALPHA)
    await judge(database, *events)

    assert await look(database, now=at) == []


async def test_what_many_identifiers_share_opens_one_draft(database: Database) -> None:
    for number in range(1, 6):
        await judge(database, *several([number], identifier=f"thing-{number}", cve_ids=("CVE-2026-1",)))
        await judge(
            database,
            *several(
                [number + 10],
                identifier=f"infection-{number}",
                category="malicious-code/infected-system",
                malware_name="Wormy",
            ),
        )

    drafts = {draft.slug: draft for draft in await look(database)}

    assert drafts["cve-2026-1"].matches == Matches(cve_ids=("CVE-2026-1",))
    assert drafts["wormy"].matches == Matches(malware_names=("wormy",))
    assert drafts["wormy"].category == "malicious-code/infected-system"
    assert len(drafts) == 2


async def test_a_slow_pattern_is_found_among_many_newer_things(database: Database) -> None:
    await judge(database, *several(range(1, 6), identifier="slow"))
    await judge(database, *[raw(number, identifier=f"single-{number}") for number in range(10, 30)], now=LATER)

    async with database.transaction() as tx:
        found = await store.uncovered(tx, since=NOW - timedelta(days=1), besides=[], crowd=5, limit=6)

    assert sorted(event.indicator.identifier for event in found)[1:] == ["slow"] * 5


async def test_two_replicas_that_look_at_once_open_one_draft(database: Database) -> None:
    await judge(database, *several(range(1, 6), identifier="new-thing"))

    opened = await asyncio.gather(*(look(database) for _ in range(4)))

    assert sum(map(len, opened)) == 1
    assert len(await told(database, "new-thing")) == 1


@pytest.mark.parametrize("changes", [{"state": CLOSED}, {"matches": Matches(tags=("x",))}])
async def test_a_draft_that_a_person_has_closed_or_narrowed_is_not_opened_again(
    database: Database, changes: dict[str, object]
) -> None:
    await judge(database, *several(range(1, 6), identifier="new-thing"))
    await look(database)
    async with database.transaction() as tx:
        await change_incident(tx, "new-thing", changes, by="anna", now=NOW)

    await judge(database, *several(range(11, 19), identifier="new-thing"))

    assert await look(database) == []


async def test_a_draft_gives_way_to_what_a_release_brings(database: Database) -> None:
    await judge(database, *several(range(1, 6), identifier="new-thing"))
    await look(database)
    shipped = msgspec.structs.replace(ALPHA, slug="new-thing", matches=Matches(identifiers=("new-thing",)))

    async with database.transaction() as tx:
        assert await ship_incidents(tx, [shipped], now=NOW) == 1

    (verified,) = await judge(database, *several([9], identifier="new-thing"), now=LATER)
    assert (verified.outcome, verified.incident) == (None, "new-thing")
    async with database.transaction() as tx:
        await change_incident(tx, "new-thing", {"severity": Severity.LOW}, by="anna", now=NOW)
        assert await ship_incidents(tx, [shipped], now=NOW) == 0, "a person's word stays"


async def test_a_draft_gets_another_name_where_its_own_is_taken(database: Database) -> None:
    await put(database, msgspec.structs.replace(ALPHA, slug="new-thing"))
    await judge(database, *several(range(1, 6), identifier="new_thing"))

    assert [draft.slug for draft in await look(database)] == ["new-thing-2"]


async def test_a_draft_is_approved_only_with_all_its_texts(database: Database) -> None:
    await judge(database, *several(range(1, 6), identifier="new-thing"))
    await look(database)

    async with database.transaction() as tx:
        with pytest.raises(Problem) as without_any:
            await approve_incident(tx, "new-thing", by="boss", now=NOW)
        half = msgspec.structs.replace(ADVISORY, act=(), why="")
        await change_incident(tx, "new-thing", {"advisory": {Language.DUTCH: half}}, by="anna", now=NOW)
        with pytest.raises(Problem) as with_half:
            await approve_incident(tx, "new-thing", by="boss", now=NOW)
        await change_incident(tx, "new-thing", {"advisory": dict.fromkeys(Language, ADVISORY)}, by="anna", now=NOW)
        approved = await approve_incident(tx, "new-thing", by="boss", now=NOW)

    assert (without_any.value.status, without_any.value.code) == (422, "advisory-incomplete")
    assert [error.where for error in without_any.value.errors] == ["advisory.nl", "advisory.en"]
    assert [error.where for error in with_half.value.errors] == ["advisory.en", "advisory.nl.why", "advisory.nl.act"]
    assert approved.state is APPROVED
    (first, *_) = await told(database, "new-thing")
    assert first.advisory == {}


async def test_a_draft_that_is_merged_into_a_campaign_stops_nothing_and_adds_nothing_until_somebody_agrees(
    database: Database,
) -> None:
    await put(database, ALPHA)
    await judge(database, *several(range(1, 6), identifier="new-thing"))
    await look(database)

    async with database.transaction() as tx:
        await merge_incident(tx, "new-thing", into="alpha", by="carl", now=NOW)

    grown, merged = await called(database, "alpha"), await called(database, "new-thing")
    assert (grown.state, grown.matches, grown.approver) == (APPROVED, ALPHA.matches, "boss")
    assert (merged.state, merged.merged_into) == (CLOSED, "alpha")
    going_on, held = await judge(
        database, *several([20], identifier="alpha"), *several([21], identifier="new-thing"), now=LATER
    )
    assert going_on.outcome is None
    assert (held.reason, held.incident) == ("incident", "alpha")
    await move_all(database)
    assert set((await incidents_of_held(database)).values()) == {"alpha"}

    async with database.transaction() as tx:
        with pytest.raises(Problem, match="four-eyes"):
            await approve_incident(tx, "alpha", by="carl", now=NOW)
        approved = await approve_incident(tx, "alpha", by="anna", now=NOW)
        rules = await load_rules(tx, FEW, known=FEW, now=NOW)
        (decided,) = await review_indicators(
            tx, [raw(1).indicator_id], said=Said(decision=Decision.VERIFY, note="", by="carl"), rules=rules, now=LATER
        )

    assert approved.matches == Matches(identifiers=("alpha", "new-thing"))
    assert approved.proposed is None
    assert (decided.outcome, decided.incident) == (None, "alpha")


async def test_mails_of_a_campaign_that_was_merged_still_leave_and_those_of_a_paused_one_do_not(
    database: Database,
) -> None:
    await put(database, ALPHA, BETA, msgspec.structs.replace(ALPHA, slug="stopped", state=PAUSED))

    async with database.transaction() as tx:
        await merge_incident(tx, "beta", into="alpha", by="carl", now=NOW)
        await merge_incident(tx, "stopped", into="alpha", by="carl", now=NOW)

    assert [(event.state, event.merged_into) for event in await told(database, "beta")] == [(APPROVED, "alpha")]
    assert [(event.state, event.merged_into) for event in await told(database, "stopped")] == [(CLOSED, "alpha")]
    (event,) = await told(database, "alpha")
    assert (event.state, event.advisory) == (APPROVED, ALPHA.advisory), "the second had nothing new to propose"
    proposed = (await called(database, "alpha")).proposed
    assert proposed is not None
    assert (proposed.matches, proposed.by) == (BETA.matches, ("carl",))


async def test_two_drafts_become_one(database: Database) -> None:
    ranges = (Affected(name="Thing", ranges=(VersionRange(below="2"),)),)
    draft = msgspec.structs.replace(BETA, state=DRAFT, affected=ranges, approver=None)
    await put(database, msgspec.structs.replace(ALPHA, state=DRAFT, approver=None), draft)

    async with database.transaction() as tx:
        grown = await merge_incident(tx, "beta", into="alpha", by="carl", now=NOW)

    assert (grown.state, grown.author, grown.affected) == (DRAFT, "carl", ranges)
    assert grown.matches == Matches(identifiers=("alpha", "beta", "gamma"), tags=("delta",))


async def test_what_was_merged_twice_is_of_the_last_one(database: Database) -> None:
    third = msgspec.structs.replace(ALPHA, slug="third", matches=Matches(identifiers=("third",)))
    await put(database, ALPHA, BETA, third)
    await judge(database, *several(range(1, 6), identifier="beta"), *several([9], identifier="beta", confidence=0))
    async with database.transaction() as tx:
        await merge_incident(tx, "beta", into="alpha", by="carl", now=NOW)
        await merge_incident(tx, "alpha", into="third", by="carl", now=NOW)

    await move_all(database, now=NOW)
    assert set((await incidents_of_threats(database)).values()) == {"beta"}, "all replicas have to know first"
    await move_all(database)

    assert set((await incidents_of_threats(database)).values()) == {"third"}
    proposed = (await called(database, "third")).proposed
    assert proposed is not None
    assert proposed.matches == Matches(identifiers=("alpha", "beta", "gamma"), tags=("delta",))


@pytest.mark.parametrize(
    ("source", "target"), [("alpha", "alpha"), ("over", "alpha"), ("alpha", "over")], ids=["itself", "closed", "into"]
)
async def test_what_is_closed_or_the_same_is_not_merged(database: Database, source: str, target: str) -> None:
    await put(database, ALPHA, msgspec.structs.replace(BETA, slug="over", state=CLOSED))

    async with database.transaction() as tx:
        with pytest.raises(Problem, match="cannot-merge"):
            await merge_incident(tx, source, into=target, by="carl", now=NOW)


async def test_of_two_merges_crosswise_one_wins(database: Database) -> None:
    await put(database, ALPHA, BETA)

    async def merge(source: str, target: str) -> object:
        async with database.transaction() as tx:
            return await merge_incident(tx, source, into=target, by="carl", now=NOW)

    results = await asyncio.gather(merge("alpha", "beta"), merge("beta", "alpha"), return_exceptions=True)

    refused = [result for result in results if isinstance(result, Problem)]
    assert [problem.status for problem in refused] == [409]
    assert {(await called(database, slug)).state for slug in ("alpha", "beta")} == {APPROVED, CLOSED}


PART = Incident(
    slug="part",
    category="vulnerable/vulnerable-system",
    severity=Severity.LOW,
    state=DRAFT,
    matches=Matches(identifiers=("gamma",)),
    advisory={},
    author="carl",
)


async def test_a_part_that_is_split_off_is_a_draft_and_the_rest_goes_on(database: Database) -> None:
    await put(database, BETA)
    mixed = [
        *several([1, 2, 3], identifier="beta"),
        *several([4, 5, 6], identifier="gamma"),
        *several([7], identifier="beta", confidence=0),
        *several([8, 9], identifier="gamma", confidence=0),
    ]
    unsure = [msgspec.structs.replace(each, reliability="E") if each.record > 6 else each for each in mixed]
    first = await judge(database, *[msgspec.convert(each, RawIndicator, from_attributes=True) for each in unsure])
    assert [each.reason for each in first] == 6 * ["verified"] + 3 * ["confidence"]

    async with database.transaction() as tx:
        await split_incident(tx, "beta", PART, now=NOW)

    rest, part = await called(database, "beta"), await called(database, "part")
    assert (rest.state, rest.approver, rest.matches) == (
        APPROVED,
        "boss",
        Matches(identifiers=("beta",), tags=("delta",)),
    )
    assert (part.state, part.author, part.matches) == (DRAFT, "carl", PART.matches)
    assert [event.state for event in await told(database, "beta")] == [APPROVED]
    await move_all(database)
    assert await incidents_of_threats(database) == {
        f"145.10.20.{number}": "beta" if number < 4 else "part" for number in range(1, 7)
    }
    assert await incidents_of_held(database) == {7: "beta", 8: "part", 9: "part"}
    async with database.transaction() as tx:
        stored = await store.stored_verdicts(tx, [raw(4).indicator_id])
    assert [each.incident for each in stored.values()] == ["beta"], "what has been said stays said"


async def test_what_was_split_off_and_then_merged_is_of_the_last_one(database: Database) -> None:
    await put(database, ALPHA, BETA)
    await judge(database, *several([1, 2, 3], identifier="gamma"), *several([4], identifier="beta"))
    async with database.transaction() as tx:
        await split_incident(tx, "beta", PART, now=NOW)
        await merge_incident(tx, "part", into="alpha", by="carl", now=NOW)

    await move_all(database)

    assert sorted((await incidents_of_threats(database)).values()) == ["alpha", "alpha", "alpha", "beta"]


@pytest.mark.parametrize(
    ("matches", "code"),
    [
        (Matches(identifiers=("alpha",)), "not-its-match"),
        (Matches(), "not-its-match"),
        (BETA.matches, "cannot-split"),
    ],
)
async def test_only_some_of_what_it_has_is_split_off(database: Database, matches: Matches, code: str) -> None:
    await put(database, BETA)

    async with database.transaction() as tx:
        with pytest.raises(Problem, match=code):
            await split_incident(tx, "beta", msgspec.structs.replace(PART, matches=matches), now=NOW)


LIVES = {
    # What each may do alone: an analyst by PATCH, somebody else than the author by approve.
    DRAFT: ({DRAFT, CLOSED}, True),
    APPROVED: ({APPROVED, PAUSED, CLOSED}, True),
    PAUSED: ({PAUSED, APPROVED, CLOSED}, True),
    CLOSED: ({CLOSED}, True),
}


@pytest.mark.parametrize("state", IncidentState)
@pytest.mark.parametrize("wanted", [*IncidentState, "approve", "approve-own", "merge", "split"])
async def test_the_life_of_an_incident(database: Database, state: IncidentState, wanted: str) -> None:
    """The whole table: from each state, what whom leads where, or is refused."""
    await put(database, ALPHA, msgspec.structs.replace(BETA, state=state))
    alone, approvable = LIVES[state]
    expected: IncidentState | None
    async with database.transaction() as tx:
        match wanted:
            case "approve":
                expected = APPROVED if approvable else None
                order = approve_incident(tx, "beta", by="boss", now=NOW)
            case "approve-own":
                expected = None
                order = approve_incident(tx, "beta", by="anna", now=NOW)
            case "merge":
                expected = CLOSED if state is not CLOSED else None
                order = merge_incident(tx, "beta", into="alpha", by="carl", now=NOW)
            case "split":
                expected = state if state is not CLOSED else None
                order = split_incident(tx, "beta", PART, now=NOW)
            case _:
                expected = IncidentState(wanted) if wanted in alone else None
                order = change_incident(tx, "beta", {"state": IncidentState(wanted)}, by="carl", now=NOW)
        if expected is None:
            with pytest.raises(Problem):
                await order
        else:
            await order
            assert (await incident_called(tx, "beta")).state is expected


async def test_what_was_merged_is_not_approved_or_changed_again(database: Database) -> None:
    await put(database, ALPHA, BETA)
    async with database.transaction() as tx:
        await merge_incident(tx, "beta", into="alpha", by="carl", now=NOW)
        with pytest.raises(Problem, match="merged"):
            await approve_incident(tx, "beta", by="boss", now=NOW)
        with pytest.raises(Problem, match="merged"):
            await change_incident(tx, "beta", {"matches": BETA.matches}, by="carl", now=NOW)
        await change_incident(tx, "beta", {"state": CLOSED}, by="carl", now=NOW)

    assert [event.state for event in await told(database, "beta")] == [APPROVED, CLOSED], "so its mails are stopped"


async def test_the_service_does_all_that_by_itself(database: Database, database_url: str) -> None:
    await put(database, ALPHA, BETA)
    real = database.now()
    await judge(database, *several(range(1, 3), identifier="beta", seen_at=real), now=real)
    await judge(database, *several(range(11, 16), identifier="new-thing", seen_at=real), now=real)
    async with database.transaction() as tx:
        await merge_incident(tx, "beta", into="alpha", by="carl", now=real - timedelta(minutes=1))
    rules, shutdown = RulesInForce(FEW, database=database, refresh_seconds=2), Shutdown()
    upkeep = IncidentUpkeep(rules, database=database, every_seconds=0.05)

    running = [asyncio.create_task(task(shutdown)) for task in (rules.keep_fresh, upkeep.run)]
    async with asyncio.timeout(20):
        while await evidence_if_any(database, "new-thing") is None:
            await asyncio.sleep(0.05)
    shutdown.request()
    await asyncio.gather(*running)

    assert set((await incidents_of_threats(database)).values()) == {"alpha"}
    async with database.transaction() as tx:
        assert await store.oldest_move(tx, asked_before=real + timedelta(days=1)) is None


async def evidence_if_any(database: Database, slug: str) -> Evidence | None:
    async with database.transaction() as tx:
        return (await store.evidence(tx)).get(slug)


@dataclass(frozen=True, slots=True)
class Desk:
    database: Database
    url: str
    key: Ed25519PrivateKey
    public_key: str

    @asynccontextmanager
    async def client(self, name: str, role: Role) -> AsyncIterator[httpx.AsyncClient]:
        service = build(
            VerifierSettings(
                http_port=1, database_url=self.url, kafka_bootstrap="127.0.0.1:1", operator_public_key=self.public_key
            )
        )
        today = datetime.now(UTC)
        token = sign_operator_token(
            self.key, operator=Operator(name, role), now=today, expires=today + timedelta(hours=1)
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(service.api),
            base_url="http://desk",
            headers={"Authorization": f"Bearer {token}"},
        ) as client:
            yield client
        await service.database.close()


@pytest.fixture
def desk(database: Database, database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str) -> Desk:
    return Desk(database, database_url, operator_key, operator_public_key)


async def test_over_the_api_a_draft_shows_its_evidence_and_says_what_it_lacks(desk: Desk) -> None:
    await judge(desk.database, *several(range(1, 6), identifier="new-thing"))
    await look(desk.database)

    async with desk.client("boss", Role.APPROVER) as boss:
        shown = (await boss.get("/v1/incidents/new-thing")).json()
        refused = await boss.post("/v1/incidents/new-thing/approve")
        listed = (await boss.get("/v1/incidents?state=draft")).json()["items"]

    assert (shown["evidence"]["records"], shown["evidence"]["kind"], shown["advisory"]) == (5, "identifier", {})
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/advisory-incomplete")
    assert [error["where"] for error in refused.json()["errors"]] == ["advisory.nl", "advisory.en"]
    assert [each["slug"] for each in listed] == ["new-thing"]


async def test_over_the_api_incidents_are_merged_and_split_by_analysts(desk: Desk) -> None:
    await put(desk.database, ALPHA, BETA)
    part = {
        "slug": "part",
        "category": "other/other",
        "severity": "low",
        "matches": {"identifiers": ["gamma"]},
        "affected": [{"vendor": "Acme", "name": "Gate", "ranges": [{"from": "9.0", "below": "9.1r18"}]}],
        "revision": 1,
    }

    async with desk.client("vera", Role.VIEWER) as viewer, desk.client("carl", Role.ANALYST) as carl:
        forbidden = [
            await viewer.post("/v1/incidents/beta/merge", json={"into": "alpha"}),
            await viewer.post("/v1/incidents/beta/split", json=part),
        ]
        stale = await carl.post("/v1/incidents/beta/merge", json={"into": "alpha", "revision": 7})
        nowhere = await carl.post("/v1/incidents/beta/merge", json={"into": "nobody"})
        unreadable = await carl.post(
            "/v1/incidents/beta/split", json=part | {"affected": [{"name": "Gate", "ranges": [{"below": "new"}]}]}
        )
        split = await carl.post("/v1/incidents/beta/split", json=part)
        merged = await carl.post("/v1/incidents/beta/merge", json={"into": "alpha", "revision": 2})
        closed = (await carl.get("/v1/incidents/beta")).json()

    assert [each.status_code for each in forbidden] == [403, 403]
    assert (stale.status_code, stale.json()["type"]) == (409, "/problems/changed-meanwhile")
    assert (nowhere.status_code, unreadable.status_code) == (404, 422)
    assert (split.status_code, split.json()["state"], split.json()["affected"]) == (201, "draft", [
        {"vendor": "Acme", "name": "Gate", "aliases": [], "ranges": [{"from": "9.0", "below": "9.1r18"}]}
    ])  # fmt: skip
    assert (merged.status_code, merged.json()["slug"], merged.json()["state"]) == (200, "alpha", "approved")
    assert merged.json()["proposed"]["matches"]["tags"] == ["delta"]
    assert (closed["state"], closed["merged_into"], closed["evidence"]) == ("closed", "alpha", None)


async def test_rows_of_before_are_read_as_ever(database: Database) -> None:
    """As an older release wrote them, without the fields that came since."""
    await put(database, ALPHA)
    async with database.transaction() as tx:
        await tx.fetch(
            "UPDATE incidents SET content = (content::jsonb - 'affected' - 'proposed' - 'merged_into')::text"
        )

    assert await called(database, "alpha") == ALPHA
    async with database.transaction() as tx:
        with pytest.raises(Problem, match="incident-exists"):
            await add_incident(tx, ALPHA, now=NOW)

"""What is held for doubt goes on when somebody else has found the same: once, in steps; and who is faster decides."""

import asyncio
from collections import Counter

import msgspec
import pytest

from libs.common.contracts import IndicatorSettled, RawIndicator, ThreatVerified
from libs.common.errors import Transient
from libs.common.outbox import waiting_events
from libs.common.security import Role
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import Reliability, Severity, Tlp
from services.verifier import store
from services.verifier.app import settled_rules
from services.verifier.domain import Rules
from services.verifier.handlers import Releasing, RulesInForce, release_some
from services.verifier.handlers.in_force import load_rules
from services.verifier.settings import VerifierSettings
from tests.integration.test_verifier import somebody_waits
from tests.integration.verifier.desk import HOSTS, Desk, hear, outcomes, records, rules_other_than

HOST = HOSTS[0]


def poor(partner: str, *, letter: Reliability = Reliability.E, host: int = 0, **changes: object) -> RawIndicator:
    """A record of a partner who is not believed alone."""
    (record,) = records(HOSTS[host], partner=partner)
    indicator = msgspec.structs.replace(record.indicator, **changes)
    return msgspec.structs.replace(record, reliability=letter, indicator=indicator)


async def rules_of(desk: Desk) -> Rules:
    """Those in force, with the threshold of the settings."""
    settings = VerifierSettings(
        http_port=1, database_url="postgresql://x", kafka_bootstrap="127.0.0.1:1", operator_public_key="AAAA"
    )
    async with desk.service.database.transaction() as tx:
        settled = settled_rules(settings)
        return await load_rules(tx, settled, known=settled, now=desk.service.database.now())


async def release(desk: Desk, *, at_once: int = 500) -> int:
    """Until nothing is left to be judged anew; in how many steps."""
    rules, steps = await rules_of(desk), 0
    more = True
    while more:
        async with desk.service.database.transaction() as tx:
            more = await release_some(tx, rules=rules, now=desk.service.database.now(), at_once=at_once)
        steps += more
    return steps


async def said_of(desk: Desk, event: RawIndicator) -> list[str]:
    """What has left of a record through the outbox."""
    async with desk.service.database.transaction() as tx:
        return [
            each.outcome.value if isinstance(each, IndicatorSettled) else "verified"
            for each in await waiting_events(tx)
            if isinstance(each, IndicatorSettled | ThreatVerified) and each.indicator_id == event.indicator_id
        ]


async def shown(desk: Desk, event: RawIndicator) -> dict[str, object]:
    answer = await desk.client(Role.VIEWER).get(f"/v1/indicators/{event.indicator_id}")
    return dict(answer.json())


async def waiting(desk: Desk) -> set[str]:
    """What the queue of a person shows."""
    answer = await desk.client(Role.ANALYST).get("/v1/review", params={"limit": 200})
    return {each["indicator_id"] for each in answer.json()["items"]}


async def test_what_a_second_poor_partner_finds_is_verified_and_the_first_leaves_the_queue(desk: Desk) -> None:
    first, second = poor("ann"), poor("bob")
    assert await outcomes(desk, [first]) == {"held": 1}
    assert await outcomes(desk, [second]) == {"verified": 1}
    assert await waiting(desk) == {str(first.indicator_id)}

    assert await release(desk) == 1

    assert await waiting(desk) == set()
    assert (await desk.client(Role.ANALYST).get("/v1/review/groups")).json()["items"] == []
    one, other = await shown(desk, first), await shown(desk, second)
    assert [(each["verdict"], each["outcome"], each["grade"]) for each in (one, other)] == [
        ("verified", "duplicate", "E3"),
        ("verified", None, "E3"),
    ]
    assert one["decided_by"] is None
    reasons = {each["check"]: each["detail"] for each in one["reasons"]}  # type: ignore[attr-defined]  # JSON
    assert reasons["corroborated"] == "somebody else has found it too, who is not believed alone"
    assert reasons["waited"].startswith("held since ")
    assert await said_of(desk, first) == ["duplicate"]
    threat = (await desk.client(Role.VIEWER).get(f"/v1/threats/{other['threat_id']}")).json()
    assert (threat["sightings"], sorted(threat["partners"]), threat["state"]) == (2, ["ann", "bob"], "open")
    assert await release(desk) == 0, "nothing is left to do"


@pytest.mark.parametrize("names", [("ann", "bob"), ("bob", "ann")])
async def test_in_one_batch_in_either_order(desk: Desk, names: tuple[str, str]) -> None:
    batch = [poor(name) for name in names]

    first = await hear(desk, batch)
    await release(desk)
    again = await hear(desk, batch)

    assert [isinstance(each, ThreatVerified) for each in first] == [False, True]
    assert [each["outcome"] for each in [await shown(desk, event) for event in batch]] == ["duplicate", None]
    assert first[1] in again, "what comes again says what stands"
    assert [each.outcome.value for each in again if isinstance(each, IndicatorSettled)] == ["duplicate"]
    assert await said_of(desk, batch[0]) == ["duplicate"]


async def test_of_two_that_come_at_once_the_second_is_repeated_and_judged_with_the_first(desk: Desk) -> None:
    first, second = poor("ann"), poor("bob")

    async with desk.service.database.transaction() as tx:
        rule = desk.service.subscriptions[RawIndicator]
        await rule([first], tx=tx, now=desk.service.database.now())
        late = asyncio.create_task(outcomes(desk, [second]))
        async with asyncio.timeout(10):
            while not await somebody_waits(desk.service.database):
                await asyncio.sleep(0.01)
    with pytest.raises(Transient, match="another replica"):
        await late

    assert await outcomes(desk, [second]) == {"verified": 1}
    await release(desk)
    assert await waiting(desk) == set()


@pytest.mark.parametrize("letters", [(Reliability.E, Reliability.B), (Reliability.B, Reliability.E)])
async def test_of_a_doubted_and_a_believed_one_that_come_at_once_neither_is_missed(
    desk: Desk, letters: tuple[Reliability, Reliability]
) -> None:
    first, second = poor("ann", letter=letters[0]), poor("bob", letter=letters[1])

    async with desk.service.database.transaction() as tx:
        rule = desk.service.subscriptions[RawIndicator]
        await rule([first], tx=tx, now=desk.service.database.now())
        late = asyncio.create_task(outcomes(desk, [second]))
        async with asyncio.timeout(10):
            while not await somebody_waits(desk.service.database):
                await asyncio.sleep(0.01)
    if letters[0] is Reliability.E:
        assert await late == {"verified": 1}, "it waits until the other is stored, and need not be repeated"
    else:
        with pytest.raises(Transient, match="another replica"):
            await late
        assert await outcomes(desk, [second]) == {"duplicate": 1}

    await release(desk)
    assert await waiting(desk) == set()
    assert Counter([(await shown(desk, each))["outcome"] for each in (first, second)]) == {None: 1, "duplicate": 1}


async def test_a_doubted_one_of_a_threat_that_another_replica_sees_at_the_same_time_is_repeated(desk: Desk) -> None:
    """The threat was known, from the doubted one's own partner."""
    await outcomes(desk, [poor("ann", letter=Reliability.B)])
    seen_by_another, doubted = poor("bob", letter=Reliability.B), poor("ann")

    async with desk.service.database.transaction() as tx:
        await desk.service.subscriptions[RawIndicator]([seen_by_another], tx=tx, now=desk.service.database.now())
        late = asyncio.create_task(outcomes(desk, [doubted]))
        async with asyncio.timeout(10):
            while not await somebody_waits(desk.service.database):
                await asyncio.sleep(0.01)
    with pytest.raises(Transient, match="another replica"):
        await late

    assert await outcomes(desk, [doubted]) == {"duplicate": 1}


async def test_what_nobody_else_confirms_leaves_no_trace_where_threats_are(desk: Desk) -> None:
    await outcomes(desk, [poor("ann"), poor("ann", host=1)])

    async with desk.service.database.transaction() as tx:
        assert await tx.fetch("SELECT * FROM threats") == []
        assert await tx.fetch("SELECT * FROM confirmations") == []


async def test_a_thousand_held_records_are_released_in_steps_each_once(desk: Desk) -> None:
    held = [poor("ann") for _ in range(1000)]
    elsewhere = [poor("ann", host=1) for _ in range(5)]
    assert await outcomes(desk, [*held, *elsewhere]) == {"held": 1005}
    await outcomes(desk, [poor("bob"), poor("bob", host=1)])

    assert await release(desk, at_once=300) == 4

    assert await waiting(desk) == set()
    async with desk.service.database.transaction() as tx:
        settled = Counter(each.indicator_id for each in await waiting_events(tx) if isinstance(each, IndicatorSettled))
        sightings = await tx.fetch("SELECT sightings FROM threats ORDER BY sightings")
        left = await tx.fetch("SELECT * FROM confirmations")
    assert settled == dict.fromkeys((each.indicator_id for each in (*held, *elsewhere)), 1)
    assert [row["sightings"] for row in sightings] == [6, 1001]
    assert left == []


async def test_two_replicas_that_release_at_once_release_each_record_once(desk: Desk) -> None:
    held = [poor("ann", host=number) for number in range(10)]
    await outcomes(desk, held)
    await outcomes(desk, [poor("bob", host=number) for number in range(10)])
    await outcomes(desk, [poor("carl", host=number) for number in range(10)])

    await asyncio.gather(*(release(desk, at_once=3) for _ in range(3)))
    await release(desk)

    assert await waiting(desk) == set()
    assert [await said_of(desk, each) for each in held] == [["duplicate"]] * 10
    async with desk.service.database.transaction() as tx:
        assert {row["sightings"] for row in await tx.fetch("SELECT sightings FROM threats")} == {3}


async def test_who_reviews_what_was_released_meanwhile_hears_that_the_rules_were_faster(desk: Desk) -> None:
    first = poor("ann")
    await outcomes(desk, [first])
    await outcomes(desk, [poor("bob")])
    await release(desk)
    analyst = desk.client(Role.ANALYST)

    late = await analyst.post(f"/v1/review/{first.indicator_id}", json={"decision": "reject"})
    undone = await analyst.post(f"/v1/review/{first.indicator_id}/undo")

    assert (late.status_code, late.json()["type"]) == (409, "/problems/already-decided")
    assert "The rules decided" in late.json()["detail"]
    assert (undone.status_code, undone.json()["type"]) == (409, "/problems/nothing-to-undo")
    assert (await shown(desk, first))["outcome"] == "duplicate"


async def test_what_a_person_decides_in_the_same_moment_is_not_released(desk: Desk) -> None:
    first = poor("ann")
    await outcomes(desk, [first])
    await outcomes(desk, [poor("bob")])

    async with desk.service.database.transaction() as tx:
        held = await store.held_verdicts(tx, [first.indicator_id])
        late = asyncio.create_task(release(desk))
        async with asyncio.timeout(10):
            while not await somebody_waits(desk.service.database):
                await asyncio.sleep(0.01)
        await tx.fetch(
            "UPDATE verdicts SET verdict = 'rejected', outcome = 'refuted' WHERE indicator_id = $1",
            held[0].indicator.indicator_id,
        )
    await late

    assert (await shown(desk, first))["outcome"] == "refuted"
    assert await said_of(desk, first) == []


async def test_a_group_that_is_decided_has_nothing_of_what_was_released_and_is_taken_back_as_before(
    desk: Desk,
) -> None:
    confirmed, others = poor("ann"), [poor("ann", host=number) for number in (1, 2)]
    await outcomes(desk, [confirmed, *others])
    await outcomes(desk, [poor("bob")])
    await release(desk)
    analyst = desk.client(Role.ANALYST)

    bulk = await analyst.post("/v1/review", json={"decision": "reject", "reason": "confidence", "note": "no"})
    assert bulk.json() == {"decided": 2, "more": False}
    assert await outcomes(desk, [poor("bob", host=1)]) == {"held": 1}, "what a person called wrong confirms nothing"
    undone = await analyst.post(f"/v1/review/{others[0].indicator_id}/undo/all", json={"note": "after all"})

    assert undone.json() == {"undone": 2, "gone_on": 0}
    assert (await shown(desk, confirmed))["outcome"] == "duplicate"
    assert await outcomes(desk, [poor("bob", host=2)]) == {"verified": 1}, "what waits again counts again"
    await release(desk)
    assert (await shown(desk, others[1]))["outcome"] == "duplicate"
    assert (await shown(desk, others[0]))["outcome"] == "held"


async def test_what_a_person_must_decide_for_another_reason_stays(desk: Desk) -> None:
    doubted, marked = poor("ann"), poor("carl", tlp=Tlp.RED)
    unknown = records(HOSTS[1], partner="ann", identifier="nobody-knows")[0]
    await outcomes(desk, [doubted, marked, unknown])
    await outcomes(desk, [poor("bob"), *records(HOSTS[1], partner="bob", identifier="nobody-knows")])

    await release(desk)

    assert (await shown(desk, doubted))["outcome"] == "duplicate"
    assert [(await shown(desk, each))["outcome"] for each in (marked, unknown)] == ["held", "held"]
    left = await waiting(desk)
    assert {str(marked.indicator_id), str(unknown.indicator_id)} <= left
    assert str(doubted.indicator_id) not in left


async def test_what_the_rules_hold_for_another_reason_by_now_stays(desk: Desk) -> None:
    first = poor("ann")
    await outcomes(desk, [first])
    await outcomes(desk, [poor("bob")])
    before = await rules_of(desk)
    paused = await desk.client(Role.ANALYST).patch("/v1/incidents/open-smb", json={"state": "paused"})
    assert paused.status_code == 200, paused.text
    assert (await rules_of(desk)).version != before.version

    assert await release(desk) == 1

    assert await waiting(desk) == {str(first.indicator_id)}
    assert await said_of(desk, first) == []


async def test_what_waited_for_an_incident_is_left_to_a_person_though_there_is_one_by_now(desk: Desk) -> None:
    unapproved = poor("ann", letter=Reliability.B)
    assert await outcomes(desk, [poor("ann")]) == {"held": 1}
    anna, boss = desk.client(Role.ANALYST), desk.client(Role.APPROVER, name="boss")
    version = await rules_other_than(desk, None)
    await anna.patch("/v1/incidents/open-smb", json={"state": "paused"})
    version = await rules_other_than(desk, version)
    assert await outcomes(desk, [unapproved]) == {"held": 1}
    approved = await boss.post("/v1/incidents/open-smb/approve")
    assert approved.status_code == 200, approved.text
    await rules_other_than(desk, version)
    doubted = poor("carl")
    assert await outcomes(desk, [doubted]) == {"verified": 1}, "for which it counts"

    await release(desk)

    assert await waiting(desk) == {str(unapproved.indicator_id)}


async def test_what_is_worse_than_what_was_told_goes_on_as_news(desk: Desk) -> None:
    first = poor("ann", severity=Severity.CRITICAL)
    await outcomes(desk, [first])
    await outcomes(desk, [poor("bob")])

    await release(desk)

    assert await said_of(desk, first) == ["verified"]


async def test_a_good_partner_releases_what_a_poor_one_has_said_before(desk: Desk) -> None:
    first, second = poor("ann"), poor("good", letter=Reliability.B)
    await outcomes(desk, [first])

    assert await outcomes(desk, [second]) == {"verified": 1}
    await release(desk)

    assert [(await shown(desk, each))["grade"] for each in (first, second)] == ["E1", "B1"]


async def test_the_same_source_behind_two_partners_releases_nothing(desk: Desk) -> None:
    first, second = (msgspec.structs.replace(poor(name), upstream="feed") for name in ("ann", "bob"))
    assert await outcomes(desk, [first]) == {"held": 1}
    assert await outcomes(desk, [second]) == {"held": 1}

    assert await release(desk) == 0

    assert len(await waiting(desk)) == 2


async def test_threats_remember_that_only_doubted_ones_have_found_them(desk: Desk) -> None:
    await outcomes(desk, [poor("ann"), poor("bob")])
    later = [poor("carl"), poor("dora"), poor("good", letter=Reliability.B), poor("emma")]

    for each in later:
        assert await outcomes(desk, [each]) == {"duplicate": 1}

    assert [(await shown(desk, each))["grade"] for each in later] == ["E3", "E3", "B1", "E1"]


async def test_a_service_at_work_releases_by_itself(desk: Desk) -> None:
    first = poor("ann")
    await outcomes(desk, [first])
    await outcomes(desk, [poor("bob")])
    rules = RulesInForce(await rules_of(desk), database=desk.service.database, refresh_seconds=60)
    shutdown = Shutdown()
    work = [
        asyncio.ensure_future(task(shutdown))
        for task in (rules.keep_fresh, Releasing(rules, database=desk.service.database).run)
    ]

    async with asyncio.timeout(20):
        while await waiting(desk):
            await asyncio.sleep(0.05)
    shutdown.request()
    await asyncio.gather(*work)

    assert await said_of(desk, first) == ["duplicate"]


async def test_a_what_if_of_the_rules_in_force_finds_what_was_found(desk: Desk) -> None:
    await outcomes(desk, [poor("ann"), poor("ann", host=1)])
    await outcomes(desk, [poor("bob"), poor("bob", host=1), poor("ann", host=2)])
    await release(desk)
    analyst = desk.client(Role.ANALYST)
    rules = (await analyst.get("/v1/rules")).json()["text"]

    answer = (await analyst.post("/v1/what-if", json={"days": 1, "rules": rules})).json()
    stricter = f"{rules}\n[thresholds]\nhold_below_confidence = 0.2\n"
    other = (await analyst.post("/v1/what-if", json={"days": 1, "rules": stricter})).json()

    assert (answer["outcomes_now"], answer["changed"]) == ({"verified": 2, "duplicate": 2, "held": 1}, 0)
    assert other["outcomes_draft"] == {"verified": 3, "duplicate": 2}


async def test_what_a_person_believes_of_one_partner_releases_what_is_held_of_another(desk: Desk) -> None:
    marked, doubted = poor("carl", tlp=Tlp.RED), poor("ann")
    assert await outcomes(desk, [marked, doubted]) == {"held": 2}

    said = {"decision": "verify", "note": "telephoned"}
    answer = await desk.client(Role.ANALYST).post(f"/v1/review/{marked.indicator_id}", json=said)
    assert answer.status_code == 200, answer.text
    await release(desk)

    assert (await shown(desk, doubted))["outcome"] == "duplicate"
    assert await waiting(desk) == set()

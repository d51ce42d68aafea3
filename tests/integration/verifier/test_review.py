"""What waits for a person: in groups, decided, remembered, taken back; and who was faster."""

from collections import Counter
from uuid import UUID

import httpx
import pytest

from libs.common.contracts import Asset, IndicatorSettled, RawIndicator, ThreatVerified, ThreatWithdrawn
from libs.common.outbox import waiting_events
from libs.common.security import Role
from tests.integration.verifier.desk import HOSTS, Desk, outcomes, records

HONEYPOT = Asset(ip="145.10.20.99", port=445, hostname="honeypot.bakery.nl")
FAR = Asset(ip="145.10.20.98", port=445, hostname="honeypot.butcher.nl")


async def said_of(desk: Desk, event: RawIndicator) -> list[tuple[str, str]]:
    """What has left through the outbox of a record: outcomes with their reasons, in order."""
    async with desk.service.database.transaction() as tx:
        return [
            (each.outcome.value, each.reason) if isinstance(each, IndicatorSettled) else ("verified", "")
            for each in await waiting_events(tx)
            if isinstance(each, IndicatorSettled | ThreatVerified) and each.indicator_id == event.indicator_id
        ]


async def decide(analyst: httpx.AsyncClient, event: RawIndicator, decision: str, **more: object) -> httpx.Response:
    return await analyst.post(f"/v1/review/{event.indicator_id}", json={"decision": decision, **more})


async def test_what_waits_is_shown_in_groups_and_a_group_is_decided_at_once(desk: Desk) -> None:
    await outcomes(desk, records(*HOSTS[:3], identifier="nobody-knows"))
    await outcomes(desk, records(*HOSTS[:2], identifier="nobody-knows", partner="another"))
    (odd,) = records(HONEYPOT)
    await outcomes(desk, [odd])
    analyst = desk.client(Role.ANALYST)

    groups = (await analyst.get("/v1/review/groups")).json()["items"]

    shown = ("reason", "identifier", "partner", "records", "threats")
    assert [tuple(each[name] for name in shown) for each in groups] == [
        ("incident", "nobody-knows", "demo", 3, 3),
        ("incident", "nobody-knows", "another", 2, 2),
        ("noise", "open-smb", "demo", 1, 1),
    ]
    assert [each["incident"] for each in groups] == ["", "", "open-smb"]
    assert groups[2]["samples"] == [str(odd.indicator_id)]
    assert "honeypot" in groups[2]["example"]
    chosen = {name: groups[1][name] for name in ("reason", "identifier", "partner", "incident")}
    assert (await analyst.get("/v1/review", params=chosen)).json()["items"][0]["partner"] == "another"
    bulk = await analyst.post("/v1/review", json={"decision": "reject", "note": "test data", **chosen})
    assert bulk.json() == {"decided": 2, "more": False}
    assert len((await analyst.get("/v1/review/groups")).json()["items"]) == 2
    assert (await analyst.get("/v1/review/groups", params={"reason": "noise"})).json()["items"] == [groups[2]]


async def test_whoever_comes_second_hears_who_was_first_and_when(desk: Desk) -> None:
    held, verified = records(HONEYPOT, HOSTS[0])
    await outcomes(desk, [held, verified])
    anna, bert = desk.client(Role.ANALYST), desk.client(Role.ANALYST, name="bert")
    decided = await decide(anna, held, "reject", note="it is ours")
    assert (decided.json()["decided_by"], decided.json()["note"]) == ("anna", "it is ours")

    late = await decide(bert, held, "verify")
    never = await decide(bert, verified, "reject")
    unknown = await bert.post(f"/v1/review/{UUID(int=9)}", json={"decision": "reject"})

    assert (late.status_code, late.json()["type"]) == (409, "/problems/already-decided")
    assert late.json()["detail"].startswith(f"anna decided at {decided.json()['judged_at'][:13]}")
    assert late.json()["detail"].endswith(": refuted.")
    assert (never.status_code, "The rules decided" in never.json()["detail"]) == (409, True)
    assert unknown.status_code == 404
    shown = (await bert.get(f"/v1/indicators/{held.indicator_id}")).json()
    assert (shown["decided_by"], shown["note"], shown["outcome"]) == ("anna", "it is ours", "refuted")


async def test_a_no_is_taken_back_and_the_record_waits_as_it_waited_before(desk: Desk) -> None:
    (held,) = records(HONEYPOT)
    await outcomes(desk, [held])
    anna, bert = desk.client(Role.ANALYST), desk.client(Role.ANALYST, name="bert")
    before = (await anna.get(f"/v1/indicators/{held.indicator_id}")).json()
    await decide(anna, held, "reject", note="noise", remember={"days": 30})
    assert await outcomes(desk, records(HONEYPOT)) == {"refuted": 1}

    undone = await bert.post(f"/v1/review/{held.indicator_id}/undo", json={"note": "it is a shop"})

    assert (undone.status_code, undone.json()) == (200, before)
    assert (await anna.get(f"/v1/indicators/{held.indicator_id}")).json() == before
    assert await outcomes(desk, records(HONEYPOT)) == {"held": 1}, "what was remembered is forgotten"
    again = await bert.post(f"/v1/review/{held.indicator_id}/undo")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/nothing-to-undo")
    assert (await decide(anna, held, "verify", note="so it is")).status_code == 200
    assert await said_of(desk, held) == [("refuted", "review"), ("held", "review-undone"), ("verified", "")]
    decisions = (await anna.get(f"/v1/indicators/{held.indicator_id}/decisions")).json()["items"]
    assert [(each["decision"], each["decided_by"], each["undone_by"], each["undo_note"]) for each in decisions] == [
        ("reject", "anna", "bert", "it is a shop"),
        ("verify", "anna", None, None),
    ]


async def test_a_yes_is_taken_back_by_withdrawing_its_threat(desk: Desk) -> None:
    held, again = records(HONEYPOT, HONEYPOT)
    await outcomes(desk, [held])
    analyst, approver = desk.client(Role.ANALYST), desk.client(Role.APPROVER, name="bert")
    await decide(analyst, held, "verify", remember={"days": 9})
    assert await outcomes(desk, [again]) == {"duplicate": 1}
    path = f"/v1/review/{held.indicator_id}/undo"

    assert (await analyst.post(path, json={"correct": True})).status_code == 403
    undone = await approver.post(path, json={"note": "it is a trap after all", "correct": True})

    assert undone.status_code == 200, undone.text
    shown = (await analyst.get(f"/v1/indicators/{held.indicator_id}")).json()
    assert shown == undone.json()
    assert (shown["verdict"], shown["outcome"], shown["reasons"][-1]["check"]) == ("verified", None, "review-undone")
    threat = (await analyst.get(f"/v1/threats/{shown['threat_id']}")).json()
    assert (threat["state"], threat["closed_reason"]) == ("closed", "review-undone")
    (withdrawn,) = await withdrawals(desk)
    assert (withdrawn.reason, withdrawn.corrects, withdrawn.by) == ("review-undone", True, "bert")
    assert str(withdrawn.threat_id) == shown["threat_id"]
    (later,) = records(HONEYPOT)
    assert await outcomes(desk, [later]) == {"held": 1}, "nobody is trusted any more"
    assert (await decide(analyst, later, "verify")).json()["type"] == "/problems/threat-withdrawn"
    assert (await approver.post(path)).json()["type"] == "/problems/nothing-to-undo"


async def test_what_an_entry_covers_of_what_was_believed_is_withdrawn_once(desk: Desk) -> None:
    await outcomes(desk, records(*HOSTS))
    approver = desk.client(Role.APPROVER)
    entry = {"ip_range": "145.10.20.0/29", "reason": "a lab", "expires_at": "2031-01-01T00:00:00Z"}
    added = (await approver.post("/v1/false-positives", json=entry)).json()
    path = f"/v1/false-positives/{added['id']}/corrections"

    assert (await desk.client(Role.ANALYST).post(path)).status_code == 403
    first, second = await approver.post(path), await approver.post(path)

    assert (first.json(), second.json()) == ({"withdrawn": 7, "more": False}, {"withdrawn": 0, "more": False})
    told = await withdrawals(desk)
    assert {each.asset for each in told} == {f"145.10.20.{number}" for number in range(1, 8)}
    assert {(each.reason, each.corrects) for each in told} == {("false-positive", True)}
    assert len({each.event_id for each in told}) == 7
    reach = (await approver.get(f"/v1/false-positives/{added['id']}/reach")).json()
    assert reach == {"records": 7, "threats": 7, "open": 0, "warned": 0}


async def withdrawals(desk: Desk) -> list[ThreatWithdrawn]:
    """Those that wait in the outbox."""
    async with desk.service.database.transaction() as tx:
        return [event for event in await waiting_events(tx) if isinstance(event, ThreatWithdrawn)]


async def test_a_yes_that_is_remembered_lets_the_same_threat_pass_and_no_other(desk: Desk) -> None:
    (held,) = records(HONEYPOT)
    await outcomes(desk, [held])
    analyst = desk.client(Role.ANALYST)

    assert (await decide(analyst, held, "verify", remember={"days": 9})).status_code == 200

    (same,) = records(HONEYPOT)
    assert await outcomes(desk, [same]) == {"duplicate": 1}
    reasons = (await analyst.get(f"/v1/indicators/{same.indicator_id}")).json()["reasons"]
    assert {each["check"]: each["result"] for each in reasons}["noise"] == "fail"
    assert next(each["detail"] for each in reasons if each["check"] == "remembered").startswith("anna has decided")
    assert await outcomes(desk, records(FAR)) == {"held": 1}


@pytest.mark.parametrize(("decision", "later"), [("verify", "duplicate"), ("reject", "refuted")])
async def test_a_group_is_decided_and_remembered(desk: Desk, decision: str, later: str) -> None:
    await outcomes(desk, records(HONEYPOT, FAR))
    analyst = desk.client(Role.ANALYST)

    bulk = await analyst.post("/v1/review", json={"decision": decision, "reason": "noise", "remember": {"days": 9}})

    assert bulk.json() == {"decided": 2, "more": False}
    assert await outcomes(desk, records(HONEYPOT, FAR)) == Counter({later: 2})


async def test_a_no_to_a_group_is_taken_back_as_one_and_nothing_else_with_it(desk: Desk) -> None:
    held = records(HONEYPOT, FAR, FAR)
    (other,) = records(Asset(ip="145.10.20.97", hostname="honeypot.baker.nl"))
    await outcomes(desk, [*held, other])
    anna, bert = desk.client(Role.ANALYST), desk.client(Role.ANALYST, name="bert")
    await decide(anna, other, "reject")
    before = [(await anna.get(f"/v1/indicators/{each.indicator_id}")).json() for each in held]
    bulk = await anna.post("/v1/review", json={"decision": "reject", "reason": "noise", "remember": {"days": 9}})
    assert bulk.json()["decided"] == 3
    await bert.post(f"/v1/review/{held[0].indicator_id}/undo", json={"note": "this one"})

    undone = await bert.post(f"/v1/review/{held[1].indicator_id}/undo/all", json={"note": "all of it"})

    assert (undone.status_code, undone.json()) == (200, {"undone": 2, "gone_on": 0})
    assert [(await anna.get(f"/v1/indicators/{each.indicator_id}")).json() for each in held] == before
    assert (await anna.get(f"/v1/indicators/{other.indicator_id}")).json()["outcome"] == "refuted"
    notes = [
        (await anna.get(f"/v1/indicators/{each.indicator_id}/decisions")).json()["items"][0]["undo_note"]
        for each in held
    ]
    assert notes == ["this one", "all of it", "all of it"]
    assert await said_of(desk, held[2]) == [("refuted", "review"), ("held", "review-undone")]
    assert await outcomes(desk, records(FAR)) == {"held": 1}, "what was remembered is forgotten"
    again = await bert.post(f"/v1/review/{held[1].indicator_id}/undo/all")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/nothing-to-undo")
    assert (await bert.post(f"/v1/review/{UUID(int=9)}/undo/all")).status_code == 404


async def test_a_yes_to_a_group_is_taken_back_but_for_sightings(desk: Desk) -> None:
    held = records(HONEYPOT, FAR, FAR)
    await outcomes(desk, held)
    analyst, approver = desk.client(Role.ANALYST), desk.client(Role.APPROVER, name="bert")
    await analyst.post("/v1/review", json={"decision": "verify", "reason": "noise"})
    path = f"/v1/review/{held[0].indicator_id}/undo/all"

    assert (await analyst.post(path, json={"correct": True})).status_code == 403
    undone = await approver.post(path, json={"correct": True})

    assert (undone.status_code, undone.json()) == (200, {"undone": 2, "gone_on": 1})
    told = await withdrawals(desk)
    assert {each.asset for each in told} == {HONEYPOT.ip, FAR.ip}
    assert {(each.reason, each.corrects, each.by) for each in told} == {("review-undone", True, "bert")}
    shown = [(await analyst.get(f"/v1/indicators/{each.indicator_id}")).json() for each in held]
    assert Counter((each["outcome"], each["reasons"][-1]["check"]) for each in shown) == {
        (None, "review-undone"): 2,
        ("duplicate", "severity"): 1,
    }
    (sighting,) = (each for each in shown if each["outcome"] == "duplicate")
    alone = await approver.post(f"/v1/review/{sighting['indicator_id']}/undo")
    assert (alone.status_code, alone.json()["type"]) == (409, "/problems/has-gone-on")

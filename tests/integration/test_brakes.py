"""When mails wait for a person, on a real database: the first wave, unusual volume, releases, and bulk orders."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import FeedbackReceived
from libs.common.db import Database
from libs.common.ids import new_id
from libs.common.problems import Problem
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.vocabulary import FeedbackKind, IncidentState, RecipientKind, Severity
from services.notifier.app import build
from services.notifier.domain.brakes.decisions import Action
from services.notifier.domain.brakes.first_wave import FirstWavePolicy
from services.notifier.domain.brakes.holds import Hold
from services.notifier.domain.brakes.release import ReleasePolicy
from services.notifier.domain.brakes.volume import Measure, VolumePolicy
from services.notifier.domain.notification import BrakeScope, State
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers import keeping
from services.notifier.handlers.holding import (
    HoldDossier,
    ask_for_release,
    cancel_held,
    dossier_of_hold,
    order_in_bulk,
    release_hold,
)
from services.notifier.handlers.keeping import BrakePolicy, carry_out, keep
from services.notifier.handlers.planning import heed_feedback, take_up_incidents
from services.notifier.settings import NotifierSettings
from services.notifier.store import brake_decisions, holds
from tests.integration.test_notifier import LATER, close_due, database, plan, said, send, states
from tests.unit.notifier.builders import NOW, incident, recipient, target, trying_partner

__all__ = ["database"]

Json = dict[str, Any]  # Any: JSON

WAVE = FirstWavePolicy(mails=4, share=0.2)
NEW = msgspec.structs.replace(incident(), slug="new-hole", approved_by="jan")
POLICY = BrakePolicy(
    first_wave=WAVE,
    volume=VolumePolicy(floors={Measure.MAILS: 100, Measure.RECORDS: 1000}),
    release=ReleasePolicy(),
)
STRICT = msgspec.structs.replace(POLICY, volume=VolumePolicy(floors={Measure.MAILS: 5, Measure.RECORDS: 100}))


async def approve(database: Database, **changes: object) -> None:
    async with database.transaction() as tx:
        await take_up_incidents([msgspec.structs.replace(NEW, **changes)], tx=tx, now=NOW, waves=WAVE)


async def arrive(database: Database, mails: int, *, first: int = 0, incident: str = "new-hole") -> None:
    """So many mails, every fourth to a network owner, are gathered and due."""
    kinds = [RecipientKind.NETWORK_OWNER if number % 4 == 0 else RecipientKind.ORGANISATION for number in range(100)]
    await plan(
        database,
        *(
            target(to=recipient(email=f"a{number}@jansen.example", kind=kinds[number]), incident=incident)
            for number in range(first, first + mails)
        ),
    )
    await close_due(database)


async def rounds(database: Database, policy: BrakePolicy = POLICY, *, now: datetime = LATER) -> None:
    has_more = True
    while has_more:
        async with database.transaction() as tx:
            has_more = await keep(tx, policy=policy, now=now)
        async with database.transaction() as tx:
            has_more |= await carry_out(tx, now=now)


async def standing(database: Database) -> list[Hold]:
    async with database.transaction() as tx:
        return await holds.standing_holds(tx)


async def looked_at(database: Database, hold: Hold) -> HoldDossier:
    async with database.transaction() as tx:
        return await dossier_of_hold(tx, hold, policy=POLICY.release)


async def let_go(database: Database, hold: Hold, *, seen: int, by: str = "eva", now: datetime = LATER) -> None:
    async with database.transaction() as tx:
        await release_hold(tx, hold.id, seen=seen, by=by, note="looks right", policy=POLICY.release, now=now)


async def decided(database: Database) -> list[tuple[Action, str, int | None]]:
    """Oldest first."""
    async with database.transaction() as tx:
        found = await brake_decisions.newest_decisions(tx, hold_id=None, before=None, limit=50)
    return [(each.action, each.by, each.mails) for each in reversed(found)]


async def counted(database: Database) -> Counter[State]:
    return Counter(await states(database))


async def test_nothing_leaves_for_an_incident_while_it_is_not_approved_also_of_what_is_queued(
    database: Database,
) -> None:
    relay = RememberingRelay()
    await arrive(database, 3, incident="open-smb")
    assert await counted(database) == {State.QUEUED: 3}
    for revision, state in enumerate((IncidentState.PAUSED, IncidentState.DRAFT), start=2):
        async with database.transaction() as tx:
            changed = msgspec.structs.replace(incident(), revision=revision, state=state)
            await take_up_incidents([changed], tx=tx, now=NOW)
        assert await send(database, relay) == 0

    async with database.transaction() as tx:
        await take_up_incidents([msgspec.structs.replace(incident(), revision=9)], tx=tx, now=NOW)
        closing = msgspec.structs.replace(incident(), revision=10, state=IncidentState.CLOSED)
        await take_up_incidents([closing], tx=tx, now=NOW)

    assert await send(database, relay) == 0
    assert relay.mails == []
    assert await counted(database) == {State.CANCELLED: 3}


async def test_a_new_incident_sends_a_sample_and_the_rest_once_an_approver_has_seen_the_figures(
    database: Database,
) -> None:
    relay = RememberingRelay()
    await approve(database)
    await arrive(database, 16)
    assert await send(database, relay) == 0, "nothing goes before it is drawn"

    await rounds(database)
    assert await send(database, relay) == 4
    await rounds(database)
    assert await send(database, relay) == 0
    kinds = Counter(int(mail.recipient[1:].partition("@")[0]) % 4 == 0 for mail in relay.mails)
    assert kinds == {True: 2, False: 2}, "kinds of recipients take turns"

    await _answer(database, (FeedbackKind.RATING, 4, 2), (FeedbackKind.NOT_OURS, None, None))
    [wave] = await standing(database)
    seen = await looked_at(database, wave)
    figures = seen.figures
    assert (figures.sent, figures.delivered, figures.bounced, figures.under_way) == (4, 4, 0, 0)
    assert (figures.ratings, figures.useful, figures.clear, figures.not_ours) == (1, 4.0, 2.0, 1)
    assert (seen.amount.mails, seen.amount.targets) == (12, 12)
    assert seen.amount.kinds == {RecipientKind.ORGANISATION: 10, RecipientKind.NETWORK_OWNER: 2}
    assert seen.amount.severities == {Severity.HIGH: 12}
    assert wave.waits_since == LATER

    with pytest.raises(Problem, match="more mails than you have seen"):
        await let_go(database, wave, seen=10)
    assert await send(database, relay) == 0
    await let_go(database, wave, seen=12)
    await rounds(database)

    assert await send(database, relay) == 12
    assert len(relay.mails) == len({mail.recipient for mail in relay.mails}) == 16
    async with database.transaction() as tx:
        assert [each.state for each in await holds.newest_holds(tx, state=None, before=None, limit=9)] == ["released"]
    assert await decided(database) == [(Action.HELD, "notifier", None), (Action.RELEASED, "eva", 12)]
    await approve(database, revision=2)
    assert await standing(database) == [], "an incident has one first wave"


async def _answer(database: Database, *given: tuple[FeedbackKind, int | None, int | None]) -> None:
    answers = [
        FeedbackReceived(feedback_id=new_id(), kind=kind, incident="new-hole", at=LATER, useful=useful, clear=clear)
        for kind, useful, clear in given
    ]
    for _ in range(2):
        async with database.transaction() as tx:
            await heed_feedback(answers, tx=tx, now=LATER)


async def test_two_who_draw_at_once_draw_one_sample(database: Database) -> None:
    await approve(database)
    await arrive(database, 16)

    async with database.transaction() as one, database.transaction() as other:
        await keep(one, policy=POLICY, now=LATER)
        await arrive(database, 60, first=16)
        await keep(other, policy=POLICY, now=LATER)
    await rounds(database)

    async with database.transaction() as tx:
        assert len(await tx.fetch("SELECT FROM notifications WHERE is_sample")) == 4


async def test_what_came_approved_is_not_new_and_what_is_tried_out_is_in_no_wave(database: Database) -> None:
    relay = RememberingRelay()
    await approve(database, approved_by="")
    await arrive(database, 3)
    assert await standing(database) == [], "what came approved with the release is not new"
    assert await send(database, relay) == 3

    await approve(database, slug="newer-hole")
    await plan(database, target(to=trying_partner(), incident="newer-hole"))
    await close_due(database)
    assert await send(database, relay) == 1, "what a partner tries out on itself is in no wave"


async def test_unusual_volume_stops_an_incident_and_its_partner_until_a_person_has_looked(database: Database) -> None:
    relay = RememberingRelay()
    await arrive(database, 5, incident="open-smb")
    await rounds(database, STRICT)
    assert await standing(database) == []
    await arrive(database, 1, first=5, incident="open-smb")
    await rounds(database, STRICT)

    of_incident, of_partner = sorted(await standing(database), key=lambda each: each.scope)
    assert (of_incident.scope, of_incident.value, of_incident.kind) == ("incident", "open-smb", "unusual-volume")
    assert (of_partner.scope, of_partner.value) == ("partner", "demo")
    assert of_incident.reason.startswith("6 mails of the incident open-smb today, where more than 5 is unusual.")
    assert await send(database, relay) == 0

    await let_go(database, of_incident, seen=6)
    await rounds(database, STRICT)
    assert await send(database, relay) == 0, "the partner's are still stopped"
    await let_go(database, of_partner, seen=6)
    await rounds(database, STRICT)
    assert await send(database, relay) == 6

    await arrive(database, 6, first=6, incident="open-smb")
    await rounds(database, STRICT)
    assert await send(database, relay) == 6, "twice as many as were agreed to today are not stopped again"
    await arrive(database, 1, first=12, incident="open-smb")
    await rounds(database, STRICT)
    assert await send(database, relay) == 0
    tomorrow = LATER + timedelta(days=1)
    assert len(await standing(database)) == 2
    assert await send(database, relay, now=tomorrow) == 0, "the next day does not release by itself"


async def test_a_release_that_takes_two_is_asked_for_by_one_and_given_by_another(database: Database) -> None:
    two = ReleasePolicy(four_eyes=True)
    await approve(database)
    await arrive(database, 16)
    await rounds(database)
    [wave] = await standing(database)

    async def refusal(by: str) -> str | None:
        async with database.transaction() as tx:
            try:
                await release_hold(tx, wave.id, seen=12, by=by, note="", policy=two, now=LATER)
            except Problem as problem:
                return problem.code
        return None

    assert await refusal("eva") == "not-asked"
    async with database.transaction() as tx:
        await ask_for_release(tx, wave.id, by="jan", note="all is well", now=LATER)
    assert await refusal("jan") == "four-eyes"
    assert await refusal("eva") is None
    assert await refusal("eva") == "wrong-state"
    actions = [(action, by) for action, by, _ in await decided(database)]
    assert actions == [(Action.HELD, "notifier"), (Action.ASKED, "jan"), (Action.RELEASED, "eva")]


async def test_a_first_wave_that_went_well_goes_on_by_itself_when_settings_say_so(database: Database) -> None:
    relay = RememberingRelay()
    by_itself = msgspec.structs.replace(POLICY, release=ReleasePolicy(by_itself_after=timedelta(hours=4)))
    await approve(database)
    await arrive(database, 16)
    await rounds(database, by_itself)
    assert await send(database, relay) == 4
    await rounds(database, by_itself, now=LATER + timedelta(hours=3.9))
    assert len(await standing(database)) == 1

    async with database.transaction() as tx:
        await tx.fetch(
            "UPDATE notifications SET state = 'bounced' WHERE is_sample AND id = (SELECT min(id::text)::uuid "
            "FROM notifications WHERE is_sample)"
        )
    await rounds(database, by_itself, now=LATER + timedelta(hours=5))
    assert len(await standing(database)) == 1, "one of four came back"
    async with database.transaction() as tx:
        await tx.fetch("UPDATE notifications SET state = 'sent' WHERE state = 'bounced'")
    await rounds(database, by_itself, now=LATER + timedelta(hours=5))

    assert await standing(database) == []
    assert await send(database, relay, now=LATER + timedelta(hours=5)) == 12
    assert (await decided(database))[-1] == (Action.RELEASED, "notifier", None)


async def test_what_waits_is_taken_back_in_bulk_whoever_dies_meanwhile_and_told_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "DECIDED_AT_ONCE", 5)
    await approve(database)
    await arrive(database, 16)
    await rounds(database)
    [wave] = await standing(database)
    async with database.transaction() as tx:
        await cancel_held(tx, wave.id, seen=12, by="eva", note="wrong list", now=LATER)
    with pytest.raises(Problem, match="Nothing waits"):
        await let_go(database, wave, seen=12)

    async with database.transaction() as tx:
        await carry_out(tx, now=LATER)
    assert await counted(database) == {State.CANCELLED: 5, State.QUEUED: 11}
    with pytest.raises(RuntimeError, match="dies"):
        async with database.transaction() as tx:
            await carry_out(tx, now=LATER)
            raise RuntimeError("dies before it commits")
    await rounds(database)

    assert await counted(database) == {State.CANCELLED: 12, State.QUEUED: 4}, "the sample still goes"
    assert Counter(await said(database)) == {("suppressed", "cancelled"): 12}
    [again] = await standing(database)
    assert (again.id, again.waits_since) == (wave.id, None)
    await arrive(database, 1, first=16)
    await rounds(database)
    assert await counted(database) == {State.CANCELLED: 12, State.QUEUED: 5}, "what comes later waits on"


async def test_what_waits_for_a_person_each_is_approved_in_bulk_after_a_look_at_the_amount(database: Database) -> None:
    unsure = [target(to=recipient(email=f"a{n}@jansen.example"), confidence=0.1) for n in range(7)]
    await plan(database, *unsure)
    await close_due(database)

    async with database.transaction() as tx:
        with pytest.raises(Problem, match="more mails"):
            await order_in_bulk(
                tx, Action.APPROVED, BrakeScope.INCIDENT, "open-smb", seen=6, by="eva", note="", now=LATER
            )
        await order_in_bulk(tx, Action.APPROVED, BrakeScope.INCIDENT, "open-smb", seen=7, by="eva", note="", now=LATER)
    await rounds(database)

    assert await counted(database) == {State.QUEUED: 7}
    assert await send(database, RememberingRelay()) == 7


@pytest.fixture
async def desk(
    database: Database, database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str
) -> AsyncIterator["Desk"]:
    service = build(
        NotifierSettings(
            http_port=1,
            database_url=database_url,
            kafka_bootstrap="127.0.0.1:1",
            operator_public_key=operator_public_key,
            link_key="a key of the tests",
            public_url="https://tocsin.example",
            release_four_eyes=True,
        )
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service.api), base_url="http://notifier") as client:
        yield Desk(client, operator_key)
    await service.database.close()


class Desk:
    """Asks as whoever is named."""

    def __init__(self, client: httpx.AsyncClient, key: Ed25519PrivateKey) -> None:
        self._client = client
        self._key = key

    async def __call__(self, by: str, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        now = datetime.now(UTC)
        who = Operator(by, Role.VIEWER if by == "viewer" else Role.APPROVER)
        token = sign_operator_token(self._key, operator=who, now=now, expires=now + timedelta(hours=1))
        answer = await self._client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
        return answer.status_code, answer.json()


async def test_the_desk_sees_what_waits_and_why_and_decides(database: Database, desk: "Desk") -> None:
    await approve(database)
    await arrive(database, 16)
    await rounds(database)
    status, listed = await desk("viewer", "GET", "/v1/holds?state=standing")
    [shown] = listed["items"]
    hold = f"/v1/holds/{shown['id']}"
    assert (status, shown["kind"], shown["waiting"]["mails"]) == (200, "first-wave", 12)
    assert shown["waiting"]["by_recipient_kind"] == {"organisation": 10, "network-owner": 2}
    assert shown["troubles"] == ["4 mails of the first wave are still under way"]
    assert (await desk("viewer", "POST", f"{hold}/release", {"mails": 12}))[0] == 403
    _, mails = await desk("viewer", "GET", "/v1/notifications")
    told = [(await desk("viewer", "GET", f"/v1/notifications/{mail['id']}"))[1] for mail in mails["items"]]
    assert Counter(tuple(each["held_by"]) for each in told) == {(shown["id"],): 12, (): 4}

    async def code(by: str, path: str, body: Json) -> tuple[int, str]:
        status, answer = await desk(by, "POST", path, body)
        said: str = answer.get("type") or answer.get("state") or answer["action"]
        return status, said.removeprefix("/problems/")

    assert await code("jan", f"{hold}/release", {"mails": 12}) == (409, "not-asked")
    assert await code("jan", f"{hold}/ask", {"note": "looks right"}) == (200, "standing")
    assert await code("jan", f"{hold}/release", {"mails": 12}) == (403, "four-eyes")
    assert await code("eva", f"{hold}/release", {"mails": 1}) == (409, "amount-changed")
    assert await code("eva", f"{hold}/release", {"mails": 12, "note": "yes"}) == (200, "releasing")
    assert await code("eva", f"{hold}/cancel", {"mails": 12}) == (409, "wrong-state")
    assert await code("eva", f"/v1/holds/{new_id()}/cancel", {"mails": 12}) == (404, "not-found")

    _, waiting = await desk("viewer", "GET", "/v1/waiting?scope=incident&value=new-hole")
    assert {state: each["mails"] for state, each in waiting["states"].items() if each["mails"]} == {"queued": 16}
    assert (await desk("viewer", "GET", "/v1/waiting?scope=incident"))[0] == 422
    assert await code("eva", "/v1/waiting/cancel", {"mails": 3}) == (409, "amount-changed")
    assert await code("eva", "/v1/waiting/cancel", {"mails": 16, "note": "no"}) == (202, "cancelled")
    brake = {"engaged": False, "scope": "incident", "value": "new-hole"}
    assert (await desk("eva", "PUT", "/v1/brake", brake | {"mails": 2}))[0] == 409
    assert (await desk("eva", "PUT", "/v1/brake", brake | {"mails": 16}))[0] == 200
    _, kept = await desk("viewer", "GET", "/v1/brake-decisions?limit=3")
    assert [(each["action"], each["by"], each["note"]) for each in kept["items"]] == [
        ("lifted", "eva", ""),
        ("cancelled", "eva", "no"),
        ("released", "eva", "yes"),
    ]
    _, more = await desk("viewer", "GET", f"/v1/brake-decisions?cursor={kept['next']}&hold={shown['id']}")
    assert [each["action"] for each in more["items"]] == ["asked", "held"]

"""A sample that a person at the desk has sent to themselves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.db import Database
from libs.common.http_api import new_api
from libs.common.security import Operator, Role, sign_operator_token
from services.notifier.api import previews
from services.notifier.domain.amount.policy import AmountPolicy
from services.notifier.domain.notification import Brake, BrakeScope, Wanted
from services.notifier.domain.replies import Answered, Lost, Reply
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.gateway.simulator import SimulatingRelay
from services.notifier.handlers.commands import set_brake
from services.notifier.handlers.planning import take_up_incidents
from services.notifier.handlers.sampling import Desk
from services.notifier.store import lists
from tests.integration.test_delivery import DryRelay
from tests.integration.test_notifier import SCRIBE, database
from tests.unit.notifier.builders import advisory, incident

__all__ = ["database"]

HERE = "sanne@tocsin.example"
FORESIGHT = previews.Foresight(amounts=AmountPolicy(), approval_confidence=0.45)


class Office:
    """An analyst, and the relay that each sample goes to."""

    def __init__(self, database: Database, key: Ed25519PrivateKey, public_key: str) -> None:
        self.relays: list[RememberingRelay] = []
        self.replies: dict[str, Reply] = {}
        self.make: type[RememberingRelay] = RememberingRelay
        desk = Desk(["tocsin.example"], lambda: SimulatingRelay(self._relay()))
        self._api = new_api(
            title="x",
            description="x",
            routers=[previews.routes(database, SCRIBE, desk, FORESIGHT)],
            operator_public_key=public_key,
        )
        self._key = key

    def _relay(self) -> RememberingRelay:
        self.relays.append(self.make(self.replies))
        return self.relays[-1]

    async def send(self, *, role: Role = Role.ANALYST, **words: object) -> tuple[int, Any]:  # Any: JSON
        async with self._client(role) as client:
            response = await client.post(
                "/v1/preview/send", json={"incident": incident().slug, "language": "en", "to": HERE, **words}
            )
        return response.status_code, response.json()

    async def look(self, path: str = "/v1/preview", **wanted: Any) -> httpx.Response:
        async with self._client(Role.VIEWER) as client:
            return await client.post(f"{path}?as=text", json={"language": "en", **wanted})

    @asynccontextmanager
    async def _client(self, role: Role) -> AsyncIterator[httpx.AsyncClient]:
        now = datetime.now(UTC)
        token = sign_operator_token(
            self._key, operator=Operator("sanne", role), now=now, expires=now + timedelta(hours=1)
        )
        transport = httpx.ASGITransport(app=self._api)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://notifier", headers=headers) as client:
            yield client


@pytest.fixture
def office(database: Database, operator_key: Ed25519PrivateKey, operator_public_key: str) -> Office:
    return Office(database, operator_key, operator_public_key)


async def test_a_sample_arrives_as_a_real_mail_would_and_says_what_it_is(office: Office, database: Database) -> None:
    status, told = await office.send(first=True)
    await office.send(kind="network-owner", findings=30)

    assert (status, told["state"], told["smtp_code"], told["to"]) == (200, "sent", 250, HERE)
    mails = [mail for relay in office.relays for mail in relay.mails]
    assert [(mail.sender, mail.recipient) for mail in mails] == [("bounces@tocsin.example", HERE)] * 2
    first, other = (message_from_bytes(mail.content, policy=policy.default) for mail in mails)
    assert first["Subject"] == told["subject"]
    assert first["Subject"].startswith("TEST: ")
    assert first["X-Tocsin-Test"] == "yes"
    assert first["Message-ID"] != other["Message-ID"]
    body = first.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    assert "THIS IS A TEST by sanne." in text
    assert "/r/preview" in text
    assert len(list(other.iter_attachments())) > 1
    assert all(relay.away for relay in office.relays), "each relay was said goodbye to"
    async with database.transaction() as tx:
        assert await lists.newest_notifications(tx, Wanted(), before=None, limit=9) == []


@pytest.mark.parametrize(
    "to", ["info@jansen.example", "x@tocsin.example.evil.example", "nobody", "a@sub.tocsin.example"]
)
async def test_a_sample_goes_to_the_house_alone(office: Office, to: str) -> None:
    status, problem = await office.send(to=to)

    assert (status, problem["type"].rpartition("/")[2].rpartition("#")[2]) == (422, "not-our-address")
    assert office.relays == []


async def test_what_the_relay_says_is_told(office: Office) -> None:
    office.replies[HERE] = Answered(550, "5.1.1 No such\0 user \udcff")
    assert (await office.send())[1]["state"] == "refused"
    office.replies[HERE] = Lost("cut")
    assert (await office.send())[1]["state"] == "in-doubt"
    assert (await office.send(to="bounced@simulator.invalid"))[1]["smtp_code"] == 550
    office.make = DryRelay
    assert (await office.send())[1]["state"] == "rehearsed"


class AwayRelay(RememberingRelay):
    def __init__(self, replies: object = None) -> None:
        super().__init__()
        self.away = True


async def test_without_a_relay_nothing_is_sent_and_it_is_said(office: Office) -> None:
    office.make = AwayRelay
    status, problem = await office.send()
    assert (status, problem["type"].rpartition("/")[2].rpartition("#")[2]) == (503, "relay-away")


@pytest.mark.parametrize(
    ("scope", "value", "is_held"),
    [
        (BrakeScope.ALL, "", True),
        (BrakeScope.INCIDENT, incident().slug, True),
        (BrakeScope.INCIDENT, "another", False),
        (BrakeScope.DOMAIN, "example", True),
        (BrakeScope.DOMAIN, "sin.example", False),
        (BrakeScope.PARTNER, "demo", False),
    ],
)
async def test_a_brake_holds_a_sample_too(
    office: Office, database: Database, scope: BrakeScope, value: str, is_held: bool
) -> None:
    brake = Brake(scope=scope, value=value, engaged=True, reason="", changed_at=database.now(), changed_by="a")
    async with database.transaction() as tx:
        await set_brake(tx, brake)

    status, _ = await office.send()

    assert (status, len(office.relays)) == ((409, 0) if is_held else (200, 1))


@pytest.fixture
async def other(database: Database) -> str:
    """The slug of a further incident."""
    further = incident(slug="open-rdp", told=advisory(title="Anybody reaches your screen"))
    async with database.transaction() as tx:
        await take_up_incidents([further], tx=tx, now=database.now())
    return further.slug


async def test_each_kind_of_mail_can_be_looked_at_and_sent(office: Office, other: str) -> None:
    slug = incident().slug
    wanted: dict[str, dict[str, Any]] = {  # Any: each option has its own type
        "This is a reminder, because it has come back.": {"mail": "reminder", "again": "came-back"},
        "Our warning was partly wrong.": {"mail": "correction", "in_part": True},
        "Anybody reaches your screen": {"mail": "round-up", "others": [other]},
        "You want to hear of this organisation as well.": {
            "kind": "national-cert",
            "handed_over_because": "also-warned",
        },
        "from the leak Example Breach of": {"found": "accounts", "findings": 4},
    }

    for sentence, options in wanted.items():
        looked = await office.look(incident=slug, **options)
        assert (looked.status_code, looked.headers["Content-Type"].partition(";")[0]) == (200, "text/plain"), options
        assert sentence in " ".join(looked.text.split())
        assert (await office.send(**options))[1]["state"] == "sent", options


async def test_what_does_not_go_together_is_refused_with_what_would_fit(office: Office) -> None:
    answer = await office.look(incident=incident().slug, mail="round-up", kind="national-cert", others=["no-such"])
    problem = answer.json()

    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
    assert problem["type"] == "/problems/unfitting-sample"
    assert [(each["where"], each["code"]) for each in problem["errors"]] == [
        ("body.kind", "unfitting"),
        ("body.others", "unfitting"),
    ]
    assert "organisation, network-owner" in problem["detail"]
    assert (await office.send(mails=2))[1]["type"] == "/problems/unfitting-sample"
    assert office.relays == []


async def test_what_nobody_knows_is_refused_with_what_there_is(office: Office) -> None:
    unknown_mail = (await office.look(incident=incident().slug, mail="telegram")).json()
    unknown_option = (await office.look(incident=incident().slug, colour="red")).json()

    assert "round-up" in unknown_mail["errors"][0]["message"]
    assert unknown_option["errors"][0]["where"] == "body.colour"
    assert (await office.look(incident="nobody-knows", mail="round-up")).status_code == 404


async def test_a_brake_on_any_incident_of_a_round_up_holds_its_sample(
    office: Office, database: Database, other: str
) -> None:
    brake = Brake(
        scope=BrakeScope.INCIDENT, value=other, engaged=True, reason="", changed_at=database.now(), changed_by="a"
    )
    async with database.transaction() as tx:
        await set_brake(tx, brake)

    assert (await office.send(mail="round-up", others=[other]))[0] == 409
    assert (await office.send())[0] == 200


async def test_mails_beside_the_notifications_can_be_looked_at(office: Office) -> None:
    path = "/v1/preview/side-mail"

    digest = await office.look(path, mail="digest", came="much", cadence="weekly")
    claim = await office.look(path, mail="claim", asset="ip-range", source="ripe")
    question = await office.look(path, mail="registration", assets=41)
    news = await office.look(path, mail="registration-news", states=["record-wanted", "proven"])
    refused = await office.look(path, mail="claim", came="much")
    unknown = await office.look(path, mail="registration-news", states=["perhaps"])

    assert "1,200" in digest.text
    assert "198[.]18[.]0[.]0/24" in claim.text
    assert "There is 1 more. It is on your page." in question.text
    assert "_tocsin-challenge.example.com" in news.text
    assert "/register/preview" in news.text
    assert "record-wanted" in unknown.json()["errors"][0]["message"]
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/unfitting-sample")


async def test_who_only_reads_sends_nothing_and_there_is_no_mail_of_what_is_not_there(office: Office) -> None:
    assert (await office.send(role=Role.VIEWER))[0] == 403
    assert (await office.send(incident="nobody-knows"))[0] == 404
    assert office.relays == []

"""What a preview shows is what is sent, for each kind of mail; on a real database, over the API without a socket."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import UUID

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import Asset, HandOver
from libs.common.db import Database
from libs.common.http_api import new_api
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.vocabulary import IncidentState, Language, RecipientKind
from services.notifier.api import previews
from services.notifier.api.previews import Foresight
from services.notifier.domain.notification import Brake, BrakeScope, Command, State
from services.notifier.domain.replies import Deferred
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.amount import TARGETS_IN_ROUND_UP
from services.notifier.handlers.commands import command_notification, set_brake
from services.notifier.handlers.planning import take_up_incidents
from services.notifier.handlers.sampling import Desk
from services.notifier.handlers.sending import Delivered, record
from tests.integration.amount.test_amounts import (
    DAY,
    HOURS,
    MONDAY,
    SLUGS,
    TUESDAY_AT_TEN,
    incidents,
    known,
    low,
    plan,
    read,
    send,
    take_up,
)
from tests.integration.test_notifier import SCRIBE, database
from tests.unit.notifier.builders import incident, recipient, target

__all__ = ["database", "incidents"]

TOKEN = re.compile(r"(/[fru]/)[\w.-]+")
AN_HOUR = timedelta(hours=1)

DESK = Desk((), RememberingRelay)

Preview = Callable[[UUID], "httpx.Response"]


@pytest.fixture
async def client(
    database: Database, operator_key: Ed25519PrivateKey, operator_public_key: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """Of a notifier at whose database and desk it is Monday."""
    monkeypatch.setattr(database, "now", lambda: MONDAY + AN_HOUR)
    api = new_api(
        title="previews",
        description="",
        routers=[previews.routes(database, SCRIBE, DESK, Foresight(amounts=HOURS, approval_confidence=0.3))],
        operator_public_key=operator_public_key,
    )
    now = datetime.now(UTC)
    token = sign_operator_token(
        operator_key, operator=Operator("ada", Role.VIEWER), now=now, expires=now + timedelta(hours=1)
    )
    transport = httpx.ASGITransport(app=api)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://notifier", headers=headers) as client:
        yield client


async def shown(client: httpx.AsyncClient, notification_id: UUID) -> EmailMessage:
    answer = await client.get(f"/v1/notifications/{notification_id}/preview", params={"as": "eml"})
    assert answer.status_code == 200, answer.text
    return read(answer.content)


def said(mail: EmailMessage) -> dict[str, object]:
    """All of a mail but its date and the secrets in its links."""
    headers = {name: TOKEN.sub(r"\1…", value) for name, value in mail.items() if name != "Date"}
    parts = [(part.get_content_type(), part.get_filename(), _content(part)) for part in mail.walk()]
    return {**headers, "parts": parts}


def _content(part: EmailMessage) -> str:
    return "" if part.is_multipart() else TOKEN.sub(r"\1…", str(part.get_content()))


async def test_a_round_up_is_shown_as_it_goes_whichever_of_its_notifications_is_looked_at(
    database: Database, client: httpx.AsyncClient
) -> None:
    await plan(database, *(low(slug) for slug in SLUGS), now=MONDAY)
    waiting = await known(database)
    assert {item.state for item in waiting} == {State.PLANNED}
    before = [said(await shown(client, item.id)) for item in waiting]

    [mail] = await send(database, RememberingRelay(), now=TUESDAY_AT_TEN)
    after = [said(await shown(client, item.id)) for item in waiting]

    assert all(item.reference in str(said(mail)["parts"]) for item in waiting)
    assert [*before, *after] == [said(mail)] * 6


async def test_no_link_of_any_part_of_a_round_up_leads_anywhere(database: Database, client: httpx.AsyncClient) -> None:
    await plan(database, *(low(slug) for slug in SLUGS), now=MONDAY)
    [first, *_] = await known(database)

    mail = await shown(client, first.id)

    links = re.findall(
        r"/([fru])/([\w.-]+)", str([part.get_content() for part in mail.walk() if not part.is_multipart()])
    )
    assert {kind for kind, _ in links} == {"f", "r"}
    assert {token for _, token in links} == {"preview"}
    assert "/u/preview>" in mail["List-Unsubscribe"]


async def test_what_does_not_go_with_the_others_is_not_shown_with_them(
    database: Database, client: httpx.AsyncClient
) -> None:
    for slug in ("paused", "held-up", "uncertain", "silenced"):
        async with database.transaction() as tx:
            await take_up_incidents([incident(slug=slug)], tx=tx, now=MONDAY)
    uncertain = msgspec.structs.replace(low("uncertain"), confidence=0.1)
    others = [low("paused"), low("held-up"), uncertain, low("silenced"), target(incident="open-rdp")]
    await plan(database, low("open-smb"), low("open-dns"), *others, now=MONDAY)
    async with database.transaction() as tx:
        paused = msgspec.structs.replace(incident(slug="paused"), revision=9, state=IncidentState.PAUSED)
        await take_up_incidents([paused], tx=tx, now=MONDAY)
        brakes = [(BrakeScope.INCIDENT, "held-up"), (BrakeScope.ALL, "")]
        for scope, value in brakes:
            await set_brake(
                tx, Brake(scope=scope, value=value, engaged=True, reason="", changed_at=MONDAY, changed_by="eva")
            )
        await tx.fetch(
            "INSERT INTO suppressions (id, value, reason, note, created_at, created_by, incident)"
            " VALUES (gen_random_uuid(), 'info@jansen.example', 'operator', '', $1, 'eva', 'silenced')",
            MONDAY,
        )
    by_incident = {item.incident: item for item in await known(database)}

    mail = await shown(client, by_incident["open-smb"].id)
    alone = {name: await shown(client, by_incident[name].id) for name in ("open-rdp", "silenced")}

    text = str(said(mail)["parts"])
    together = {name for name, item in by_incident.items() if item.reference in text}
    assert together == {"open-smb", "open-dns"}
    assert by_incident["open-smb"].reference not in str(said(alone["open-rdp"])["parts"])
    assert by_incident["silenced"].reference in str(said(alone["silenced"])["parts"]), "whoever looks at one sees it"


async def test_a_round_up_that_is_too_large_is_shown_in_the_parts_in_which_it_goes(
    database: Database, client: httpx.AsyncClient
) -> None:
    await plan(database, *(low(slug) for slug in SLUGS), now=MONDAY)
    async with database.transaction() as tx:
        await tx.fetch("UPDATE notifications SET targets_total = $1", TARGETS_IN_ROUND_UP)

    for item in await known(database):
        references = re.findall(r"TOC-\w{10}", str(said(await shown(client, item.id))["parts"]))
        assert set(references) == {item.reference}


async def test_what_is_tried_again_is_shown_with_what_is_left_of_its_mail(
    database: Database, client: httpx.AsyncClient
) -> None:
    await plan(database, *(low(slug) for slug in SLUGS), now=MONDAY)
    taken = await take_up(database, TUESDAY_AT_TEN)
    async with database.transaction() as tx:
        again = Deferred(451, "4.7.1 Greylisted", TUESDAY_AT_TEN + AN_HOUR)
        await record(tx, [Delivered(item, again, "Subject") for item in taken], now=TUESDAY_AT_TEN)
        dns, rdp, smb = await known(database)
        await command_notification(tx, rdp.id, Command.CANCEL, note="", by="eva", now=TUESDAY_AT_TEN)
    before = [said(await shown(client, item.id)) for item in (dns, smb)]
    cancelled = await shown(client, rdp.id)

    [mail] = await send(database, RememberingRelay(), now=TUESDAY_AT_TEN + AN_HOUR)

    assert before == [said(mail)] * 2
    assert rdp.reference not in str(before)
    assert cancelled["X-Tocsin-Reference"] == rdp.reference


async def test_a_reminder_is_shown_under_the_mail_of_which_it_reminds(
    database: Database, client: httpx.AsyncClient
) -> None:
    found = target()
    await plan(database, found, now=MONDAY)
    [first] = await send(database, RememberingRelay(), now=MONDAY + AN_HOUR)
    seen_again = msgspec.structs.replace(target(), threat_id=found.threat_id)
    await plan(database, seen_again, now=MONDAY + 15 * DAY)
    [reminder] = [item for item in await known(database) if item.reminder is not None]

    before = said(await shown(client, reminder.id))
    [mail] = await send(database, RememberingRelay(), now=MONDAY + 15 * DAY + AN_HOUR)

    assert before == said(mail)
    assert mail["In-Reply-To"] == first["Message-ID"]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(RecipientKind))
async def test_the_first_mail_to_any_recipient_in_any_language_is_shown_with_all_that_is_in_it(
    database: Database, client: httpx.AsyncClient, kind: RecipientKind, language: Language
) -> None:
    to = recipient(kind=kind, language=language)
    findings = [
        msgspec.structs.replace(
            target(to=to, asset=Asset(ip=f"192.0.2.{number}")),
            handed_over=HandOver(reason="vital-organisation", organisation="Waterschap")
            if kind is RecipientKind.NATIONAL_CERT
            else None,
        )
        for number in range(12)
    ]
    await plan(database, *findings, now=MONDAY)
    [waiting] = await known(database)

    before = said(await shown(client, waiting.id))
    [mail] = await send(database, RememberingRelay(), now=MONDAY + AN_HOUR)

    assert before == said(mail)
    attached = {part.get_filename() for part in mail.iter_attachments()}
    assert any(".csv" in (name or "") for name in attached)
    assert (len(attached) > 1) == (kind is not RecipientKind.ORGANISATION), "teams and networks get XARF too"


async def test_what_nothing_is_known_of_yet_is_refused_in_words(database: Database, client: httpx.AsyncClient) -> None:
    await plan(database, target(incident="nobody-told-us"), now=MONDAY)
    [waiting] = await known(database)

    answer = await client.get(f"/v1/notifications/{waiting.id}/preview")

    assert answer.status_code == 422
    assert "nobody-told-us" in answer.json()["detail"]

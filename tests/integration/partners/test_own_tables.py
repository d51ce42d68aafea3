"""A partner's own table is read as it says with the push, or as was agreed once, at every reading the same."""

import asyncio
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from libs.common.contracts import RawIndicator
from libs.common.contracts.wire import decode
from tests.conftest import Kafka
from tests.integration.partners.conftest import Intake, codes, read_to_its_end

TABLE = b"Tijd;Adres;Poort\n2026-03-01 05:05:06;192.0.2.7;445\n"
AGREED = {
    "columns": {"tijd": "seen_at", "adres": "ip", "poort": "port"},
    "category": "vulnerable/vulnerable-system",
    "identifier": "open-smb",
    "timezone": "Europe/Amsterdam",
}
SAID = {
    "map": "Tijd:seen_at,Adres:ip,Poort:port",
    "category": "vulnerable/vulnerable-system",
    "identifier": "open-smb",
    "timezone": "Europe/Amsterdam",
}


async def push(client: httpx.AsyncClient, body: bytes = TABLE, /, **said: str) -> httpx.Response:
    return await client.post(f"/v1/submissions?{urlencode(said)}", content=body)


async def sole_event(kafka: Kafka) -> RawIndicator:
    (message,) = await kafka.read("raw-indicator", wanted=1)
    event = decode(message.value)
    assert isinstance(event, RawIndicator)
    return event


def told(event: RawIndicator) -> tuple[str, str | None, int | None, str]:
    found = event.indicator
    return found.seen_at.isoformat(), found.asset.ip, found.asset.port, found.identifier


WANTED = ("2026-03-01T04:05:06+00:00", "192.0.2.7", 445, "open-smb")


async def test_a_push_says_what_the_columns_are(intake: Intake, kafka: Kafka) -> None:
    client = intake.client((await intake.key(await intake.partner()))["key"])

    receipt = (await push(client, TABLE, **SAID)).json()

    assert (receipt["status"], receipt["format"], receipt["warnings"]) == ("done", "tocsin-csv", [])
    assert told(await sole_event(kafka)) == WANTED
    again, otherwise = await push(client, TABLE, **SAID), await push(client, TABLE, **SAID | {"identifier": "open-rdp"})
    assert (again.status_code, again.json()["id"]) == (200, receipt["id"])
    assert (otherwise.status_code, otherwise.json()["id"] != receipt["id"]) == (201, True)


async def test_all_that_is_wrong_with_what_a_push_says_is_told_at_once(intake: Intake) -> None:
    client = intake.client((await intake.key(await intake.partner()))["key"])

    refused = await push(client, map="a:ip,b:nowhere", category="x", identifier="Open SMB", timezone="Mars/Base")

    assert refused.status_code == 422
    assert codes(refused) == ["not-valid", "invalid-map", "unknown-category", "invalid-identifier", "invalid-timezone"]
    places = [error["where"] for error in refused.json()["errors"]]
    assert places == ["query.map", "query.category", "query.identifier", "query.timezone"]
    other = await push(client, TABLE, **SAID, format="shadowserver-csv")
    assert (other.status_code, codes(other)) == (422, ["format-mismatch"])
    assert codes(await push(client, b'{"seen_at": 1}', **SAID)) == ["format-mismatch"]


async def test_what_is_agreed_holds_for_every_table_until_it_is_lifted(intake: Intake, kafka: Kafka) -> None:
    partner = await intake.partner(csv_reading=AGREED)
    assert partner["csv_reading"] == AGREED
    client = intake.client((await intake.key(partner))["key"])
    assert (await client.get("/v1/partners/me")).json()["csv_reading"] == AGREED

    assert (await push(client)).status_code == 201, "it is known by what the columns are"
    assert told(await sole_event(kafka)) == WANTED
    assert (await push(client, identifier="open-rdp")).status_code == 201, "a push may say part of it otherwise"

    assert (await intake.change(partner, csv_reading=None))["csv_reading"] is None
    refused = await push(client)
    assert (refused.status_code, codes(refused)) == (415, ["unrecognised-format"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": {"pass": "extra.note"}},
        {"columns": {"wachtwoord": "extra.note"}},
        {"columns": {"a": "nowhere"}},
        {"timezone": "Mars/Base"},
        {"columns": {f"c{number}": f"extra.c{number}" for number in range(41)}},
        {"colums": {}},
    ],
)
async def test_what_could_not_be_read_or_would_keep_secrets_is_not_agreed(
    intake: Intake, wrong: dict[str, object]
) -> None:
    partner = await intake.partner()

    refused = await intake.admin.patch(f"/v1/partners/{partner['id']}", json={"csv_reading": wrong})

    assert (refused.status_code, codes(refused)[0]) == (422, "not-valid")
    assert (await intake.admin.get(f"/v1/partners/{partner['id']}")).json()["csv_reading"] is None


async def test_a_second_reading_says_the_same_though_the_agreement_has_changed(intake: Intake, kafka: Kafka) -> None:
    intake.settings = intake.settings.model_copy(update={"immediate_max_bytes": 0})
    service = intake.replica()
    partner = await intake.partner(csv_reading=AGREED)
    client = intake.client((await intake.key(partner))["key"], service=service)

    stored = await push(client)
    assert stored.status_code == 202, stored.text
    await intake.change(partner, csv_reading=AGREED | {"timezone": None})
    assert (await push(client)).json()["id"] == stored.json()["id"], "the same push, whatever is agreed by now"
    receipt = await read_to_its_end(service, client, stored.json()["links"]["self"])

    assert receipt["records"] == {"total": 1, "accepted": 1, "rejected": 0}
    assert told(await sole_event(kafka)) == WANTED


async def test_a_table_in_a_mail_is_read_as_agreed(intake: Intake, kafka: Kafka) -> None:
    client = intake.client((await intake.key(await intake.partner(csv_reading=AGREED)))["key"])
    mail = EmailMessage()
    mail["Subject"] = "Our table of today"
    mail.set_content("See the file.")
    mail.add_attachment(TABLE, maintype="text", subtype="csv", filename="export.csv")

    receipt = (await push(client, bytes(mail))).json()

    assert (receipt["format"], receipt["records"]["accepted"]) == ("mail", 1)
    assert told(await sole_event(kafka)) == WANTED


async def test_secrets_do_not_hide_behind_a_name_of_ours(intake: Intake, kafka: Kafka, tmp_path: Path) -> None:
    client = intake.client((await intake.key(await intake.partner(csv_reading=AGREED)))["key"])
    body = TABLE.replace(b"Poort\n", b"Poort;Wachtwoord\n").replace(b";445\n", b";445;hunter2\n")

    receipt = (await push(client, body)).json()

    assert (receipt["records"]["accepted"], receipt["payload_redacted"]) == (1, True)
    kept = await asyncio.to_thread(lambda: [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()])
    assert kept
    assert not [payload for payload in kept if b"hunter2" in payload]
    assert "hunter2" not in str(await sole_event(kafka))

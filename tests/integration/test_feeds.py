"""The watch over feeds, on a real database and broker: partners push, days pass, operators and partners ask."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import REGISTRY

from libs.common.ids import new_id
from libs.common.paging import encode_cursor
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from services.intake.app import build, means_of
from services.intake.domain.feeds.days import KEPT_DAYS, MAX_FEEDS_OF_PARTNER
from services.intake.handlers.feeds import FeedWatch, fold
from services.intake.handlers.processing import Processing, give_up
from services.intake.settings import IntakeSettings
from services.intake.store import submissions
from services.intake.store.submissions import Order

HEADER = ("timestamp", "ip", "port", "tag")
SMALL = 20
"""Records that are read before the answer."""

Json = dict[str, Any]  # Any: JSON as it came

_numbers = count(1)


def report(rows: int = 1, *, columns: Sequence[str] = HEADER, broken: int = 0) -> bytes:
    """A Shadowserver report that is like no other, the last rows of which can't be read."""
    cells = {"timestamp": f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%d %H:%M:%S}", "port": "445", "tag": "smb"}
    lines = [",".join(columns)]
    for row in range(rows):
        number = next(_numbers)
        cells["ip"] = "x" if row >= rows - broken else f"198.51.{number // 256 % 256}.{number % 256}"
        lines.append(",".join(cells.get(column, f"more-{number}") for column in columns))
    return "\n".join(lines).encode()


@dataclass(frozen=True, slots=True)
class Pushing:
    """A partner with a key."""

    id: UUID
    client: httpx.AsyncClient

    async def push(self, body: bytes | None = None, *, report_type: str = "scan_smb", **query: str) -> httpx.Response:
        return await self.client.post(
            "/v1/submissions",
            params={"format": "shadowserver-csv", "report_type": report_type, **query},
            content=report() if body is None else body,
        )

    async def feeds(self, **query: str) -> list[Json]:
        return await listed(self.client, **query)


async def listed(client: httpx.AsyncClient, **query: str) -> list[Json]:
    answer = await client.get("/v1/feeds", params=query)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


@dataclass(slots=True)
class Intake:
    service: Service
    settings: IntakeSettings
    operator_key: Ed25519PrivateKey

    def client(self, token: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.service.api),
            base_url="http://intake",
            headers={"Authorization": f"Bearer {token}"},
        )

    def operator(self, role: Role) -> httpx.AsyncClient:
        now = datetime.now(UTC)
        operator = Operator("sanne", role)
        return self.client(
            sign_operator_token(self.operator_key, operator=operator, now=now, expires=now + timedelta(hours=1))
        )

    async def partner(self, slug: str) -> Pushing:
        admin = self.operator(Role.ADMIN)
        body = {"slug": slug, "name": slug, "reliability": "B", "contact_email": f"feeds@{slug}.example"}
        partner = (await admin.post("/v1/partners", json=body)).json()
        key = (await admin.post(f"/v1/partners/{partner['id']}/keys", json={})).json()
        return Pushing(UUID(partner["id"]), self.client(key["key"]))

    async def sql(self, statement: str, *arguments: object) -> list[Any]:  # Any: rows of any table
        async with self.service.database.transaction() as tx:
            return await tx.fetch(statement, *arguments)

    async def later(self, **time: float) -> None:
        """Let so much time pass, by moving back what was before it."""
        await fold(self.service.database)
        passed = timedelta(**time)
        await self.sql("UPDATE feed_days SET day = day - 10000")  # out of the way of each other
        await self.sql(
            """
            UPDATE feed_days SET day = ((coalesce(last_at, last_refused_at) - $1::interval) AT TIME ZONE 'UTC')::date,
                first_at = first_at - $1::interval, last_at = last_at - $1::interval,
                first_refused_at = first_refused_at - $1::interval, last_refused_at = last_refused_at - $1::interval
            """,
            passed,
        )
        await self.sql("UPDATE feed_dismissals SET at = at - $1::interval", passed)

    async def daily(self, partner: Pushing, *, days: int = 8, rows: int = 1) -> None:
        """A report a day, the last one a day ago. Sixteen have four of a weekend, whatever day it is."""
        for _ in range(days):
            assert (await partner.push(report(rows))).status_code in (201, 202)
            await self.read_on()
            await self.later(days=1)

    async def read_on(self) -> None:
        """Read all that is kept and not read yet."""
        shutdown = Shutdown()
        reading = asyncio.ensure_future(
            Processing(means_of(self.settings), order=Order.OLDEST, retry_max_seconds=0.2).run(shutdown)
        )
        async with asyncio.timeout(30):
            while await self.sql("SELECT FROM submissions WHERE status = 'processing'"):
                await asyncio.sleep(0.02)
        shutdown.request()
        await reading

    async def look(self) -> None:
        await FeedWatch(self.service.database, refresh_seconds=1).look()


@pytest.fixture
async def intake(intake_settings: IntakeSettings, operator_key: Ed25519PrivateKey) -> AsyncIterator[Intake]:
    changes = {"requests_burst": 10_000, "immediate_max_records": SMALL, "slice_records": SMALL}
    settings = intake_settings.model_copy(update=changes)
    intake = Intake(build(settings), settings, operator_key)
    yield intake
    await intake.service.publisher.close()
    await intake.service.database.close()


def metric(partner: str, kind: str) -> float | None:
    labels = {"partner": partner, "format": "shadowserver-csv", "report_type": "scan_smb", "kind": kind}
    return REGISTRY.get_sample_value("tocsin_feed_anomalies", labels)


async def test_what_a_partner_pushes_is_a_feed_that_it_sees_and_no_other_partner_does(intake: Intake) -> None:
    ours, theirs = await intake.partner("acme"), await intake.partner("zeta")
    await ours.push(report(3, broken=1))
    await ours.push(report(2))
    await ours.push(report_type="scan_rdp")
    await theirs.push()

    rdp, smb = await ours.feeds()
    assert (smb["partner"], smb["format"], smb["report_type"]) == ("acme", "shadowserver-csv", "scan_smb")
    assert (smb["state"], smb["anomalies"], smb["columns"]) == ("learning", [], sorted(HEADER))
    assert rdp["report_type"] == "scan_rdp"
    shown = (await ours.client.get(f"/v1/feeds/{smb['id']}")).json()
    (day,) = shown["days"]
    assert (day["arrivals"], day["accepted"], day["rejected"], day["refused"]) == (2, 4, 1, 0)

    assert (await theirs.client.get(f"/v1/feeds/{smb['id']}")).status_code == 404
    assert [feed["partner"] for feed in await theirs.feeds()] == ["zeta"]
    everything = await listed(intake.operator(Role.VIEWER))
    assert [(feed["partner"], feed["report_type"]) for feed in everything] == [
        ("acme", "scan_rdp"),
        ("acme", "scan_smb"),
        ("zeta", "scan_smb"),
    ]


async def test_feeds_are_listed_by_pages_and_by_state(intake: Intake) -> None:
    acme = await intake.partner("acme")
    for report_type in ("scan_a", "scan_b", "scan_c"):
        await acme.push(report_type=report_type)
    first = (await acme.client.get("/v1/feeds?limit=2")).json()
    second = (await acme.client.get("/v1/feeds", params={"limit": 2, "cursor": first["next"]})).json()
    assert [feed["report_type"] for page in (first, second) for feed in page["items"]] == ["scan_a", "scan_b", "scan_c"]
    assert second["next"] is None
    assert len(await acme.feeds(state="learning")) == 3
    assert await acme.feeds(state="unusual") == []
    assert (await acme.client.get("/v1/feeds?cursor=x")).status_code == 400
    assert (await acme.client.get("/v1/feeds", params={"cursor": encode_cursor("a\0", "", "")})).status_code == 400


async def test_a_daily_report_that_does_not_come_is_told_until_it_is_dismissed_or_comes(intake: Intake) -> None:
    acme = await intake.partner("acme")
    await intake.daily(acme)
    (feed,) = await acme.feeds()
    assert feed["state"] == "usual"
    await intake.look()
    assert metric("acme", "late") is None

    await intake.later(hours=3)
    (feed,) = await acme.feeds(state="unusual")
    (late,) = feed["anomalies"]
    assert late["kind"] == "late"
    assert late["message"].startswith("Nothing has come for 27 hours")
    assert late["since"] == feed["due_at"]
    await intake.look()
    assert metric("acme", "late") == 1
    assert REGISTRY.get_sample_value("tocsin_feeds", {"state": "unusual"}) == 1

    path, reason = f"/v1/feeds/{feed['id']}/dismiss", {"reason": "They move house until Monday"}
    assert (await acme.client.post(path, json=reason)).status_code == 401
    assert (await intake.operator(Role.VIEWER).post(path, json=reason)).status_code == 403
    assert (await intake.operator(Role.ANALYST).post(path, json={"reason": " \0"})).status_code == 422
    dismissed = (await intake.operator(Role.ANALYST).post(path, json=reason)).json()
    assert (dismissed["state"], dismissed["anomalies"]) == ("usual", [])
    (told,) = dismissed["dismissals"]
    assert (told["kind"], told["by"], told["reason"]) == ("late", "sanne", reason["reason"])
    (seen_by_partner,) = await acme.feeds()
    assert seen_by_partner["dismissals"] == []
    await intake.look()
    assert metric("acme", "late") is None

    await acme.push()
    await intake.later(hours=40)
    assert [each["kind"] for each in (await acme.feeds())[0]["anomalies"]] == ["late"]


async def test_an_operator_says_how_often_a_feed_is_to_come(intake: Intake) -> None:
    acme, analyst = await intake.partner("acme"), intake.operator(Role.ANALYST)
    await acme.push()
    (feed,) = await acme.feeds()
    path = f"/v1/feeds/{feed['id']}"
    changed = (await analyst.patch(path, json={"expected_interval_hours": 6})).json()
    assert (changed["expected_interval_hours"], changed["interval_hours"], changed["state"]) == (6, 6, "usual")
    await intake.later(hours=8)
    assert (await acme.feeds())[0]["state"] == "unusual"
    assert (await analyst.patch(path, json={"expected_interval_hours": None})).json()["state"] == "learning"
    assert (await analyst.patch(path, json={"expected_interval_hours": 0})).status_code == 422
    assert (await analyst.patch(f"/v1/feeds/{new_id()}", json={"expected_interval_hours": 1})).status_code == 404
    assert (await analyst.post(f"/v1/feeds/{new_id()}/dismiss", json={"reason": "x"})).status_code == 404
    assert (await acme.client.patch(path, json={"expected_interval_hours": 1})).status_code == 401


async def test_a_large_payload_counts_when_it_is_read_with_all_that_it_brought(intake: Intake) -> None:
    acme = await intake.partner("acme")
    await intake.daily(acme, days=16, rows=SMALL + 10)
    answer = await acme.push(report(10 * SMALL, columns=(*HEADER, "sector"), broken=90))
    assert answer.status_code == 202
    assert len((await acme.feeds())[0]["anomalies"]) == 0, "it is not read yet"
    await intake.read_on()
    (feed,) = await acme.feeds()
    found = {each["kind"]: each for each in feed["anomalies"]}
    assert found.keys() == {"more-rows", "unreadable", "columns"}
    assert found["more-rows"]["figures"]["rows"] == 200
    assert found["unreadable"]["figures"]["rejected"] == 90
    assert (found["columns"]["new_columns"], found["columns"]["gone_columns"]) == (["sector"], [])


async def test_a_payload_that_we_give_up_has_come_all_the_same(intake: Intake) -> None:
    acme = await intake.partner("acme")
    answer = await acme.push(report(2 * SMALL))
    async with intake.service.database.transaction() as tx:
        now = intake.service.database.now()
        taken = await submissions.take_next(
            tx, order=Order.OLDEST, lease=new_id(), now=now, until=now + timedelta(minutes=1)
        )
    assert taken is not None
    assert str(taken.id) == answer.json()["id"]
    await give_up(taken, means=means_of(intake.settings))
    assert [feed["report_type"] for feed in await acme.feeds()] == ["scan_smb"]


async def test_a_report_that_is_refused_for_a_renamed_column_is_told_and_not_taken_for_an_arrival(
    intake: Intake,
) -> None:
    acme = await intake.partner("acme")
    await intake.daily(acme)
    refused = await acme.push(report(columns=("timestamp", "address", "port", "tag")))
    assert refused.status_code == 422
    (feed,) = await acme.feeds()
    found = {each["kind"]: each for each in feed["anomalies"]}
    assert found.keys() == {"unreadable", "columns"}
    assert (found["columns"]["new_columns"], found["columns"]["gone_columns"]) == (["address"], ["ip"])
    assert "all-records-rejected" in found["unreadable"]["message"]
    await intake.later(hours=4)
    assert "late" in [each["kind"] for each in (await acme.feeds())[0]["anomalies"]]


async def test_nothing_is_kept_of_a_refused_payload_without_a_header(intake: Intake) -> None:
    acme = await intake.partner("acme")
    await acme.push()
    await acme.feeds()
    assert (await acme.push(b"198.51.100.1,hunter2,445,x\n198.51.100.2,letmein,445,y\n")).status_code == 422
    kept = [*await intake.sql("SELECT * FROM feed_arrivals")]
    await acme.feeds()
    for table in ("feed_columns", "feed_days"):
        kept += await intake.sql(f"SELECT * FROM {table}")
    assert "hunter2" not in str(kept)
    assert [(row["refused"], row["columns"]) for row in kept[:1]] == [("missing-column", [])]


async def test_an_empty_report_has_come(intake: Intake) -> None:
    acme = await intake.partner("acme")
    await intake.daily(acme, days=16, rows=30)
    assert (await acme.push((",".join(HEADER) + "\n").encode())).status_code == 422
    await intake.later(hours=20)
    (feed,) = await acme.feeds()
    assert [each["kind"] for each in feed["anomalies"]] == ["fewer-rows"]


async def test_a_mail_belongs_to_the_feed_of_the_report_that_it_brings(intake: Intake) -> None:
    acme = await intake.partner("acme")
    for report_type, rows in (("scan_smb", 1), ("scan_rdp", 2 * SMALL)):
        mail = EmailMessage()
        mail["From"], mail["Date"] = "reports@acme.example", "Sun, 01 Mar 2026 05:00:00 +0000"
        mail.set_content("Your report.")
        name = f"2026-03-01-{report_type}-acme.csv"
        mail.add_attachment(report(rows), maintype="text", subtype="csv", filename=name)
        answer = await acme.client.post(
            "/v1/submissions", content=bytes(mail), headers={"Content-Type": "message/rfc822"}
        )
        assert answer.status_code in (201, 202), answer.text
    await intake.read_on()
    found = await acme.feeds()
    assert [(feed["format"], feed["report_type"]) for feed in found] == [("mail", "scan_rdp"), ("mail", "scan_smb")]
    assert [feed["columns"] for feed in found] == [sorted(HEADER)] * 2


async def test_what_is_tried_repeated_or_refused_makes_no_feed(intake: Intake) -> None:
    acme, body = await intake.partner("acme"), report()
    assert (await acme.push(dry_run="true")).status_code == 200
    assert (await acme.push(b"not,a,report\n1,2,3\n")).status_code == 422
    assert await acme.feeds() == []
    assert [(await acme.push(body)).status_code for _ in range(2)] == [201, 200]
    (feed,) = await acme.feeds()
    assert (await acme.client.get(f"/v1/feeds/{feed['id']}")).json()["days"][0]["arrivals"] == 1


async def test_every_push_is_counted_once_by_two_replicas_that_fold_while_it_is_pushed(intake: Intake) -> None:
    acme, other = await intake.partner("acme"), build(intake.settings)
    done = asyncio.Event()

    async def keep_folding(service: Service) -> int:
        folded = 0
        while not done.is_set():
            folded += await fold(service.database)
        return folded + await fold(service.database)

    folding = [asyncio.ensure_future(keep_folding(service)) for service in (intake.service, other)]
    answers = await asyncio.gather(*(acme.push(report(2)) for _ in range(100)))
    done.set()
    folded = sum(await asyncio.gather(*folding))
    await intake.read_on()
    await other.database.close()
    await other.publisher.close()
    assert {answer.status_code for answer in answers} <= {201, 202}
    folded += await fold(intake.service.database)
    assert folded == 100
    (day,) = await intake.sql("SELECT arrivals, accepted FROM feed_days")
    assert (day["arrivals"], day["accepted"]) == (100, 200)
    assert await intake.sql("SELECT FROM feed_arrivals") == []


async def test_days_feeds_and_columns_are_forgotten_after_ninety_days(intake: Intake) -> None:
    acme = await intake.partner("acme")
    await acme.push(report_type="scan_old")
    await intake.later(days=KEPT_DAYS - 1)
    await acme.push()
    await fold(intake.service.database)
    await intake.look()
    assert len(await intake.sql("SELECT FROM feeds")) == 2
    await intake.later(days=2)
    await intake.look()
    assert [row["report_type"] for row in await intake.sql("SELECT report_type FROM feeds")] == ["scan_smb"]
    for table in ("feed_days", "feed_columns"):
        assert len(await intake.sql(f"SELECT FROM {table}")) == 1


async def test_a_partner_cannot_make_feeds_without_end(intake: Intake) -> None:
    acme = await intake.partner("acme")
    await intake.sql(
        "INSERT INTO feeds (id, partner_id, format, report_type) "
        "SELECT gen_random_uuid(), $1, 'shadowserver-csv', 'scan_' || number FROM generate_series(2, $2) AS number",
        acme.id,
        MAX_FEEDS_OF_PARTNER,
    )
    for report_type in ("scan_x", "scan_y"):
        assert (await acme.push(report_type=report_type)).status_code == 201
    await fold(intake.service.database)
    (row,) = await intake.sql("SELECT count(*) AS feeds FROM feeds")
    assert row["feeds"] == MAX_FEEDS_OF_PARTNER
    assert await intake.sql("SELECT FROM feed_arrivals") == []

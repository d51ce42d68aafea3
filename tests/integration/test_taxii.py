"""TAXII 2.1 as its makers' own client speaks it, on a real database and broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from requests.auth import AuthBase
from requests.exceptions import HTTPError
from requests.models import PreparedRequest
from taxii2client.common import TokenAuth
from taxii2client.exceptions import AccessError
from taxii2client.v21 import Collection, Server, Status

from deploy.local.ports import free_port_base
from deploy.local.reachability import NOBODY_IS_TRUSTED
from libs.common.contracts import IndicatorSettled, RawIndicator
from libs.common.contracts.wire import decode
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.service import HttpServer, Service
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import Outcome
from services.intake.api.taxii import routes
from services.intake.app import build
from services.intake.domain.object_fates import CONTEXT
from services.intake.domain.submissions import indicator_id
from services.intake.handlers.outcomes import settle_records
from services.intake.handlers.processing import Processing
from services.intake.settings import IntakeSettings
from tests.conftest import Kafka
from tests.databases import make_tables
from tests.stix import IDENTITY, indicator

HOST = "127.0.0.1"
TAXII = "application/taxii+json;version=2.1"
HEADERS = {"Accept": TAXII, "Content-Type": TAXII}
MAX_BYTES = 400_000
Json = dict[str, Any]  # Any: STIX objects and answers


@dataclass(frozen=True, slots=True)
class Peer:
    """A partner, its key, and intake as it sees it."""

    url: str
    id: str
    key: str

    def collection(self, collection_id: str | None = None) -> Collection:
        return Collection(f"{self.url}/taxii2/intake/collections/{collection_id or self.id}/", auth=TokenAuth(self.key))

    @property
    def http(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.AsyncClient(
            base_url=self.url, headers=headers, timeout=30, verify=NOBODY_IS_TRUSTED, trust_env=False
        )

    @property
    def objects(self) -> str:
        return f"/taxii2/intake/collections/{self.id}/objects/"

    async def add(self, *objects: Json, wait: bool = True) -> Status:
        return await asyncio.to_thread(self.collection().add_objects, {"objects": objects}, wait, poll_interval=0.05)

    async def receipt(self, status: Status) -> Json:
        async with self.http as http:
            receipt: Json = (await http.get(status.custom_properties["x_tocsin_receipt"])).raise_for_status().json()
        return receipt


@dataclass(frozen=True, slots=True)
class Running:
    """Intake, listening, with two partners."""

    service: Service
    ours: Peer
    theirs: Peer


Serve = Callable[..., Any]  # Any: an asynchronous context manager of Running, with settings by keyword


class BearerAuth(AuthBase):
    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


@pytest.fixture
async def serve(
    kafka: Kafka, database_url: str, operator_public_key: str, operator_key: Ed25519PrivateKey, tmp_path: Path
) -> Serve:
    await asyncio.to_thread(make_tables, "intake", database_url)

    @asynccontextmanager
    async def serving(*, reads: bool = True, **settings: object) -> AsyncIterator[Running]:
        port = free_port_base()
        service = build(
            IntakeSettings.model_validate(
                {
                    "http_port": port,
                    "database_url": database_url,
                    "kafka_bootstrap": kafka.bootstrap,
                    "operator_public_key": operator_public_key,
                    "payload_dir": tmp_path,
                    "max_body_bytes": MAX_BYTES,
                    **settings,
                }
            )
        )
        workers = [task for task in service.tasks if isinstance(getattr(task, "__self__", None), Processing)]
        others = [task for task in service.tasks if task not in workers]
        shutdown = Shutdown()
        tasks = [HttpServer(service.api, host=HOST, port=port).run, *others, *(workers if reads else ())]
        running = asyncio.gather(*(task(shutdown) for task in tasks))
        try:
            url = f"http://{HOST}:{port}"
            async with administrator(url, operator_key) as admin:
                yield Running(service, *[await peer(admin, url, slug) for slug in ("ours", "theirs")])
        finally:
            shutdown.request()
            await running
            await service.publisher.close()
            await service.database.close()

    return serving


def administrator(url: str, key: Ed25519PrivateKey) -> httpx.AsyncClient:
    now = datetime.now(UTC)
    token = sign_operator_token(key, operator=Operator("ada", Role.ADMIN), now=now, expires=now + timedelta(hours=1))
    transport = httpx.AsyncHTTPTransport(retries=5)
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, transport=transport)


async def peer(admin: httpx.AsyncClient, url: str, slug: str) -> Peer:
    """A partner with a new key; it is made at the first start and found at a second."""
    body = {"slug": slug, "name": slug.title(), "reliability": "B", "contact_email": f"feeds@{slug}.example"}
    await admin.post("/v1/partners", json=body)
    partners = (await admin.get("/v1/partners")).raise_for_status().json()["items"]
    partner_id = next(each["id"] for each in partners if each["slug"] == slug)
    key = (await admin.post(f"/v1/partners/{partner_id}/keys", json={})).raise_for_status().json()["key"]
    return Peer(url, partner_id, key)


@pytest.fixture
async def running(serve: Serve) -> AsyncIterator[Running]:
    async with serve() as running:
        yield running


async def settle(running: Running, status: Status, *ends: tuple[int, Outcome, str]) -> None:
    """News of where records ended: number, outcome and reason."""
    news = [
        IndicatorSettled(
            indicator_id=indicator_id(UUID(status.id), record),
            submission_id=UUID(status.id),
            record=record,
            outcome=outcome,
            reason=reason,
            message="",
            at=datetime.now(UTC),
            by="notifier",
        )
        for record, outcome, reason in ends
    ]
    async with running.service.database.transaction() as tx:
        await settle_records(news, tx=tx, now=datetime.now(UTC))


def listed(details: list[Json]) -> list[tuple[str, str | None]]:
    return [(each["id"], each.get("message")) for each in details]


@pytest.mark.parametrize("way", ["basic", "token", "bearer"])
async def test_a_client_finds_its_way_from_the_discovery_to_the_fate_of_its_objects(
    way: str, running: Running, kafka: Kafka
) -> None:
    ours = running.ours
    credentials: Json = {
        "basic": {"user": "anybody", "password": ours.key},
        "token": {"auth": TokenAuth(ours.key)},
        "bearer": {"auth": BearerAuth(ours.key)},
    }[way]

    def walk() -> Status:
        with Server(f"{ours.url}/taxii2", **credentials) as server:
            (root,) = server.api_roots
            assert server.default is root
            assert (root.versions, root.max_content_length) == ([TAXII], MAX_BYTES)
            (collection,) = root.collections
            assert (collection.id, collection.can_read, collection.can_write) == (ours.id, False, True)
            assert collection.media_types == ["application/stix+json;version=2.1"]
            return collection.add_objects({"objects": [IDENTITY, indicator(1)]})

    status = await asyncio.to_thread(walk)

    assert status.status == "complete"
    assert (status.total_count, status.success_count, status.failure_count, status.pending_count) == (2, 2, 0, 0)
    assert listed(status.successes) == [(IDENTITY["id"], CONTEXT), (indicator(1)["id"], "on its way")]
    (message,) = await kafka.read(RawIndicator.topic, wanted=1)
    event = decode(message.value)
    assert isinstance(event, RawIndicator)
    assert event.submission_id == UUID(status.id), "the id of the status is that of the submission"
    assert event.indicator.extra["stix_id"] == indicator(1)["id"]
    assert (await ours.receipt(status))["records"] == {"total": 1, "accepted": 1, "rejected": 0}


async def test_each_object_is_told_of_with_our_code_and_words(running: Running) -> None:
    objects = [
        indicator(1),
        indicator(2, "[ipv4-addr:value = '300.1.1.1']"),
        indicator(3, revoked=True),
        {"type": "campaign", "id": "campaign--1", "created": "2026-03-01T00:00:00.000Z", "name": "x"},
        {"type": "campaign", "id": "campaign--2", "created": "2026-03-01T00:00:00.000Z", "name": "y"},
        indicator(4, "[ipv4-addr:value IN ('192.0.2.8', '300.1.1.1')]"),
    ]

    status = await running.ours.add(*objects)

    assert (status.total_count, status.success_count, status.failure_count) == (6, 2, 4)
    assert listed(status.failures) == [
        (objects[1]["id"], "invalid-ip: '300.1.1.1' is not an IP address"),
        (objects[2]["id"], "withdrawn: the object is revoked"),
        ("campaign--1", "unsupported-type: 'campaign' is not a type that names an asset"),
        ("campaign--2", "unsupported-type: 'campaign' is not a type that names an asset"),
    ]
    assert [each["version"] for each in status.failures[:2]] == [each["modified"] for each in objects[1:3]]
    assert listed(status.successes)[1][1] == (
        "1 on its way, 1 rejected; rejected (invalid-ip): '300.1.1.1' is not an IP address"
    )


async def test_a_status_follows_its_records_to_their_outcomes(running: Running) -> None:
    status = await running.ours.add(indicator(1), IDENTITY, indicator(2))

    await settle(running, status, (1, Outcome.NOTIFIED, "TOC-1"), (3, Outcome.DUPLICATE, "known"))
    await asyncio.to_thread(status.refresh)

    assert [message for _, message in listed(status.successes)] == ["notified (TOC-1)", CONTEXT, "duplicate (known)"]


async def test_hundreds_of_objects_are_all_listed_and_add_up(running: Running) -> None:
    objects = [indicator(number, revoked=number % 5 == 0) for number in range(600)]

    status = await running.ours.add(IDENTITY, *objects)

    assert (status.total_count, status.success_count, status.failure_count) == (601, 481, 120)
    assert (len(status.successes), len(status.failures)) == (481, 120)
    receipt = await running.ours.receipt(status)
    assert receipt["records"] == {"total": 600, "accepted": 480, "rejected": 120}


async def test_more_objects_than_a_list_holds_are_counted(running: Running) -> None:
    objects = [{"type": "indicator", "id": f"indicator--{n}", "revoked": n % 4 > 0} for n in range(1_600)]

    status = await running.ours.add(indicator(1), *objects)

    assert (status.total_count, status.success_count, status.failure_count) == (1_601, 1, 1_600)
    assert (len(status.successes), status.failures) == (1, [])


async def test_a_push_of_nothing_but_context_is_kept_and_a_success(running: Running) -> None:
    status = await running.ours.add(IDENTITY)

    assert (status.status, status.total_count, status.success_count) == ("complete", 1, 1)
    await asyncio.to_thread(status.refresh)
    assert listed(status.successes) == [(IDENTITY["id"], CONTEXT)]
    receipt = await running.ours.receipt(status)
    assert (receipt["status"], receipt["records"]["total"]) == ("done", 0)
    async with running.ours.http as http:
        payload = (await http.get(receipt["links"]["payload"])).raise_for_status()
    assert json.loads(payload.content) == {"objects": [IDENTITY]}


async def test_the_same_objects_again_are_no_second_push(running: Running, kafka: Kafka) -> None:
    first = await running.ours.add(indicator(1), IDENTITY)
    async with running.ours.http as http:
        body = json.dumps({"objects": [indicator(2)]}).encode()
        answers = [await http.post(running.ours.objects, content=body, headers=HEADERS) for _ in range(2)]
        listing = (await http.get("/v1/submissions")).raise_for_status().json()["items"]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, "true"]
    assert answers[0].json()["id"] == answers[1].json()["id"] != first.id
    assert len(listing) == 2
    assert len(await kafka.read(RawIndicator.topic, wanted=2)) == 2


async def test_what_is_kept_and_not_read_yet_is_pending_and_survives_the_end_of_the_process(serve: Serve) -> None:
    async with serve(reads=False, immediate_max_bytes=0) as running:
        status = await running.ours.add(indicator(1), indicator(2, revoked=True), IDENTITY, wait=False)
        assert status.status == "pending"
        assert (status.total_count, status.pending_count, len(status.pendings)) == (3, 3, 3)

    async with serve(reads=True) as running:
        url = f"{running.ours.url}/taxii2/intake/status/{status.id}"
        later = await asyncio.to_thread(Status, url, auth=TokenAuth(running.ours.key))
        await asyncio.to_thread(later.wait_until_final, 0.05, 20)
        assert (later.status, later.success_count, later.failure_count, later.pending_count) == ("complete", 2, 1, 0)


async def test_a_client_is_told_to_come_back_when_more_waits_than_we_let_wait(serve: Serve) -> None:
    async with serve(reads=False, immediate_max_bytes=0, unread_limit_bytes=1) as running:
        await running.ours.add(indicator(1), wait=False)
        async with running.ours.http as http, asyncio.timeout(20):
            number = 1
            while (answer := await push_one(http, running.ours, number := number + 1)).status_code == 202:
                await asyncio.sleep(0.1)

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"
    assert answer.headers["content-type"] == TAXII
    assert answer.json()["error_code"] == "pipeline-behind"


async def push_one(http: httpx.AsyncClient, ours: Peer, number: int) -> httpx.Response:
    return await http.post(ours.objects, json={"objects": [indicator(number)]}, headers=HEADERS)


async def test_a_partner_sees_neither_the_collection_nor_a_status_of_another(running: Running) -> None:
    ours, theirs = running.ours, running.theirs
    status = await ours.add(indicator(1))

    async with theirs.http as http:
        collections = (await http.get("/taxii2/intake/collections/")).raise_for_status().json()["collections"]
        answers = [
            await http.get(f"/taxii2/intake/collections/{ours.id}/"),
            await http.get(f"/taxii2/intake/status/{status.id}/"),
            await http.get(ours.objects),
            await http.post(ours.objects, json={"objects": [indicator(2)]}, headers=HEADERS),
        ]
    with pytest.raises(HTTPError, match="404"):
        await asyncio.to_thread(theirs.collection(ours.id).add_objects, {"objects": [indicator(3)]})

    assert [each["id"] for each in collections] == [theirs.id]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 404]
    assert {answer.headers["content-type"] for answer in answers} == {TAXII}
    assert (await ours.receipt(status))["records"]["total"] == 1


async def test_nobody_gets_anything_without_a_key_that_opens(running: Running) -> None:
    collections = f"/taxii2/intake/collections/{running.ours.id}/"
    paths = [
        "/taxii2/",
        "/taxii2/intake/",
        "/taxii2/intake/collections/",
        collections,
        f"/taxii2/intake/status/{UUID(int=1)}/",
    ]
    async with httpx.AsyncClient(base_url=running.ours.url, verify=NOBODY_IS_TRUSTED, trust_env=False) as http:
        answers = [
            await http.request(method, path, headers=headers)
            for method, path in (*(("GET", path) for path in paths), ("POST", running.ours.objects))
            for headers in ({}, {"Authorization": "Bearer tck_wrong"})
        ]

    assert {answer.status_code for answer in answers} == {401}
    assert all("Basic" in answer.headers["www-authenticate"] for answer in answers)
    assert {answer.json()["error_code"] for answer in answers} == {"unauthorised"}


async def test_a_wrong_key_is_refused_to_the_client(running: Running) -> None:
    server = Server(f"{running.ours.url}/taxii2/", user="anybody", password="tck_wrong")
    with pytest.raises(HTTPError, match="401"):
        await asyncio.to_thread(server.refresh)


REFUSED: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"no JSON", {}, 422, "format-mismatch"),
    (b"{}", {}, 422, "unsupported-layout"),
    (b'{"objects": []}', {}, 422, "empty-payload"),
    (b'{"objects": [{"type": "campaign"}, 7]}', {}, 422, "all-records-rejected"),
    (b"", {}, 422, "empty-payload"),
    (b"x" * (MAX_BYTES + 1), {}, 413, "payload-too-large"),
    (b"{}", {"Accept": "application/json"}, 406, "not-acceptable"),
    (b"{}", {"Content-Type": "application/json"}, 415, "unsupported-media-type"),
    (b"{}", {"Content-Type": "application/taxii+json;version=2.0"}, 415, "unsupported-media-type"),
    (b"{}", {"Content-Encoding": "br"}, 415, "unsupported-encoding"),
]


async def test_what_can_not_be_taken_is_refused_in_the_words_of_taxii_and_not_kept(running: Running) -> None:
    async with running.ours.http as http:
        answers = [
            await http.post(running.ours.objects, content=body, headers=HEADERS | headers)
            for body, headers, _, _ in REFUSED
        ]
        listing = (await http.get("/v1/submissions")).raise_for_status().json()["items"]

    assert [(answer.status_code, answer.json()["error_code"]) for answer in answers] == [
        (status, code) for _, _, status, code in REFUSED
    ]
    assert {answer.headers["content-type"] for answer in answers} == {TAXII}
    assert all(answer.json()["http_status"] == str(answer.status_code) for answer in answers)
    assert listing == []


async def test_a_refusal_tells_of_every_object(running: Running) -> None:
    async with running.ours.http as http:
        body = {"objects": [{"type": "campaign"}, {"type": "indicator"}, 7]}
        answer = await http.post(running.ours.objects, json=body, headers=HEADERS)

    codes = [(error["where"], error["code"]) for error in answer.json()["details"]["errors"]]
    assert codes == [
        ("record 1, objects[0].type", "unsupported-type"),
        ("record 2, objects[1].pattern", "missing-field"),
        ("record 2, objects[1]", "missing-timestamp"),
        ("record 3, objects[2]", "not-an-object"),
    ]


async def test_as_much_is_taken_as_the_api_root_says(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 2_000_000
    monkeypatch.setattr(routes, "MAX_DOCUMENT_BYTES", most)
    large = [indicator(number, description="x" * 4_000) for number in range(300)]

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(most // 1_000 + 1):
            yield b" " * 1_000

    async with serve(max_body_bytes=10 * most) as running:
        ours = running.ours
        status = await ours.add(*large)
        async with ours.http as http:
            root = (await http.get("/taxii2/intake/")).raise_for_status().json()
            refused = [
                await http.post(ours.objects, content=body, headers=HEADERS)
                for body in (unannounced(), b" " * (most + 1))
            ]

    assert (status.status, status.success_count) == ("complete", 300), "read after the answer"
    assert root["max_content_length"] == most
    assert [(answer.status_code, answer.json()["error_code"]) for answer in refused] == [
        (413, "payload-too-large"),
        (413, "payload-too-large"),
    ]


async def test_nothing_can_be_read_or_taken_back(running: Running) -> None:
    ours = running.ours
    paths = [ours.objects, ours.objects.replace("objects", "manifest"), f"{ours.objects}{IDENTITY['id']}/"]
    async with ours.http as http:
        answers = [
            *[await http.get(path, params={"limit": 5, "match[type]": "indicator"}) for path in paths],
            await http.get(f"{paths[2]}versions/", params={"next": "x"}),
            await http.delete(paths[2]),
        ]
    with pytest.raises(AccessError):
        await asyncio.to_thread(ours.collection().get_objects)

    assert [answer.status_code for answer in answers] == [403] * 5
    assert {answer.json()["error_code"] for answer in answers} == {"write-only"}


async def test_addresses_without_the_slash_at_the_end_are_answered_and_not_sent_elsewhere(running: Running) -> None:
    ours = running.ours
    async with ours.http as http:
        pushed = await http.post(ours.objects.rstrip("/"), json={"objects": [indicator(1)]}, headers=HEADERS)
        paths = ["", "/intake", "/intake/collections", f"/intake/collections/{ours.id}"]
        paths.append(f"/intake/status/{pushed.json()['id']}")
        answers = [await http.get(f"/taxii2{path}", headers={"Accept": TAXII}) for path in paths]

    assert pushed.status_code == 202
    assert [answer.status_code for answer in answers] == [200] * 5
    assert {answer.headers["content-type"] for answer in answers} == {TAXII}


async def test_a_bundle_in_a_stix_media_type_is_taken_as_other_programs_send_it(running: Running) -> None:
    bundle = {"type": "bundle", "spec_version": "2.1", "id": "bundle--1", "objects": [indicator(1)]}
    headers = {
        "Accept": "application/taxii+json; version=2.1",
        "Content-Type": "application/stix+json; version=2.1",
    }
    async with running.ours.http as http:
        answer = await http.post(running.ours.objects, json=bundle, headers=headers)

    assert (answer.status_code, answer.json()["success_count"]) == (202, 1)


async def test_a_submission_of_another_format_has_no_status_here(running: Running) -> None:
    record = {
        "seen_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "category": "vulnerable/vulnerable-system",
        "identifier": "open-smb",
        "asset": {"ip": "192.0.2.1"},
    }
    async with running.ours.http as http:
        receipt = (await http.post("/v1/submissions?format=tocsin-json", json=[record])).raise_for_status().json()
        answers = [await http.get(f"/taxii2/intake/status/{each}/") for each in (receipt["id"], "nonsense")]

    assert [answer.status_code for answer in answers] == [404, 404]

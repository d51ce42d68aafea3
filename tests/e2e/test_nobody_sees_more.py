"""Partners see only their own submissions, and no service talks to anybody but those that it has to talk to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from deploy.local.layout import SERVICES
from tests.e2e.conftest import System, until
from tests.e2e.test_main_job import feed, push_and_settle, row

SECONDS_BETWEEN_LOOKS = 0.01

Peer = tuple[str, int]
"""Address and port."""


@pytest.fixture
def stranger(system: System) -> Iterator[httpx.Client]:
    """Another partner, with a key of its own."""
    operator = system.operator("intake")
    body = {"slug": "stranger", "name": "Stranger", "reliability": "C", "contact_email": "desk@stranger.example"}
    partner = operator.post("/v1/partners", json=body).raise_for_status().json()
    key = operator.post(f"/v1/partners/{partner['id']}/keys", json={}).raise_for_status().json()
    with system.client("intake", token=key["key"]) as client:
        yield client


class Watch:
    """Notes whom the services are connected with, a hundred times a second."""

    def __init__(self, system: System) -> None:
        self._served = {urlsplit(replica.url).port for replica in system.replicas()}
        pids = [system.stack.pid(replica.name) for replica in system.replicas()]
        self._services = [psutil.Process(pid) for pid in pids if pid is not None]
        self._done = threading.Event()
        self.peers: set[Peer] = set()
        self.looks = 0

    @contextmanager
    def on(self) -> Iterator[None]:
        watching = threading.Thread(target=self._watch)
        watching.start()
        try:
            yield
        finally:
            self._done.set()
            watching.join()

    def _watch(self) -> None:
        while not self._done.wait(SECONDS_BETWEEN_LOOKS):
            for service in self._services:
                with suppress(psutil.NoSuchProcess):
                    self.peers |= self._peers_of(service)
            self.looks += 1

    def _peers_of(self, service: psutil.Process) -> set[Peer]:
        """Those that the service has called; those that have called it come to its own port."""
        return {
            (connection.raddr.ip, connection.raddr.port)
            for connection in service.net_connections(kind="inet")
            if connection.raddr and connection.laddr.port not in self._served
        }


def test_a_partner_is_told_nothing_of_what_another_has_pushed(system: System, stranger: httpx.Client) -> None:
    payload = feed(row("192.0.2.66"))
    receipt = push_and_settle(system, payload, report_type="scan_smb")

    links = receipt["links"]
    answers = [stranger.get(links["self"]), stranger.get(links["records"]), stranger.get(f"{links['self']}/payload")]
    its_own = stranger.post("/v1/submissions", content=payload, params={"report_type": "scan_smb"}).raise_for_status()

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert all(receipt["id"] not in answer.json().get("detail", "") for answer in answers)
    assert its_own.json()["id"] != receipt["id"], "the same payload of another is another submission"
    assert [item["id"] for item in stranger.get("/v1/submissions").json()["items"]] == [its_own.json()["id"]]


def test_the_services_talk_to_database_broker_relay_collector_and_each_other_and_to_nobody_else(system: System) -> None:
    layout = system.layout
    collector = urlsplit(layout.settings["TOCSIN_INTAKE_OTLP_ENDPOINT"])
    needed = {("127.0.0.1", layout.port(part)) for part in ("postgres", "kafka", "mail")}
    siblings = {("127.0.0.1", layout.port(service)) for service in SERVICES}
    watch = Watch(system)

    with watch.on():
        receipt = push_and_settle(system, feed(row("192.0.2.67"), row("192.0.2.68")), report_type="scan_smb")
        until(lambda: True if watch.looks > 1 else None)

    assert receipt["outcomes"] == {"notified": 2}
    assert needed <= watch.peers, "the watch sees what there is to see"
    assert watch.peers <= needed | siblings | {(collector.hostname, collector.port)}

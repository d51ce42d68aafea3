"""Partners get only their own submissions, and no service talks to anybody but those that it has to talk to."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from deploy.local.endpoints import ReplicaEndpoint
from deploy.local.layout import HOST
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
    """Notes whom each replica of each service is connected with, again and again."""

    def __init__(self, system: System) -> None:
        self._processes = {replica: _process_of(replica, system=system) for replica in system.replicas()}
        self._done = threading.Event()
        self.peers: dict[str, set[Peer]] = defaultdict(set)
        """By the name of the replica."""

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
            for replica, process in self._processes.items():
                self.peers[replica.name] |= _called_by(process, own_port=urlsplit(replica.url).port)


def _process_of(replica: ReplicaEndpoint, *, system: System) -> psutil.Process:
    pid = system.stack.pid(replica.name)
    assert pid is not None, f"{replica.name} does not run"
    return psutil.Process(pid)


def _called_by(process: psutil.Process, *, own_port: int | None) -> set[Peer]:
    """Those that have called the process come to its own port."""
    return {
        (connection.raddr.ip, connection.raddr.port)
        for connection in process.net_connections(kind="inet")
        if connection.raddr and connection.laddr.port != own_port
    }


def test_a_partner_gets_no_submission_of_another(system: System, stranger: httpx.Client) -> None:
    payload = feed(row("192.0.2.66"))
    receipt = push_and_settle(system, payload, report_type="scan_smb")
    links = [receipt["links"][name] for name in ("self", "records", "payload")]
    assert [system.partner().get(link).status_code for link in links] == [200, 200, 200]

    answers = [stranger.get(link) for link in links]
    its_own = stranger.post("/v1/submissions", content=payload, params={"report_type": "scan_smb"}).raise_for_status()

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert its_own.json()["id"] != receipt["id"], "the same payload of another is another submission"
    assert [item["id"] for item in stranger.get("/v1/submissions").json()["items"]] == [its_own.json()["id"]]


def test_while_a_feed_goes_through_the_services_talk_to_nobody_but_their_own(system: System) -> None:
    layout, collector = system.layout, urlsplit(system.layout.settings["TOCSIN_INTAKE_OTLP_ENDPOINT"])
    stores = {(HOST, layout.port("postgres")), (HOST, layout.port("kafka"))}
    relay = (HOST, layout.port("mail"))
    own = stores | {relay, (collector.hostname, collector.port)}
    watch = Watch(system)

    with watch.on():
        receipt = push_and_settle(system, feed(row("192.0.2.67"), row("192.0.2.68")), report_type="scan_smb")
        until(lambda: True if all(stores <= watch.peers[each.name] for each in system.replicas()) else None)

    assert receipt["outcomes"] == {"notified": 2}
    assert set().union(*watch.peers.values()) <= own

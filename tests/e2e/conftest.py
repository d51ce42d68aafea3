"""The whole system, two of each service, started once for all end-to-end tests, with a collector for its traces."""

import email
import email.policy
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.feed import ripe_dump
from deploy.local.background import BackgroundStack, throwaway_stack
from deploy.local.books import Books, reconcile
from deploy.local.endpoints import ReplicaEndpoint
from deploy.local.layout import SERVICES, Layout
from deploy.local.ports import free_port_base
from deploy.local.reachability import NOBODY_IS_TRUSTED
from libs.common.faults import AT_THE_RELAY, LOSES_AN_ANSWER, evenly, written

T = TypeVar("T")

RIPE = """\
inetnum:        192.0.2.0 - 192.0.2.255
netname:        PROVIDER-EXAMPLE
descr:          Provider Example B.V.
country:        NL
org:            ORG-PE1-RIPE
admin-c:        DUMY-RIPE
status:         ASSIGNED PA
mnt-by:         EXAMPLE-MNT
source:         RIPE

organisation:   ORG-PE1-RIPE
org-name:       Provider Example B.V.
org-type:       LIR
country:        NL
abuse-c:        AR1-RIPE
mnt-by:         EXAMPLE-MNT
source:         RIPE

role:           Abuse desk of Provider Example
nic-hdl:        AR1-RIPE
abuse-mailbox:  abuse@provider.example
mnt-by:         EXAMPLE-MNT
source:         RIPE

"""

NATIONAL_TEAM = "reports@csirt.example"
LADDER = f"""
[team.national]
name = "National CSIRT"
email = "{NATIONAL_TEAM}"
language = "en"

[[handover]]
criticality = "vital"
action = "hand-over"
team = "national"
"""
"""The national team looks after vital organisations, and after nothing else: what finds nobody stays with us."""

SETTINGS = {
    **{f"TOCSIN_NOTIFIER_WINDOW_{severity}_SECONDS": "0.5" for severity in ("HIGH", "MEDIUM", "LOW", "INFO")},
    "TOCSIN_NOTIFIER_WINDOW_CONTINUATION_SECONDS": "0.5",
    "TOCSIN_NOTIFIER_SMTP_TIMEOUT_SECONDS": "2",
    "TOCSIN_NOTIFIER_RETRY_SHORTEST_MINUTES": "0.02",
    "OTEL_BSP_SCHEDULE_DELAY": "500",
}
"""Short waits, the lease of a sender's mails among them, which follows from the time limit."""


MISBEHAVIOUR = 0.05
ONLY_LATE = AT_THE_RELAY.keys() - LOSES_AN_ANSWER - {"relay-rejects"}
"""How the mail relay stalls, refuses and babbles here: a mail is late then, and neither fails nor comes twice."""


@dataclass(frozen=True, slots=True)
class SpanSeen:
    """A span, as the collector got it."""

    trace_id: str
    service: str
    name: str


@dataclass(slots=True)
class Collector:
    """Takes OTLP over HTTP, as a trace store does."""

    spans: list[SpanSeen] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
            self.spans += [
                SpanSeen(trace_id=span.trace_id.hex(), service=attributes["service.name"], name=span.name)
                for scope in resource.scope_spans
                for span in scope.spans
            ]


class _Intake(BaseHTTPRequestHandler):
    def __init__(self, collector: Collector, *arguments: Any) -> None:  # Any: what http.server hands over
        self._collector = collector
        super().__init__(*arguments)

    def do_POST(self) -> None:
        self._collector.take(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@dataclass(frozen=True, slots=True)
class System:
    """What partners, operators and recipients can do, and nothing else."""

    stack: BackgroundStack
    collector: Collector
    layout: Layout

    def client(self, service: str, *, token: str) -> httpx.Client:
        return _client(self.stack.endpoints.services[service], token)

    def partner(self, replica: ReplicaEndpoint | None = None) -> httpx.Client:
        url = replica.url if replica else self.stack.endpoints.services["intake"]
        return _client(url, self.stack.endpoints.partner_key)

    def operator(self, service: str) -> httpx.Client:
        return self.client(service, token=self.stack.endpoints.admin_token)

    def replicas(self, *services: str) -> list[ReplicaEndpoint]:
        """Of these services, or of all."""
        return [each for each in self.stack.endpoints.replicas if not services or each.service in services]

    def compared_books(self) -> Books:
        """What the books of all services say of every submission so far, compared as an operator does."""
        return reconcile(self.layout, wait_seconds=60)

    def public(self) -> httpx.Client:
        return httpx.Client(base_url=self.stack.endpoints.services["feedback"], timeout=30, verify=NOBODY_IS_TRUSTED)

    def push(self, payload: bytes | str | Iterator[bytes], **query: str) -> httpx.Response:
        return self.partner().post("/v1/submissions", content=payload, params=query)

    def settled(self, receipt: dict[str, Any], *, seconds: float = 60) -> dict[str, Any]:  # Any: JSON of a receipt
        """The receipt, once none of its records is pending."""

        def look() -> dict[str, Any] | None:  # Any: JSON of a receipt
            found: dict[str, Any] = self.partner().get(receipt["links"]["self"]).raise_for_status().json()
            return found if found["status"] != "processing" and not found["outcomes"].get("pending") else None

        return until(look, seconds=seconds)

    def records(self, receipt: dict[str, Any]) -> list[dict[str, Any]]:  # Any: JSON
        items: list[dict[str, Any]] = (
            self.partner().get(receipt["links"]["records"], params={"limit": 500}).raise_for_status().json()["items"]
        )
        return items

    def mails(self) -> list[EmailMessage]:
        folder = Path(self.stack.endpoints.mail_dir) / "new"
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted(folder.iterdir())
        ]

    def mails_to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails() if address in str(mail["To"])]


def _client(url: str, token: str) -> httpx.Client:
    return httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, verify=NOBODY_IS_TRUSTED
    )


def until(look: Callable[[], T | None], *, seconds: float = 60) -> T:
    """What `look` finds, once it finds something; fails after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    collector = Collector()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Intake, collector))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ladder = tmp_path_factory.mktemp("ladder") / "ladder.toml"
    ladder.write_text(LADDER)
    traces = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
    layout = Layout(
        home=tmp_path_factory.mktemp("system"),
        cache=Layout.from_environment().cache,
        port_base=free_port_base(),
        partitions=3,
        replicas=2,
        relay_faults=written(evenly(sorted(ONLY_LATE), rate=MISBEHAVIOUR)),
        settings={
            **SETTINGS,
            "TOCSIN_ATTRIBUTION_LADDER_FILE": str(ladder),
            **{f"TOCSIN_{service.upper()}_OTLP_ENDPOINT": traces for service in SERVICES},
        },
    )
    with throwaway_stack(layout) as stack:
        system = System(stack, collector, layout)
        _know_the_world(system)
        yield system
        books = system.compared_books()
        assert books.agree, f"after all tests: {books.said}"
    server.shutdown()


def _know_the_world(system: System) -> None:
    """A baker with an address range and a domain of its own, at a provider; the networks of `bench.feed`; no others."""
    attribution = system.operator("attribution")
    attribution.post("/v1/imports/ripe", content=RIPE.encode("latin-1") + ripe_dump()).raise_for_status()
    baker = attribution.post("/v1/organisations", json={"name": "Bakkerij Jansen", "country": "NL"}).raise_for_status()
    path = f"/v1/organisations/{baker.json()['organisation_id']}"
    for kind, value in (("ip-range", "192.0.2.64/28"), ("domain", "bakkerij-jansen.example")):
        attribution.post(f"{path}/assets", json={"kind": kind, "value": value}).raise_for_status()
    attribution.post(f"{path}/contacts", json={"email": "info@bakkerij-jansen.example"}).raise_for_status()

    def known_to_both() -> bool | None:
        routes = [
            _client(replica.url, system.stack.endpoints.admin_token).get("/v1/lookup", params={"ip": address}).json()
            for replica in system.replicas("attribution")
            for address in ("192.0.2.65", "192.0.2.1")
        ]
        return True if [found["route"] for found in routes] == 2 * ["organisation", "network-owner"] else None

    until(known_to_both)

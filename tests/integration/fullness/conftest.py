"""A whole system whose parts can be made full and slow, started once for all tests of this folder."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from bench.feed import HEADER, feed, ripe_dump
from deploy.local.background import BackgroundStack, throwaway_stack
from deploy.local.keys import Keys
from deploy.local.layout import HOST, SERVICES, Layout
from deploy.local.mail_sink import Maildir
from deploy.local.ports import PORTS_OF_A_STACK, free_port_base
from deploy.local.postgres import database_url
from deploy.local.preflight import make_folders
from deploy.local.reachability import NOBODY_IS_TRUSTED
from tests.chaos.partner import expected_outcomes
from tests.e2e.conftest import until
from tests.integration.fullness.disk import Disk, LimitedProcess, MountedDisk, mounted
from tests.integration.fullness.line import SlowLine
from tests.integration.fullness.relay import SlowRelay, controller_of

Receipt = dict[str, Any]  # Any: JSON
PATH = "/v1/submissions"
PIECE_RECORDS = 1000
SETTINGS = {
    **{f"TOCSIN_{service.upper()}_RETRY_MAX_SECONDS": "1" for service in SERVICES},
    **{f"TOCSIN_NOTIFIER_WINDOW_{severity}_SECONDS": "0.5" for severity in ("HIGH", "MEDIUM", "LOW", "INFO")},
    "TOCSIN_NOTIFIER_RETRY_SHORTEST_MINUTES": "0.02",
    "TOCSIN_INTAKE_PUBLISH_WAIT_SECONDS": "2",
    "TOCSIN_INTAKE_IMMEDIATE_ROOM_BYTES": "400000",
}
PATIENCE_SECONDS = 120
"""Short waits: what takes minutes in production, so as not to be rude, would only make a run long."""


@dataclass(frozen=True, slots=True)
class Ward:
    """The system, and what can be done to it."""

    stack: BackgroundStack
    layout: Layout
    portal: BlockingPortal
    disk: Disk
    line: SlowLine
    relay: SlowRelay
    pieces: Iterator[bytes]

    def payload(self, *, records: int = PIECE_RECORDS) -> bytes:
        """At most a thousand records that nobody has seen before."""
        lines = next(self.pieces).splitlines(keepends=True)
        return (HEADER + "\n").encode() + b"".join(lines[:records])

    def push(self, payload: bytes | None = None) -> httpx.Response:
        with self.partner() as client:
            return client.post(PATH, content=payload or self.payload(), params={"report_type": "scan_smb"})

    def partner(self) -> httpx.Client:
        return self._client("intake", self.stack.endpoints.partner_key)

    def operator(self, service: str) -> httpx.Client:
        return self._client(service, self.stack.endpoints.admin_token)

    def _client(self, service: str, token: str) -> httpx.Client:
        url = self.stack.endpoints.services[service]
        return httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            verify=NOBODY_IS_TRUSTED,
            trust_env=False,
        )

    def checks(self, service: str) -> Mapping[str, str]:
        """What readiness says, by its checks. Liveness never wavers meanwhile."""
        with self.operator(service) as client:
            assert client.get("/health/live").status_code == 200
            answer = client.get("/health/ready")
        assert (answer.status_code == 200) == (answer.json()["status"] == "ok")
        checks: dict[str, str] = answer.json()["checks"]
        return checks

    def until_says(self, service: str, check: str, words: str) -> None:
        """Wait until readiness gives these words as its reason."""

        def look() -> bool | None:
            with suppress(httpx.TransportError):  # it starts anew
                return words in self.checks(service)[check] or None
            return None

        until(look, seconds=PATIENCE_SECONDS)

    def until_all_ready(self) -> None:
        def look() -> bool | None:
            with suppress(httpx.TransportError):
                return {said for service in SERVICES for said in self.checks(service).values()} == {"ok"} or None
            return None

        until(look, seconds=PATIENCE_SECONDS)

    def outcomes(self, receipt: Receipt) -> Mapping[str, int]:
        """As the partner sees them now; `pending` until the payload is read to its end."""
        with self.partner() as client:
            found = client.get(receipt["links"]["self"]).raise_for_status().json()
        outcomes: dict[str, int] = found["outcomes"]
        return {"pending": 0, **outcomes} if found["status"] == "processing" else outcomes

    def settled(self, receipt: Receipt) -> Mapping[str, int]:
        """The outcomes, once none is pending."""

        def look() -> Mapping[str, int] | None:
            found = self.outcomes(receipt)
            return found if "pending" not in found else None

        return until(look, seconds=PATIENCE_SECONDS)

    def submissions(self) -> list[str]:
        """The newest ones, by their ids."""
        with self.partner() as client:
            return [each["id"] for each in client.get(PATH).raise_for_status().json()["items"]]


@pytest.fixture(scope="package")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    layout = _layout(tmp_path_factory.mktemp("ward"))
    make_folders(layout)
    line = SlowLine(host=HOST, target_port=layout.port("postgres"))
    relay = SlowRelay(Maildir(layout.mail))
    with ExitStack() as parts:
        is_mounted = parts.enter_context(mounted(layout.payloads))
        portal = parts.enter_context(start_blocking_portal())
        serving = portal.start_task_soon(line.serve, _line_port(layout))
        parts.callback(serving.cancel)
        controller = controller_of(relay, host=HOST, port=layout.smtp[1])
        controller.start()
        parts.callback(controller.stop)
        layout = replace(layout, settings=SETTINGS | _databases_behind_the_line(layout))
        stack = parts.enter_context(throwaway_stack(layout))
        disk = MountedDisk(layout.payloads) if is_mounted else LimitedProcess(lambda: stack.pid("intake"))
        ward = Ward(stack, layout, portal, disk, line, relay, _pieces())
        _know_the_networks(ward)
        yield ward


def _layout(home: Path) -> Layout:
    base = free_port_base()
    return Layout(
        home=home,
        cache=Layout.from_environment().cache,
        port_base=base,
        partitions=3,
        external_smtp=f"{HOST}:{base + PORTS_OF_A_STACK - 1}",
    )


def _line_port(layout: Layout) -> int:
    return layout.port_base + PORTS_OF_A_STACK - 2


def _databases_behind_the_line(layout: Layout) -> dict[str, str]:
    keys = Keys(layout.secrets)
    ports = f":{layout.port('postgres')}/", f":{_line_port(layout)}/"
    return {
        f"TOCSIN_{service.upper()}_DATABASE_URL": database_url(layout, keys, service=service).replace(*ports)
        for service in SERVICES
    }


def _pieces() -> Iterator[bytes]:
    """A thousand lines each, without the header. The first thousand of a feed has fewer duplicates than the others."""
    return islice(feed(1_000_000, now=datetime.now(UTC), first=PIECE_RECORDS), 1, None)


def _know_the_networks(ward: Ward) -> None:
    with ward.operator("attribution") as api:
        api.post("/v1/imports/ripe", content=ripe_dump()).raise_for_status()
        until(lambda: api.get("/v1/lookup", params={"ip": "2001:db8::1"}).json()["recipient"])


@pytest.fixture(autouse=True)
def all_well_before_and_after(ward: Ward) -> Iterator[None]:
    ward.until_all_ready()
    yield
    ward.until_all_ready()


def expected(*, records: int = PIECE_RECORDS) -> Mapping[str, int]:
    """The outcomes of every payload of so many records."""
    return expected_outcomes(range(PIECE_RECORDS, PIECE_RECORDS + records))


def payload_files(ward: Ward) -> set[Path]:
    """Finished ones."""
    return {path for path in ward.layout.payloads.glob("*/*") if not path.suffix}


def says_when_to_come_back(answer: httpx.Response, *, code: str) -> bool:
    """Whether a refusal is one that a partner's engineer, and their program, can act on."""
    problem = answer.json()
    return (
        answer.headers["content-type"] == "application/problem+json"
        and problem["type"] == f"/problems/{code}"
        and len(problem["detail"].split()) > 5
        and int(answer.headers["retry-after"]) > 0
    )

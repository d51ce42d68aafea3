"""The verifier is behind by a million events: intake says so, memory stays flat, and it catches up by itself."""

import asyncio
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.background import BackgroundStack, throwaway_stack
from deploy.local.layout import Layout
from deploy.local.ports import free_port_base
from deploy.local.reachability import NOBODY_IS_TRUSTED
from tests.e2e.conftest import until
from tests.integration.fullness.backlog import fill
from tests.integration.fullness.conftest import PATIENCE_SECONDS, says_when_to_come_back

EVENTS = 1_000_000
LIMIT_RECORDS = 960_000
SETTLED_IN = 40_000
LOOKED_AT = 100_000
"""Enough: what grows with the events that were handled, or with those that wait, has grown by then."""

GROWTH_AT_MOST_BYTES = 128 * 1024 * 1024
"""Two batches of 2,000 events in all their forms, and what the client fetches ahead, 4 MiB packed for each partition. A
million events would be two gigabytes."""

FLAT_WITHIN_BYTES = 24 * 1024 * 1024
"""Once every kind of work was done a few times. The allocator moves by less; 60,000 events of 700 bytes are more."""

SETTINGS = {
    "TOCSIN_INTAKE_BACKLOG_LIMIT_RECORDS": str(LIMIT_RECORDS),
    "TOCSIN_VERIFIER_OVERDUE_REFRESH_SECONDS": "1",
}


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundStack]:
    """Without those who would hear of the verdicts: the machine is to be the verifier's."""
    layout = Layout(
        home=tmp_path_factory.mktemp("behind"),
        cache=Layout.from_environment().cache,
        port_base=free_port_base(),
        partitions=3,
        services=("intake", "verifier"),
        settings=SETTINGS,
    )
    with throwaway_stack(layout) as stack:
        yield stack


def push(stack: BackgroundStack) -> httpx.Response:
    return httpx.post(
        f"{stack.endpoints.services['intake']}/v1/submissions",
        content=b"timestamp,ip\nyesterday,192.0.2.1\n",
        headers={"Authorization": f"Bearer {stack.endpoints.partner_key}"},
        params={"report_type": "scan_smb"},
        verify=NOBODY_IS_TRUSTED,
    )


def until_answered(stack: BackgroundStack, status_code: int) -> httpx.Response:
    def look() -> httpx.Response | None:
        answer = push(stack)
        return answer if answer.status_code == status_code else None

    return until(look, seconds=PATIENCE_SECONDS)


def handled(stack: BackgroundStack) -> float:
    """Raw indicators, by the verifier."""
    text = (
        httpx.get(f"{stack.endpoints.services['verifier']}/metrics", verify=NOBODY_IS_TRUSTED).raise_for_status().text
    )
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    name, labels = "tocsin_events_handled_total", {"service": "verifier", "event": "RawIndicator"}
    return sum(sample.value for sample in samples if sample.name == name and sample.labels == labels)


def greatest_memory(stack: BackgroundStack, verifier: psutil.Process, *, until_handled: int) -> int:
    """Until so many events are handled."""
    greatest = 0
    give_up = time.monotonic() + PATIENCE_SECONDS
    while handled(stack) < until_handled:
        assert time.monotonic() < give_up, f"{handled(stack)} of {until_handled} events were handled"
        greatest = max(greatest, verifier.memory_info().rss)
        time.sleep(0.05)
    return greatest


def test_intake_refuses_for_a_while_and_the_verifier_catches_up_in_little_memory(stack: BackgroundStack) -> None:
    verifier = psutil.Process(stack.pid("verifier") or 0)
    before = verifier.memory_info().rss

    verifier.suspend()
    asyncio.run(fill(stack.endpoints.kafka, count=EVENTS))
    refused = until_answered(stack, 429)
    verifier.resume()
    early = greatest_memory(stack, verifier, until_handled=SETTLED_IN)
    late = greatest_memory(stack, verifier, until_handled=LOOKED_AT)

    assert says_when_to_come_back(refused, code="pipeline-behind")
    assert "records wait to be checked" in refused.json()["detail"]
    assert late - before < GROWTH_AT_MOST_BYTES
    assert late - early < FLAT_WITHIN_BYTES
    assert until_answered(stack, 422).json()["type"] == "/problems/all-records-rejected"

"""A whole system to be attacked: one of each service, no limits on how often, and something in every book."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bench.feed import feed, ripe_dump
from deploy.local.background import throwaway_stack
from deploy.local.endpoints import Endpoints
from deploy.local.layout import SERVICES, Layout
from deploy.local.ports import free_port_base
from deploy.local.reachability import NOBODY_IS_TRUSTED

UNLIMITED = "1000000"
SETTINGS = {
    "TOCSIN_INTAKE_REQUESTS_BURST": UNLIMITED,
    "TOCSIN_INTAKE_REQUESTS_PER_MINUTE": UNLIMITED,
    "TOCSIN_FEEDBACK_VERIFY_BURST": UNLIMITED,
    "TOCSIN_FEEDBACK_VERIFY_PER_MINUTE": UNLIMITED,
    # Webhooks are refused but at a port where nobody listens: nothing leaves this machine.
    "TOCSIN_INTAKE_WEBHOOK_INSECURE": "false",
    "TOCSIN_INTAKE_WEBHOOK_PORTS": "1",
    **{f"TOCSIN_NOTIFIER_WINDOW_{severity}_SECONDS": "0" for severity in ("HIGH", "MEDIUM", "LOW", "INFO")},
    **{f"TOCSIN_{service.upper()}_LOG_LEVEL": "warning" for service in SERVICES},
}
RECORDS = 30
SETTLED_WITHIN_SECONDS = 120.0


@contextmanager
def ground(home: Path) -> Iterator[Endpoints]:
    layout = Layout(
        home=home,
        cache=Layout.from_environment().cache,
        port_base=free_port_base(),
        partitions=1,
        settings=SETTINGS,
    )
    with throwaway_stack(layout) as stack:
        _fill(stack.endpoints)
        yield stack.endpoints


def _fill(endpoints: Endpoints) -> None:
    """Let a feed go all the way, so that every list has items, whose ids are tried elsewhere."""
    with _client(endpoints.services["attribution"], endpoints.admin_token) as attribution:
        attribution.post("/v1/imports/ripe", content=ripe_dump()).raise_for_status()
    with _client(endpoints.services["intake"], endpoints.partner_key) as intake:
        payload = b"".join(feed(RECORDS, now=datetime.now(UTC)))
        push = intake.post("/v1/submissions", content=payload, params={"report_type": "scan_smb"}).raise_for_status()
        give_up = time.monotonic() + SETTLED_WITHIN_SECONDS
        while intake.get(push.json()["links"]["self"]).json()["outcomes"].get("pending"):
            if time.monotonic() > give_up:
                raise TimeoutError("the records that were pushed do not come to rest")
            time.sleep(0.1)


def _client(url: str, token: str) -> httpx.Client:
    return httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, verify=NOBODY_IS_TRUSTED
    )

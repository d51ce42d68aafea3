"""A whole system to be attacked: one of each service, no limits on how often, nothing that leaves this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.background import BackgroundStack, throwaway_stack
from deploy.local.layout import Layout
from deploy.local.ports import free_port_base

UNLIMITED = "1000000"
SETTINGS = {
    "TOCSIN_INTAKE_REQUESTS_BURST": UNLIMITED,
    "TOCSIN_INTAKE_REQUESTS_PER_MINUTE": UNLIMITED,
    "TOCSIN_INTAKE_WEBHOOK_INSECURE": "false",
    "TOCSIN_INTAKE_WEBHOOK_PORTS": "1",
    "TOCSIN_FEEDBACK_VERIFY_BURST": UNLIMITED,
    "TOCSIN_FEEDBACK_VERIFY_PER_MINUTE": UNLIMITED,
}
"""Webhooks are refused but at a port where nobody listens."""


@contextmanager
def ground(home: Path) -> Iterator[BackgroundStack]:
    layout = Layout(
        home=home,
        cache=Layout.from_environment().cache,
        port_base=free_port_base(),
        partitions=1,
        settings=SETTINGS,
    )
    with throwaway_stack(layout) as stack:
        yield stack

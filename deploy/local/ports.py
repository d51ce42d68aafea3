"""Ports for one more stack on this machine."""

import socket

from deploy.local.complaints import Complaint
from deploy.local.layout import HOST

PORTS_OF_A_STACK = 30
FIRST, LAST, STEP = 20_000, 30_000, 100


def free_port_base() -> int:
    """The first base whose ports nobody listens on."""
    for base in range(FIRST, LAST, STEP):
        if all(_is_free(base + offset) for offset in range(PORTS_OF_A_STACK)):
            return base
    raise Complaint(f"All ports from {FIRST} to {LAST} are taken.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex((HOST, port)) != 0

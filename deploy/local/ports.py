"""Ports: which are free, who has those that are not, and where one more stack fits on this machine."""

import random
import socket
from contextlib import suppress

import psutil

from deploy.local.complaints import Complaint
from deploy.local.layout import HOST

PORTS_OF_A_STACK = 100
"""All that a stack may ever use: those that it always has, and those of its replicas."""

# Below the range from which systems hand out ports by themselves.
FIRST, LAST = 20_000, 30_000


def free_port_base() -> int:
    """A base whose ports are all free; a random one, because another test run may look at the same moment."""
    for base in random.sample(range(FIRST, LAST, PORTS_OF_A_STACK), k=(LAST - FIRST) // PORTS_OF_A_STACK):
        if all(is_free(base + offset) for offset in range(PORTS_OF_A_STACK)):
            return base
    raise Complaint(f"All ports from {FIRST} to {LAST} are taken.")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections just closed do not count
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def listener(port: int) -> str:
    """Who listens there, as `name (process n)`; empty when the system does not tell us."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""

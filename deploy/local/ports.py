"""Ports: which are free, who has those that are not, and where one more stack fits on this machine."""

import fcntl
import os
import random
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from deploy.local.complaints import Complaint
from deploy.local.layout import HOST

PORTS_OF_A_STACK = 100
"""All that a stack may ever use: those that it always has, and those of its replicas."""

# Below the range from which systems hand out ports by themselves.
FIRST, LAST = 20_000, 30_000

CLAIMED_SECONDS = 120.0
"""Whoever has found a base needs some time until its ports are taken; nobody else finds the same one meanwhile."""


def free_port_base() -> int:
    """A base whose ports are all free, and which nobody else who looks at the same moment is given."""
    for base in random.sample(range(FIRST, LAST, PORTS_OF_A_STACK), k=(LAST - FIRST) // PORTS_OF_A_STACK):
        if all(is_free(base + offset) for offset in range(PORTS_OF_A_STACK)) and _claim(base):
            return base
    raise Complaint(f"All ports from {FIRST} to {LAST} are taken.")


def _claim(base: int) -> bool:
    claims = Path(tempfile.gettempdir()) / f"tocsin-ports-{os.getuid()}"
    claims.mkdir(exist_ok=True)
    claim = claims / str(base)
    with (claims / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if claim.exists() and time.time() - claim.stat().st_mtime <= CLAIMED_SECONDS:
            return False
        claim.touch()
    return True


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

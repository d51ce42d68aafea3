"""What can go wrong on somebody's machine, in sentences that say what to do."""

from collections.abc import Mapping, Sequence
from pathlib import Path


class Complaint(Exception):
    """A failure whose message is all that a person needs: shown without a traceback, exit code 1."""


def ports_taken(holders: Mapping[str, str]) -> Complaint:
    """`holders`: who has it, by `port (part)`; empty when the system does not tell."""
    taken = [f"Port {port} is taken{f' by {holder}' if holder else ''}." for port, holder in holders.items()]
    return Complaint("\n".join((*taken, "Stop that, or set TOCSIN_PORT_BASE to another number, e.g. 9100.")))


def not_ours(folder: Path) -> Complaint:
    return Complaint(
        f"The stack in {folder} belongs to another user, or that folder is closed to us. "
        "Set TOCSIN_HOME to a folder of your own."
    )


def disk_full(folder: Path, *, free_bytes: int, needed_bytes: int) -> Complaint:
    return Complaint(
        f"Only {free_bytes // 2**20} MB are free in {folder}, and {needed_bytes // 2**20} MB are needed. "
        "Free some, or set TOCSIN_HOME to a folder on another disk."
    )


def not_writable(folder: Path, reason: str) -> Complaint:
    return Complaint(f"Cannot write in {folder}: {reason}. Make it writable, or set TOCSIN_HOME to another folder.")


def no_network(missing: int, reason: str) -> Complaint:
    return Complaint(
        f"{missing} of Kafka's files could not be fetched: {reason}. The first start needs the "
        "network: HTTPS_PROXY is honoured, TOCSIN_LOCAL_MAVEN_MIRROR names another repository than Maven Central. "
        "What came so far is kept, so just try again."
    )


def wrong_checksum(name: str) -> Complaint:
    return Complaint(
        f"{name} is not the file that deploy/local/kafka.lock names: its SHA-256 differs. It was thrown away. "
        "Try again; if this stays, something between here and Maven Central alters downloads."
    )


def busy(pid: int) -> Complaint:
    return Complaint(f"A stack is being started or stopped here right now (process {pid}). Try again in a moment.")


def died(name: str, *, exit_code: int, last_lines: Sequence[str]) -> str:
    how = f"was killed by signal {-exit_code}" if exit_code < 0 else f"stopped with exit code {exit_code}"
    told = " Its last lines:" if last_lines else ""
    return "\n".join((f"{name} {how}.{told}", *(f"  | {line}" for line in last_lines)))


def keeps_dying(name: str, *, times: int, log: Path) -> Complaint:
    return Complaint(f"{name} stopped {times} times within a minute; giving up and stopping everything. See {log}.")


def given_up(name: str, *, last_lines: Sequence[str]) -> Complaint:
    end = "its log ends with:" if last_lines else "its log is empty."
    return Complaint(
        "\n".join((f"{name} is not started again any more; {end}", *(f"  | {line}" for line in last_lines)))
    )


def never_ready(name: str, *, seconds: float, log: Path, last_lines: Sequence[str]) -> Complaint:
    return Complaint(
        "\n".join(
            (
                f"{name} was not ready after {seconds:.0f} s. See {log}; it ends with:",
                *(f"  | {line}" for line in last_lines),
            )
        )
    )


def no_unprivileged_user() -> Complaint:
    return Complaint(
        "PostgreSQL refuses to run as root, and there is no user `nobody` here to run it as. Start the stack as an "
        "ordinary user, or set TOCSIN_LOCAL_POSTGRES_URL to a server of your own."
    )


def will_not_stop(pid: int, *, seconds: float) -> Complaint:
    return Complaint(
        f"The stack (process {pid}) was asked to stop and still runs after {seconds:.0f} s. Try `kill -9 {pid}`."
    )

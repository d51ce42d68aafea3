"""What has to hold before anything is started, so that a failure is a sentence and not a log to read."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from deploy.local import complaints
from deploy.local.downloads import fetch_jars, missing_jars
from deploy.local.kafka_lock import jars_folder, maven_central, read_lock
from deploy.local.layout import Layout
from deploy.local.ports import is_free, listener
from deploy.local.progress import download_progress
from deploy.local.register import sweep

NEEDED_BYTES = 2**30


def make_folders(layout: Layout) -> None:
    """All but the first are closed to others: they hold partners' payloads and recipients' mails."""
    private = (layout.logs, layout.mail, layout.payloads, layout.kafka, jars_folder(layout.cache))
    for folder in (layout.home, *private):
        try:
            folder.mkdir(mode=0o700 if folder in private else 0o755, parents=True, exist_ok=True)
            probe = folder / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise complaints.not_writable(folder, error.strerror or str(error)) from error


async def preflight(layout: Layout, *, console: Console) -> None:
    """Clear away what a killed stack left, check disk and ports, fetch Kafka. Holds no part's process."""
    layout.endpoints.unlink(missing_ok=True)
    killed_before = layout.processes.exists()
    left = sweep(layout.processes)
    if killed_before:
        stopped = f"stopped what it left running: {', '.join(left)}" if left else "nothing of it was left running"
        console.print(f"The last stack was killed without a chance to stop; {stopped}.")
    _check_disk(layout.home)
    parts = {part: layout.port(part) for part in layout.own_parts}
    _check_ports(parts | dict(layout.service_ports) | dict(layout.mail_doors) | dict(layout.return_doors))
    if not layout.external_kafka:
        await _fetch_kafka(layout, console=console)


async def _fetch_kafka(layout: Layout, *, console: Console) -> None:
    folder = jars_folder(layout.cache)
    missing = missing_jars(read_lock(), folder=folder)
    if missing:
        repository = layout.maven_mirror or maven_central()
        with download_progress(console) as progress:
            await fetch_jars(missing, repository=repository, folder=folder, progress=progress)


def _check_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise complaints.disk_full(folder, free_bytes=free, needed_bytes=NEEDED_BYTES)


def _check_ports(ports: Mapping[str, int]) -> None:
    taken = {f"{port} ({part})": listener(port) for part, port in ports.items() if not is_free(port)}
    if taken:
        raise complaints.ports_taken(taken)

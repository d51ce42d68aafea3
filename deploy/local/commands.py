"""The commands: what a person asks of the stack, and what they read then."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from deploy.local import complaints
from deploy.local.accounts import remove_cluster
from deploy.local.complaints import Complaint
from deploy.local.endpoints import read_endpoints
from deploy.local.layout import PROJECT, Layout
from deploy.local.locks import holder, sole_holder
from deploy.local.preflight import make_folders, preflight
from deploy.local.register import sweep
from deploy.local.stack import running_stack
from deploy.local.tail import Tail

STOP_SECONDS = 90
SECONDS_BETWEEN_LOOKS = 0.1


def up(layout: Layout, *, console: Console) -> None:
    """Have the stack running in the background; returns when all is ready."""
    if pid := holder(layout.lock):
        _say_it_runs(layout, pid=pid, console=console)
    else:
        _start(layout, console=console)
    _say_addresses(layout, console=console)


def run(layout: Layout, *, console: Console) -> None:
    """Run the stack here until SIGINT, SIGTERM, or a part that cannot be kept running (`Complaint`)."""
    with suppress(asyncio.CancelledError):
        asyncio.run(_run(layout, console=console))
    console.print("Stopped.")


def down(layout: Layout, *, console: Console) -> None:
    """Stop the stack, wherever it was started; also sweep what a killed one left."""
    pid = holder(layout.lock)
    if not pid:
        left = sweep(layout.processes)
        layout.endpoints.unlink(missing_ok=True)
        console.print(f"Stopped what a killed stack had left: {', '.join(left)}." if left else "Nothing is running.")
        return
    os.kill(pid, signal.SIGTERM)
    give_up = time.monotonic() + STOP_SECONDS
    while holder(layout.lock):
        if time.monotonic() > give_up:
            raise complaints.will_not_stop(pid, seconds=STOP_SECONDS)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    console.print("Stopped.")


def clean(layout: Layout, *, console: Console) -> None:
    """Stop the stack and delete everything it kept. What others put into its folder and the cache of downloads stay."""
    down(layout, console=console)
    remove_cluster(layout)
    for path in layout.made:
        _remove(path)
    console.print(f"Everything the stack kept in {layout.home} is deleted.")


def _start(layout: Layout, *, console: Console) -> None:
    make_folders(layout)
    # Here and not only in the background, because here is the terminal that shows the progress of the download.
    with sole_holder(layout.lock):
        asyncio.run(preflight(layout, console=console))
    supervisor = _start_supervisor(layout)
    try:
        _follow_start(layout, supervisor=supervisor, console=console)
    except KeyboardInterrupt:
        console.print("Interrupted; stopping what was started …")
        supervisor.terminate()
        supervisor.wait()
        raise


async def _run(layout: Layout, *, console: Console) -> None:
    serving = asyncio.create_task(_serve(layout, console=console))

    def stop_once() -> None:
        if not serving.cancelling():  # further signals do not disturb the orderly stop
            serving.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop_once)
    await serving


async def _serve(layout: Layout, *, console: Console) -> None:
    async with running_stack(layout, console=console) as stack:
        if console.is_terminal:  # in the background `up` does it
            _say_addresses(layout, console=console)
        await stack.failure()


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise complaints.not_writable(path.parent, error.strerror or str(error)) from error


def _start_supervisor(layout: Layout) -> "subprocess.Popen[bytes]":
    with (layout.logs / "supervisor.log").open("wb") as log:
        return subprocess.Popen(
            (sys.executable, "-m", "deploy.local", "run"),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _follow_start(layout: Layout, *, supervisor: "subprocess.Popen[bytes]", console: Console) -> None:
    """Show what the supervisor says until all is ready; `Complaint` when it ends instead."""
    said = Tail(layout.logs / "supervisor.log")
    while supervisor.poll() is None and not read_endpoints(layout):
        for line in said.new_lines():
            console.print(line)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    rest = "\n".join(said.new_lines())
    if supervisor.poll() is not None:
        raise Complaint(rest or "The start failed; what was running is stopped again.")
    if rest:
        console.print(rest)


def _say_it_runs(layout: Layout, *, pid: int, console: Console) -> None:
    if not read_endpoints(layout):
        raise complaints.busy(pid)
    console.print(f"The stack is running already (process {pid}).")


def _say_addresses(layout: Layout, *, console: Console) -> None:
    secret = ("admin_token", "partner_key", "postgres")
    endpoints = read_endpoints(layout) or {}
    replicas = {replica["name"]: replica["url"] for replica in endpoints.pop("replicas", ())}
    for name, value in (endpoints | replicas).items():
        if name not in secret:
            console.print(f"  {name:<14} {value}")
    console.print(f"Keys and tokens are in {layout.endpoints}")

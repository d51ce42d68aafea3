"""The performance: start everything, push the feeds, read the mails, tell the story, stop everything."""

import asyncio
import os
import signal
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import httpx
from rich.console import Console

from deploy.demo.apis import apis_of
from deploy.demo.comparison import compare
from deploy.demo.expectations import Expectations, expect, write_beside
from deploy.demo.feeds import LEAST_RECORDS, MOST_RECORDS, Feed, make_feeds
from deploy.demo.layouts import RDP
from deploy.demo.operators import seed
from deploy.demo.play import RATER, Cast, play
from deploy.demo.push import Partners
from deploy.demo.report import Survived, report_of, write_report
from deploy.demo.stage import clear_stage, demo_folder, report_path, set_stage
from deploy.demo.story import say_what_stays, say_where_to_look, tell
from deploy.demo.survival import tell_what_was_survived
from deploy.demo.thread import follow_one
from deploy.demo.trouble import (
    RELAY,
    Trouble,
    begin_trouble,
    deaths,
    end_trouble,
    partners_draw,
    read_trouble,
    struck,
)
from deploy.local.books import reconcile
from deploy.local.complaints import Complaint
from deploy.local.layout import Layout
from deploy.local.stack import Stack, running_stack

RECORDS = 6_000
SEED = 20231003
RECONCILED_SECONDS = 60.0
INTERRUPTED = 130


def main() -> int:
    """Exit code 0 when everything held."""
    console = Console(highlight=False, markup=False)
    try:
        layout = Layout.from_environment()
        records, trouble = _records(), read_trouble(os.environ.get("FAULTS", ""))
        clear_stage(layout, console=console)
        set_stage(layout, in_trouble=bool(trouble))
        layout = replace(layout, relay_faults=trouble.of(RELAY))
        return asyncio.run(_until_stopped(layout, records=records, trouble=trouble, console=console))
    except Complaint as complaint:
        console.print(str(complaint))
        return 1
    except httpx.TransportError as error:
        console.print(f"A service could not be reached ({error!r}). See the logs in {Layout.from_environment().logs}.")
        return 1


def _records() -> int:
    text = os.environ.get("RECORDS") or str(RECORDS)
    if not (text.isdecimal() and LEAST_RECORDS <= int(text) <= MOST_RECORDS):
        raise Complaint(f"RECORDS has to be a number from {LEAST_RECORDS} to {MOST_RECORDS}, not {text!r}.")
    return int(text)


async def _until_stopped(layout: Layout, *, records: int, trouble: Trouble, console: Console) -> int:
    """Run the demo, then keep the stack for whoever sits at a terminal. A signal ends both in an orderly way."""
    performing = asyncio.create_task(_perform(layout, records=records, trouble=trouble, console=console))

    def stop_once() -> None:
        if not performing.cancelling():
            console.print("\nStopping everything …")
            performing.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop_once)
    with suppress(asyncio.CancelledError):
        return await performing
    return INTERRUPTED


async def _perform(layout: Layout, *, records: int, trouble: Trouble, console: Console) -> int:
    started = time.monotonic()
    console.print("Starting Kafka, PostgreSQL, a mail sink and the five services …")
    async with running_stack(layout, console=console, drill=bool(trouble)) as stack:
        telling = _tell(stack, records=records, trouble=trouble, started=started, console=console)
        holds = await _unless_it_fails(telling, stack)
        say_what_stays(layout, console=console)
        if console.is_terminal and os.environ.get("ONCE") != "1":
            say_where_to_look(layout, stack.endpoints, console=console)
            console.print("\nEverything keeps running. Ctrl-C stops it.")
            with suppress(asyncio.CancelledError):
                await stack.failure()
    return 0 if holds else 1


async def _unless_it_fails(telling: Coroutine[None, None, bool], stack: Stack) -> bool:
    """Raise the `Complaint` of a part that can't be kept running, instead of waiting for what it will never do."""
    told, failure = asyncio.create_task(telling), asyncio.create_task(stack.failure())
    try:
        await asyncio.wait({told, failure}, return_when=asyncio.FIRST_COMPLETED)
        if failure.done():
            failure.result()
        return told.result()
    finally:
        told.cancel()
        failure.cancel()
        await asyncio.gather(told, failure, return_exceptions=True)


async def _tell(stack: Stack, *, records: int, trouble: Trouble, started: float, console: Console) -> bool:
    """Everything between the start of the stack and its end; whether all expectations hold."""
    layout, endpoints = stack.layout, stack.endpoints
    async with apis_of(endpoints) as apis:
        console.print("Operators let partners in and bring in organisations and the registry's networks …")
        keys = await seed(apis) | {"demo": endpoints.partner_key}
        now = datetime.now(UTC).replace(microsecond=0)
        feeds, expectations = _feeds(layout, records=records, now=now)
        await begin_trouble(stack, trouble, console=console)
        setup_seconds = time.monotonic() - started
        console.print(f"Ready after {setup_seconds:.0f} s. Partners push {expectations.records:,} records …")
        cast = Cast(
            apis=apis,
            partners=Partners(url=endpoints.services["intake"], keys=keys, draw=partners_draw(trouble, layout)),
            mail_dir=layout.mail,
            console=console,
            calm_down=lambda: end_trouble(stack, trouble, console=console),
            reconcile=lambda: reconcile(layout, wait_seconds=RECONCILED_SECONDS),
        )
        happened = await play(feeds, cast)
        report = report_of(
            happened,
            compare(expectations, happened, may_fail=trouble.may_fail_mails),
            Survived(faults=struck(layout), deaths=deaths(layout)),
            setup_seconds=setup_seconds,
            run_seconds=time.monotonic() - started - setup_seconds,
        )
        write_report(report, report_path(layout))
        thread = await follow_one(happened.ledger, apis, report_type=RDP.report_type, recipient=RATER)
    tell(report, happened.ledger, thread, console=console)
    if trouble:
        tell_what_was_survived(report, trouble, refused=happened.refused, console=console)
    return report.holds


def _feeds(layout: Layout, *, records: int, now: datetime) -> tuple[Sequence[Feed], Expectations]:
    feeds = make_feeds(records=records, seed=SEED, now=now)
    expectations = expect(feeds, seed=SEED, now=now)
    write_beside(feeds, expectations, folder=demo_folder(layout) / "feeds")
    return feeds, expectations

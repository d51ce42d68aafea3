"""`push`: files to an intake, with the key in TOCSIN_KEY, until each is taken or refused."""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from libs.common.errors import TocsinError
from services.intake.gateway.pushing import TIMEOUTS, Answer, Document, Pusher, Tell, Upload

TAKEN, REFUSED, GAVE_UP = 0, 1, 2
"""Exit codes."""

SUMMARY = "push files to an intake; exit code 0: all were taken, 1: some were refused, 2: there was no answer in time"
SHOWN = 10
LOOK_EVERY_SECONDS = 2.0
LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The key is read from TOCSIN_KEY. If it breaks off, start it again: what was taken is not taken twice, and a "
        "file that is pushed again is answered with its first receipt."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--to", required=True, metavar="URL", help="of the intake, as in https://intake.tocsin.example")
    parser.add_argument("--format", metavar="NAME", help="where the files do not show it; GET /v1/formats lists all")
    parser.add_argument("--report-type", metavar="TYPE", help="of Shadowserver, where the files' names do not say it")
    parser.add_argument("--map", metavar="PAIRS", help="theirs:ours,… for a CSV whose columns are called otherwise")
    parser.add_argument("--category", metavar="NAME", help="of a CSV of your own without such a column")
    parser.add_argument("--identifier", metavar="NAME", help="of a CSV of your own without such a column")
    parser.add_argument("--timezone", metavar="ZONE", help="of times in it that say none, as in Europe/Amsterdam")
    parser.add_argument("--dry-run", action="store_true", help="have them read and answered, and nothing kept")
    parser.add_argument("--wait", action="store_true", help="until every record has an outcome")
    parser.add_argument("--patience", type=float, default=1800.0, metavar="SECONDS", help="for each answer (1800)")
    parser.add_argument("--json", action="store_true", help="one answer a line, for programs")


def run(arguments: argparse.Namespace) -> int:
    key = os.environ.get("TOCSIN_KEY", "")
    if trouble := _trouble(arguments, key=key):
        sys.stderr.write(f"{trouble}\n")
        return REFUSED
    told = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    headers = {"Authorization": f"Bearer {key}"}
    code = TAKEN
    with httpx.Client(base_url=arguments.to, headers=headers, timeout=TIMEOUTS) as client:
        pusher = Pusher(client, patience_seconds=arguments.patience, warn=told.print)
        for path in arguments.files:
            try:
                answer = _push(path, arguments, pusher=pusher, told=told)
            except TocsinError as error:
                told.print(f"{path.name}: {error}")
                code = GAVE_UP
            else:
                _show(path, answer, as_json=arguments.json)
                code = code if answer.is_taken else max(code, REFUSED)
    return code


def _trouble(arguments: argparse.Namespace, *, key: str) -> str:
    """What is wrong before anything is sent."""
    address = urlsplit(arguments.to)
    if address.scheme not in {"http", "https"} or not address.hostname:
        return f"{arguments.to} is not the address of an intake; it looks like https://intake.tocsin.example"
    if address.scheme == "http" and address.hostname not in LOCAL:
        return f"{arguments.to} would let anybody on the way read your key; use https"
    if not key:
        return "Put your key into the environment variable TOCSIN_KEY."
    missing = [str(path) for path in arguments.files if not path.is_file()]
    return f"There is no file {', '.join(missing)}." if missing else ""


def _push(path: Path, arguments: argparse.Namespace, *, pusher: Pusher, told: Console) -> Answer:
    named = ("format", "report_type", "map", "category", "identifier", "timezone")
    chosen = {name: getattr(arguments, name) for name in named} | {"dry_run": "true" if arguments.dry_run else None}
    upload = Upload(path=path, params={name: value for name, value in chosen.items() if value})
    with _progress(upload, told) as tell:
        answer = pusher.push(upload, tell=tell)
    submission = answer.body.get("id")
    if not (arguments.wait and answer.is_taken and submission):
        return answer
    receipt = answer.body
    with told.status(f"{path.name}: waiting until every record has an outcome"):
        while receipt["status"] == "processing" or receipt["outcomes"].get("pending"):
            time.sleep(LOOK_EVERY_SECONDS)
            receipt = pusher.receipt(str(submission))
    return Answer(answer.is_taken, answer.is_known, receipt)


@contextmanager
def _progress(upload: Upload, told: Console) -> Iterator[Tell]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=told, transient=True) as progress:
        task = progress.add_task(upload.path.name, total=upload.size_bytes)
        yield lambda sent: progress.update(task, completed=sent)


def _show(path: Path, answer: Answer, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode({"file": path.name, **answer.body}).decode() + "\n")
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"{path.name}: {_taken(answer) if answer.is_taken else _refused(answer.body)}")
    errors = [*answer.body.get("errors", ()), *answer.body.get("warnings", ())]
    for error in errors[:SHOWN]:
        console.print(f"  {_where(error)}: {error['message']} ({error['code']})")
    if len(errors) > SHOWN:
        console.print(f"  … and more; the receipt has them: {_link(answer.body)}")


def _taken(answer: Answer) -> str:
    receipt = answer.body
    before = " (taken before; this is its receipt)" if answer.is_known else ""
    if receipt["status"] == "processing":
        return f"taken, and being read{before}. Its receipt: {_link(receipt)}"
    counts, outcomes = receipt["records"], {name: n for name, n in receipt["outcomes"].items() if n}
    ends = ", ".join(f"{number:,} {name}" for name, number in outcomes.items())
    return (
        f"{counts['total']:,} records, {counts['accepted']:,} accepted, {counts['rejected']:,} rejected{before}. "
        + (f"Of the accepted: {ends}. " if ends else "")
        + (f"Its receipt: {_link(receipt)}" if receipt.get("links") else "Nothing was kept.")
    )


def _refused(problem: Document) -> str:
    return f"refused. {problem.get('title', '')}: {problem.get('detail', problem.get('status', ''))}"


def _where(error: Document) -> str:
    """Receipts and problems name the place in their own ways."""
    field = f", {error['field']}" if error.get("field") else ""
    return str(error.get("where") or f"record {error['record']}{field}")


def _link(receipt: Document) -> str:
    links = receipt.get("links") or {}
    return str(links.get("self", ""))

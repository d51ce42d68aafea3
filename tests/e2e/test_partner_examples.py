"""The examples of docs/for-partners.md, copied into a terminal as a partner would."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import System, until
from tests.e2e.test_trying_out import partner_trying

PAGE = Path(__file__).resolve().parents[2] / "docs" / "for-partners.md"


def examples(language: str) -> str:
    """All blocks of the page in one language, in order: later ones use the files and variables of earlier ones."""
    return "\n".join(blocks(language))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def program(word: str) -> str:
    """The Python program of the page in which a word occurs; each stands by itself."""
    (found,) = [block for block in blocks("python") if word in block]
    return found


@dataclass(slots=True)
class Hook:
    """A partner's receiver of webhooks, and what came: headers and body."""

    url: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    hook = Hook()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            hook.received.append((headers, self.rfile.read(int(headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield hook
    server.shutdown()


def run(*command: str, system: System, folder: Path, hook: Hook) -> str:
    endpoints = system.stack.endpoints
    known = {
        "TOCSIN": endpoints.services["intake"],
        "KEY": endpoints.partner_key,
        "HOOK": hook.url,
        "TEST_KEY": partner_trying(system, mails_to="partner@tester.example").key,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PAGE.parents[1]),
    }
    finished = subprocess.run(
        command, cwd=folder, env=os.environ | known, capture_output=True, text=True, timeout=120, check=False
    )
    assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr}"
    return finished.stdout


@pytest.fixture(scope="module")
def terminal(system: System, hook: Hook, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the shell examples ran, and what they printed."""
    folder = tmp_path_factory.mktemp("partner")
    printed = run("bash", "-euo", "pipefail", "-c", examples("bash"), system=system, folder=folder, hook=hook)
    return folder, printed


def test_the_shell_examples_push_a_file_and_follow_its_records(terminal: tuple[Path, str]) -> None:
    folder, printed = terminal
    receipt = json.loads((folder / "receipt.json").read_text())
    assert receipt["records"] == {"total": 3, "accepted": 2, "rejected": 1}
    assert "1\tnotified\tTOC-" in printed
    assert "3\trejected\tinvalid-ip\t'300.1.1.1' is not an IP address" in printed


@pytest.mark.parametrize(("packed", "files"), [("zstd", 1), ("zip", 2)])
def test_packed_files_are_taken_with_all_their_records(packed: str, files: int, terminal: tuple[Path, str]) -> None:
    folder, _ = terminal
    receipt = json.loads((folder / f"{packed}.json").read_text())
    assert receipt["records"] == {"total": 3 * files, "accepted": 2 * files, "rejected": files}


def test_the_client_tells_what_became_of_a_file(terminal: tuple[Path, str]) -> None:
    _, printed = terminal
    assert "report.csv: 3 records, 2 accepted, 1 rejected. Of the accepted: 2 duplicate." in printed


def test_the_receipt_on_the_page_has_the_fields_of_a_real_one(terminal: tuple[Path, str]) -> None:
    folder, _ = terminal
    shown = next(json.loads(block) for block in [examples("json")])
    assert shown.keys() == json.loads((folder / "receipt.json").read_text()).keys()


def test_the_example_of_a_webhook_is_told_and_believes_it(terminal: tuple[Path, str], hook: Hook) -> None:
    folder, printed = terminal
    page: dict[str, Any] = {}  # Any: the names of a module
    code = next(block for block in PAGE.read_text().split("```") if "def is_from_tocsin" in block)
    exec(code.removeprefix("python\n"), page)
    secret = json.loads((folder / "webhook.json").read_text())["secret"]
    headers, body = next(each for each in hook.received if json.loads(each[1])["type"] == "ping")
    assert page["is_from_tocsin"](headers, body, secret)
    assert not page["is_from_tocsin"](headers, body + b" ", secret)
    assert "ping\t\tdelivered\t1\t204\t" in printed


def test_the_example_of_a_test_is_told_what_would_have_become_of_it(system: System, terminal: tuple[Path, str]) -> None:
    folder, printed = terminal
    assert json.loads((folder / "test.json").read_text())["test"]
    assert "test\t1\tnotified\tSent to you as a test; in earnest " in printed
    assert "test\t3\trejected\t" in printed
    mail = until(lambda: next(iter(system.mails_to("partner@tester.example")), None))
    assert str(mail["Subject"]).startswith("TEST: ")


def test_the_download_has_every_record(terminal: tuple[Path, str]) -> None:
    folder, _ = terminal
    assert len((folder / "records.csv").read_text().splitlines()) == 4


def test_the_python_example_gets_the_receipt_of_the_same_push(
    system: System, terminal: tuple[Path, str], hook: Hook
) -> None:
    folder, _ = terminal
    printed = run(sys.executable, "-c", program("httpx.Client("), system=system, folder=folder, hook=hook)
    assert printed.startswith("{'notified': 2}")
    assert "1 notified TOC-" in printed


def test_the_taxii_examples_tell_of_each_object(system: System, terminal: tuple[Path, str], hook: Hook) -> None:
    folder, _ = terminal
    status = json.loads((folder / "status.json").read_text())
    assert (status["total_count"], len(status["failures"])) == (2, 1)
    printed = run(sys.executable, "-c", program("taxii2client"), system=system, folder=folder, hook=hook)
    assert "1 taken, 1 not\n" in printed
    assert "unsupported-pattern: by =, IN and ISSUBSET it names no asset" in printed


def test_the_python_program_that_sends_a_mail_is_taken(system: System, terminal: tuple[Path, str], hook: Hook) -> None:
    folder, _ = terminal
    run(sys.executable, "-c", program("EmailMessage"), system=system, folder=folder, hook=hook)
    newest = system.partner().get("/v1/submissions", params={"limit": 1}).raise_for_status().json()["items"][0]
    assert (newest["format"], newest["records"]["accepted"]) == ("mail", 2)

"""The client for partners, against a server that is as difficult as intake can be."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

RECEIPT = {
    "id": "01a20d5f-6c1f-7783-b6f3-cd8ba0715474",
    "status": "done",
    "records": {"total": 3, "accepted": 2, "rejected": 1},
    "errors": [{"record": 3, "field": "ip", "code": "invalid-ip", "message": "'300.1.1.1' is not an IP address"}],
    "warnings": [],
    "outcomes": {"pending": 2},
    "links": {"self": "/v1/submissions/01a20d5f-6c1f-7783-b6f3-cd8ba0715474"},
}
SETTLED = {**RECEIPT, "outcomes": {"pending": 0, "notified": 2}}
PROBLEM = {"title": "We can't take this payload", "detail": "the payload is not text/csv", "status": 422}


@dataclass(frozen=True, slots=True)
class Said:
    status: int
    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Intake:
    """Answers from a list, in turn; remembers what it was asked."""

    url: str
    says: list[Said]
    heard: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)


@contextmanager
def intake(*says: Said) -> Iterator[Intake]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            made.heard.append((self.command, self.path, dict(self.headers), body))
            said = made.says.pop(0)
            content = json.dumps(said.body).encode()
            self.send_response(said.status)
            for name, value in {**said.headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Intake(f"http://127.0.0.1:{server.server_port}", list(says))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def push(*arguments: str | Path, key: str = "tck_example") -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "services.intake.jobs", "push", *map(str, arguments))
    environment = {**os.environ, "TOCSIN_KEY": key}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "2026-03-01-scan_smb-nederland.csv"
    path.write_bytes(b'"timestamp","ip"\n"2026-03-01 04:05:06","192.0.2.10"\n')
    return path


def test_what_is_said_of_a_table_goes_with_it(report: Path) -> None:
    said = ("--map", "tijd:seen_at,adres:ip", "--identifier", "open-smb", "--timezone", "Europe/Amsterdam")
    with intake(Said(201, RECEIPT)) as made:
        push(report, "--to", made.url, *said, "--category", "vulnerable/vulnerable-system")

    query = parse_qs(urlsplit(made.heard[0][1]).query)
    assert query == {
        "map": ["tijd:seen_at,adres:ip"],
        "category": ["vulnerable/vulnerable-system"],
        "identifier": ["open-smb"],
        "timezone": ["Europe/Amsterdam"],
    }


def test_a_file_arrives_as_it_is_under_its_name_and_the_key(report: Path) -> None:
    with intake(Said(201, RECEIPT)) as made:
        done = push(report, "--to", made.url, "--report-type", "scan_smb")

    (_, path, headers, body) = made.heard[0]
    assert (done.returncode, body, path) == (0, report.read_bytes(), "/v1/submissions?report_type=scan_smb")
    assert headers["Authorization"] == "Bearer tck_example"
    assert headers["Content-Type"] == "text/csv"
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''2026-03-01-scan_smb-nederland.csv"
    assert "3 records, 2 accepted, 1 rejected" in done.stdout
    assert "record 3, ip: '300.1.1.1' is not an IP address (invalid-ip)" in done.stdout


def test_what_can_not_be_taken_now_is_sent_again_under_the_same_idempotency_key(report: Path) -> None:
    later = Said(429, {"title": "Too much at once"}, {"Retry-After": "1"})
    with intake(later, Said(503, {}, {"Retry-After": "1"}), Said(201, RECEIPT)) as made:
        done = push(report, "--to", made.url)

    assert done.returncode == 0
    assert "429 Too much at once; once more in 1 s" in done.stderr
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in made.heard}) == 1
    assert {body for *_, body in made.heard} == {report.read_bytes()}


def test_the_idempotency_key_is_of_the_content_and_of_what_is_said_of_it(report: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_bytes(report.read_bytes() + b"\n")
    with intake(*[Said(201, RECEIPT)] * 4) as made:
        push(report, report, other, "--to", made.url)
        push(report, "--to", made.url, "--report-type", "scan_rdp")

    first, again, different, said_otherwise = (headers["Idempotency-Key"] for _, _, headers, _ in made.heard)
    assert first == again
    assert len({first, different, said_otherwise}) == 3


def test_a_refusal_is_final_and_the_other_files_are_pushed_all_the_same(report: Path) -> None:
    with intake(Said(422, PROBLEM), Said(200, RECEIPT, {"Idempotent-Replayed": "true"})) as made:
        done = push(report, report, "--to", made.url)

    assert done.returncode == 1
    assert "refused. We can't take this payload: the payload is not text/csv" in done.stdout
    assert "taken before" in done.stdout


def test_waiting_ends_when_every_record_has_an_outcome(report: Path) -> None:
    with intake(Said(202, {**RECEIPT, "status": "processing"}), Said(200, RECEIPT), Said(200, SETTLED)) as made:
        done = push(report, "--to", made.url, "--wait", "--json")

    assert done.returncode == 0
    assert json.loads(done.stdout)["outcomes"] == {"pending": 0, "notified": 2}
    assert [path for _, path, _, _ in made.heard[1:]] == [f"/v1/submissions/{RECEIPT['id']}"] * 2


def test_an_intake_that_stays_away_is_given_up(report: Path) -> None:
    with intake() as made:
        url = made.url
    done = push(report, "--to", url, "--patience", "0")

    assert done.returncode == 2
    assert "no answer for good" in done.stderr


@pytest.mark.parametrize(
    ("to", "key", "complaint"),
    [
        ("intake.example", "tck_example", "is not the address of an intake"),
        ("http://intake.example", "tck_example", "use https"),
        ("https://intake.example", "", "TOCSIN_KEY"),
    ],
)
def test_what_can_not_work_is_said_before_anything_is_sent(report: Path, to: str, key: str, complaint: str) -> None:
    done = push(report, "--to", to, key=key)

    assert done.returncode == 1
    assert complaint in done.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = push(tmp_path / "nowhere.csv", "--to", "https://intake.example")

    assert done.returncode == 1
    assert "nowhere.csv" in done.stderr

"""Payloads with secrets in them go the whole way through intake, in every format; no secret is found anywhere."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
import structlog
from backports import zstd

from libs.common.shutdown import Shutdown
from services.intake.domain.hints import Hints
from services.intake.domain.submissions import Status, Submission
from services.intake.handlers.accepting import Accepted, Push, Refused, Taken
from services.intake.handlers.means import Means
from services.intake.handlers.processing import Processing
from services.intake.handlers.reading import read_again
from services.intake.handlers.receiving import receive
from services.intake.store import submissions
from services.intake.store.partners import add_partner
from services.intake.store.submissions import Order
from tests.conftest import Kafka
from tests.integration.test_intake import PARTNER, means
from tests.zips import zipped

__all__ = ["means"]

CANARY = b"Zx9canaryQ7"
PACKINGS: dict[str | None, Callable[[bytes], bytes]] = {None: bytes, "gzip": gzip.compress, "zstd": zstd.compress}
TRACES = (CANARY, CANARY.lower(), base64.b64encode(CANARY), CANARY.hex().encode())
HEADER = b"email,url,breach,seen_at,password,note\n"
ROW = b"j%d@example.com,https://u:Zx9canaryQ7@example.com/?x=Zx9canaryQ7,Example,2026-03-01T04:05:06Z,Zx9canaryQ7,Zx9canaryQ7\n"
URL = b"https://u:Zx9canaryQ7@h.example/x?token=Zx9canaryQ7"
TIMES = b"2026-03-01T04:05:06Z"
MISP = b"""{"Event":{"uuid":"2f0d8f3c-1111-4222-8333-444455556666","info":"x","date":"2026-03-01","Attribute":[
{"uuid":"2f0d8f3c-1111-4222-8333-444455556667","type":"ip-dst","to_ids":true,"value":"203.0.113.8","timestamp":"1772337906",
 "Tag":[{"name":"rsit:malicious-code=\\"infected-system\\""}]},
{"value":"Zx9canaryQ7","object_relation":"password","type":"text","to_ids":false},{"type":"cookie","value":"a=Zx9canaryQ7"}]}}"""
STIX = b"""{"objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
"created":"2026-03-01T00:00:00.000Z","modified":"2026-03-01T00:00:00.000Z","valid_from":"2026-03-01T00:00:00Z",
"pattern_type":"stix","pattern":"[ipv4-addr:value = '203.0.113.5']","description":"see %s"},
{"type":"user-account","id":"user-account--1","account_login":"joe","credential":"Zx9canaryQ7"}]}"""
XARF = b"""{"xarf_version":"4.2.0","report_id":"5f1c9a52-6b0e-4a55-9f53-0d1f2b7c1a01",
"timestamp":"2026-03-01T04:05:06Z","reporter":{"org":"Ex","contact":"a@example.org","domain":"example.org"},"source_identifier":"192.0.2.77",
"sender":{"org":"Ex","contact":"a@example.org","domain":"example.org"},"category":"vulnerability","type":"open_service",
"service":"rdp","password_patterns":["Zx9canaryQ7"],"sample_records":[{"email":"a@b.nl","pw":"Zx9canaryQ7"}]}"""
TOCSIN = (
    b'{"seen_at":"%s","category":"vulnerable/vulnerable-system","identifier":"open-smb","asset":{"ip":"192.0.2.1"},'
    b'"extra":{"api_key":"Zx9canaryQ7","u":"%s","pin":"Zx9canaryQ7"}}'
) % (TIMES, URL)
PAYLOADS = {
    "tocsin-json": b'{"indicators":[%s]}' % TOCSIN,
    "tocsin-ndjson": TOCSIN + b'\n{"password":"Zx9canaryQ7", broken\n',
    "tocsin-csv": b"seen_at,category,identifier,asset.ip,extra.u\n%s,vulnerable/vulnerable-system,x-y,192.0.2.1,%s\n"
    % (TIMES, URL),
    "shadowserver-csv": b"timestamp,ip,port,password,http_url\n2026-03-01 04:05:06,192.0.2.1,22,Zx9canaryQ7,%s\n" % URL,
    "shadowserver-json": b'[{"timestamp":"2026-03-01 04:05:06","ip":"192.0.2.11","password":["Zx9canaryQ7"]}]',
    "intelmq-json": b'{"time.source":"%s","source.ip":"192.0.2.9","classification.type":"brute-force",'
    b'"extra":"{\\"passwd\\":\\"Zx9canaryQ7\\"}","extra.password":"Zx9canaryQ7","source.url":"%s","raw":"%s"}'
    % (TIMES, URL, base64.b64encode(CANARY)),
    "abusehub-csv": b"reliable_notifier,report_type,event_date,event_time,src_ip,src_url,token\n"
    b"X,botnet,2026-03-01,05:05:06,192.0.2.33,%s,Zx9canaryQ7\n" % URL,
    "misp": MISP,
    "stix": STIX % URL,
    "xarf": XARF,
}
TORN = b'Zx9canaryQ7,Zx9canaryQ7\n"Zx9canaryQ7,\n'
BODY = HEADER + b"".join(ROW % number for number in range(25)) + TORN


async def answered(
    body: bytes, *, means: Means, encoding: str | None = None, name: str | None = None
) -> Accepted | Refused:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 700):
            yield body[at : at + 700]

    hints = Hints(content_encoding=encoding, format_name=name)
    push = Push(partner=PARTNER, hints=hints, idempotency_key=None, dry_run=False, traceparent="")
    return await receive(chunks(), push, means=means, now=datetime.now(UTC))


async def pushed(body: bytes, *, means: Means, encoding: str | None = None, name: str | None = None) -> Accepted:
    answer = await answered(body, means=means, encoding=encoding, name=name)
    assert isinstance(answer, Accepted), answer
    return answer


async def read_to_its_end(taken: Accepted, *, means: Means) -> Submission:
    submission = taken.receipt.submission
    shutdown = Shutdown()
    working = asyncio.create_task(Processing(means, order=Order.OLDEST, retry_max_seconds=0.2).run(shutdown))
    async with asyncio.timeout(60):
        while submission.status is Status.PROCESSING:
            await asyncio.sleep(0.02)
            async with means.database.transaction() as tx:
                submission = await submissions.submission(tx, submission.id, partner_id=None) or submission
    shutdown.request()
    await working
    return submission


def files_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def everything_stored(means: Means) -> bytes:
    """Every row of every table, as text, with what is binary in hexadecimal digits and as it is."""
    stored = []
    async with means.database.transaction() as tx:
        for table in await tx.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            stored += [repr(tuple(row)) for row in await tx.fetch(f'SELECT * FROM "{table["tablename"]}"')]
    return "\n".join(stored).encode()


@pytest.mark.parametrize("encoding", [None, "gzip"])
async def test_the_secrets_of_a_list_are_found_nowhere(
    encoding: str | None, means: Means, kafka: Kafka, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with means.database.transaction() as tx:
        await add_partner(tx, PARTNER)
    body = gzip.compress(BODY) if encoding else BODY
    with structlog.testing.capture_logs() as logs:
        taken = await pushed(body, means=means, encoding=encoding)
        submission = await read_to_its_end(taken, means=means)
    again = await pushed(body, means=means, encoding=encoding)
    messages = [message.value for message in await kafka.read("raw-indicator", wanted=25)]

    assert submission.status is Status.DONE
    assert submission.payload_redacted
    assert (again.taken, again.receipt.submission.id) == (Taken.REPLAYED, submission.id)
    assert (again.receipt.accepted, again.receipt.rejected) == (25, 2)
    assert list(read_again(submission, means=means)) == list(read_again(submission, means=means))
    files = files_in(tmp_path)
    assert len(files) == 1
    printed = "".join(capfd.readouterr())
    found = b"".join(
        (*files, *messages, await everything_stored(means), repr((logs, again)).encode(), printed.encode())
    )
    assert b"j7@example.com" in found
    assert [trace for trace in TRACES if trace in found] == []


@pytest.mark.parametrize("encoding", PACKINGS)
@pytest.mark.parametrize("name", PAYLOADS)
async def test_the_secrets_in_a_payload_are_found_nowhere(
    name: str, encoding: str | None, means: Means, kafka: Kafka, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with means.database.transaction() as tx:
        await add_partner(tx, PARTNER)
    with structlog.testing.capture_logs() as logs:
        taken = await pushed(PACKINGS[encoding](PAYLOADS[name]), means=means, encoding=encoding, name=name)
        submission = await read_to_its_end(taken, means=means)
    messages = [message.value for message in await kafka.read("raw-indicator", wanted=1)]

    assert (submission.status, submission.payload_redacted) == (Status.DONE, True)
    files = files_in(tmp_path)
    assert len(files) == 1
    printed = "".join(capfd.readouterr()).encode()
    stored = await everything_stored(means)
    found = b"".join((*files, *messages, stored, repr((logs, submission)).encode(), printed))
    assert b"192.0.2." in found or b"203.0.113." in found
    assert [trace for trace in TRACES if trace in found] == []


@pytest.mark.parametrize(
    "name", [*(name for name in PAYLOADS if name != "tocsin-csv"), "credentials-csv"]
)  # in that, only a URL has any
async def test_files_with_secrets_in_an_archive_or_a_mail_leave_nothing(
    name: str, means: Means, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with means.database.transaction() as tx:
        await add_partner(tx, PARTNER)
    file_name = "a.csv" if name.endswith("csv") else "a.json"
    body = PAYLOADS.get(name, BODY)
    mail = EmailMessage()
    mail["MIME-Version"] = "1.0"
    mail.add_attachment(body, maintype="application", subtype="octet-stream", filename=file_name)
    with structlog.testing.capture_logs() as logs:
        answers = [
            await answered(zipped((file_name, body)), means=means, name=name),
            await answered(bytes(mail), means=means, name="mail"),
        ]

    assert [each.error.code for each in answers if isinstance(each, Refused)] == ["secrets-not-accepted"] * 2
    assert files_in(tmp_path) == []
    found = await everything_stored(means) + repr((logs, answers, capfd.readouterr())).encode()
    assert [trace for trace in TRACES if trace in found] == []

"""A partner's feed in over REST, a mail out, feedback back: each record accounted for."""

import asyncio
import gzip
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from libs.common.contracts import TOPICS
from tests.conftest import kafka_from_now
from tests.e2e.conftest import System, until

HEADER = "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo"
SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "shadowserver"


def row(address: str, *, port: int = 445, country: str = "NL", age: timedelta = timedelta(hours=3)) -> str:
    seen_at = datetime.now(UTC) - age
    return f'"{seen_at:%Y-%m-%d %H:%M:%S}",high,{address},tcp,{port},host.example.net,smb,64500,{country}'


def feed(*rows: str) -> str:
    return "\n".join((HEADER, *rows)) + "\n"


def push_and_settle(system: System, payload: str, **query: str) -> dict[str, Any]:
    return system.settled(system.push(payload, **query).raise_for_status().json())


def plain_text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    text: str = part.get_content()
    return text


def new_mail_to(system: System, address: str, *, mentions: str) -> EmailMessage:
    def look() -> EmailMessage | None:
        return next((mail for mail in system.mails_to(address) if mentions in plain_text(mail)), None)

    return until(look)


def test_each_record_ends_where_it_belongs(system: System) -> None:
    receipt = push_and_settle(
        system,
        feed(
            row("192.0.2.70"),
            row("192.0.2.70"),
            row("192.0.2.210"),
            row("198.51.100.10"),
            row("192.0.2.212", country="DE"),
            row("192.0.2.64", country="DE"),
            row("192.0.2.72", age=timedelta(days=60)),
            row("10.1.2.3"),
            row("300.1.1.1"),
        ),
        report_type="scan_smb",
    )
    assert receipt["records"] == {"total": 9, "accepted": 8, "rejected": 1}
    ends = {record["record"]: (record["outcome"], record["reason"]) for record in system.records(receipt)}
    assert {number: outcome for number, (outcome, _) in ends.items()} == {
        1: "notified",
        2: "duplicate",
        3: "notified",
        4: "unattributable",
        5: "out-of-scope",
        6: "notified",
        7: "expired",
        8: "refuted",
        9: "rejected",
    }
    assert sum(receipt["outcomes"].values()) == receipt["records"]["accepted"]


def test_the_baker_gets_a_mail_and_the_provider_another(system: System) -> None:
    push_and_settle(system, feed(row("192.0.2.73"), row("192.0.2.211")), report_type="scan_smb")
    baker = new_mail_to(system, "info@bakkerij-jansen.example", mentions="192[.]0[.]2[.]73")
    provider = new_mail_to(system, "abuse@provider.example", mentions="192[.]0[.]2[.]211")
    assert "Bakkerij Jansen" in str(baker["Subject"])
    assert "192[.]0[.]2[.]211" not in plain_text(baker)
    assert "192[.]0[.]2[.]73" not in plain_text(provider)
    assert re.fullmatch(r"TOC-[0-9A-Z]{10}", str(baker["X-Tocsin-Reference"]))
    assert baker["Auto-Submitted"] == "auto-generated"
    assert baker["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [part.get_content_type() for part in baker.iter_parts()] == ["text/plain", "text/html"]


def test_the_same_feed_pushed_again_sends_no_second_mail(system: System) -> None:
    payload = feed(row("192.0.2.74"))
    first = push_and_settle(system, payload, report_type="scan_smb")
    new_mail_to(system, "info@bakkerij-jansen.example", mentions="192[.]0[.]2[.]74")
    before = len(system.mails())
    replayed = system.push(payload, report_type="scan_smb")
    assert (replayed.status_code, replayed.json()["id"]) == (200, first["id"])
    again = push_and_settle(system, payload + "\n", report_type="scan_smb")
    assert again["id"] != first["id"]
    assert again["outcomes"] == {"duplicate": 1}
    assert len(system.mails()) == before


def test_one_record_can_be_followed_from_partner_to_rating_and_in_a_trace(system: System) -> None:
    answer = system.push(feed(row("192.0.2.75")), report_type="scan_smb")
    trace_id = answer.headers["traceparent"].split("-")[1]
    (record,) = system.records(system.settled(answer.json()))
    verdict = system.operator("verifier").get(f"/v1/indicators/{record['indicator_id']}").json()
    evidence = system.operator("attribution").get(f"/v1/attributions/{record['indicator_id']}").json()
    notification = system.operator("notifier").get(f"/v1/notifications/{record['reason']}").json()
    mail = new_mail_to(system, "info@bakkerij-jansen.example", mentions="192[.]0[.]2[.]75")
    assert (record["outcome"], verdict["verdict"]) == ("notified", "verified")
    assert {reason["check"] for reason in verdict["reasons"]} >= {"routable", "fresh", "incident"}
    assert evidence["recipient"]["email"] == "info@bakkerij-jansen.example"
    assert notification["reference"] == mail["X-Tocsin-Reference"] == record["reason"]
    assert notification["state"] == "sent"
    assert system.public().get(f"/verify/{record['reason']}", headers={"Accept": "application/json"}).is_success
    assert rate(system, mail).is_success

    def whole_trace() -> bool | None:
        services = {span.service for span in system.collector.spans if span.trace_id == trace_id}
        wanted = {"tocsin-intake", "tocsin-verifier", "tocsin-attribution", "tocsin-notifier", "tocsin-feedback"}
        return True if services >= wanted else None

    until(whole_trace)


def rate(system: System, mail: EmailMessage) -> Any:  # Any: an HTTP answer
    found = re.search(r"/f/([\w-]+)", plain_text(mail))
    assert found is not None
    return system.public().post(f"/f/{found[1]}", data={"useful": "5", "clear": "4", "text": "Bedankt"})


def test_a_false_positive_closes_its_threat_and_refutes_the_next_record(system: System) -> None:
    receipt = push_and_settle(system, feed(row("192.0.2.76")), report_type="scan_smb")
    (record,) = system.records(receipt)
    mail = new_mail_to(system, "info@bakkerij-jansen.example", mentions="192[.]0[.]2[.]76")
    found = re.search(r"/r/([\w-]+)", plain_text(mail))
    assert found is not None
    page = f"/r/{found[1]}"
    until(lambda: system.public().get(page).is_success or None)
    answer = system.public().post(page, data={"kind": "false-positive", "text": "Dit is een NAS van de buren."})
    assert answer.is_success
    verifier = system.operator("verifier")
    threat_id = verifier.get(f"/v1/indicators/{record['indicator_id']}").json()["threat_id"]

    def closed() -> bool | None:
        threat = verifier.get(f"/v1/threats/{threat_id}").json()
        return True if (threat["state"], threat["closed_reason"]) == ("closed", "false-positive") else None

    until(closed)
    again = push_and_settle(system, feed(row("192.0.2.76", age=timedelta(minutes=1))), report_type="scan_smb")
    assert again["outcomes"] == {"refuted": 1}


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_poison_on_a_topic_ends_in_its_dead_letters_and_holds_up_nothing(system: System, topic: str) -> None:
    async def scenario() -> list[Any]:  # Any: aiokafka's record
        broker = await kafka_from_now(system.stack.endpoints.kafka)
        await broker.put(topic, [(b"any key", b"\x00poison for " + topic.encode())])
        return await broker.read(f"{topic}.dead-letter", wanted=1)

    letters = asyncio.run(scenario())
    assert dict(letters[0].headers)["dead_letter_reason"].startswith(b"not an event")
    receipt = push_and_settle(
        system, feed(row("192.0.2.77", port=1000 + sorted(TOPICS).index(topic))), report_type="scan_smb"
    )
    assert receipt["outcomes"] == {"notified": 1}


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.csv")), ids=lambda path: path.stem)
def test_a_real_sample_is_accepted_and_every_row_has_an_outcome(system: System, path: Path) -> None:
    answer = system.push(path.read_bytes(), report_type=path.stem)
    assert answer.status_code in {200, 201}, answer.text
    receipt = system.settled(answer.json())
    assert receipt["records"]["total"] == len(system.records(receipt))
    assert sum(receipt["outcomes"].values()) == receipt["records"]["accepted"]


def long_line() -> Iterator[bytes]:
    yield HEADER.encode() + b"\n"
    yield from repeat(b"x" * 1024 * 1024, 200)


BROKEN: dict[str, bytes | Callable[[], Iterator[bytes]]] = {
    "a line of 200 MB": long_line,
    "a bomb": gzip.compress(b"\x00" * 100_000_000),
    "truncated gzip": gzip.compress(feed(row("192.0.2.78")).encode())[:-20],
    "empty": b"",
    "html": b"<!DOCTYPE html><html><body>Service unavailable</body></html>",
    "header without rows": HEADER.encode() + b"\n",
    "NUL": (HEADER + "\n").encode() + b"\x00" * 50 + b"\n",
    "wrong encoding": b"\xff\xfe\xfd garbage" * 10,
    "10,000 columns": b",".join(b"c%d" % number for number in range(10_000)) + b"\n",
    "truncated JSON": b'[{"seen_at": "2026-03-01T04:05:06Z", "cat',
}


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_payload_is_refused_in_words_and_leaves_nothing(
    system: System, payload: bytes | Callable[[], Iterator[bytes]]
) -> None:
    before = system.partner().get("/v1/submissions").json()["items"]
    answer = system.push(payload if isinstance(payload, bytes) else payload(), report_type="scan_smb")
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"]
    assert system.partner().get("/v1/submissions").json()["items"] == before
    assert system.partner().get("/health/ready").status_code == 200


def test_the_sums_reconcile(system: System) -> None:
    books = system.compared_books()
    assert books.agree, books.said
    found = system.operator("intake").get("/v1/reconciliation").raise_for_status().json()
    assert found["sound"]
    assert found["pending"] == 0
    assert sum(found["outcomes"].values()) == found["accepted"]

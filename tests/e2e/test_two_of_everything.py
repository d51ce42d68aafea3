"""Two of each service share the work, and one of each may die in the middle of it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.feed import HEADER, feed
from deploy.local.endpoints import ReplicaEndpoint
from deploy.local.layout import SERVICES
from deploy.local.reachability import NOBODY_IS_TRUSTED
from services.notifier.settings import NotifierSettings
from tests.chaos.partner import expected_outcomes
from tests.e2e.conftest import System, until

PIECE_RECORDS = 1000
LARGE_PIECES = 8
RECOVERED_WITHIN_SECONDS = 180
"""A session of the consumers has to end, and then a lease of the notifier; both take most of half a minute."""

DOUBTS_AT_MOST = NotifierSettings.model_fields["smtp_connections"].default


class Partner:
    """Pushes one feed in parts, to the replicas of intake in turn, as behind a proxy."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._pieces = _pieces()
        self._replicas = cycle(system.replicas("intake"))
        until(lambda: nothing_is_pending(system))
        self._mails_before = set(copies_of_mails(system))
        self.pushed_records = 0
        self.receipts: list[dict[str, Any]] = []  # Any: JSON of a receipt

    def push(self, *, pieces: int) -> httpx.Response:
        payload = b"".join((HEADER.encode(), b"\n", *islice(self._pieces, pieces)))
        partner = self._system.partner(next(self._replicas))
        answer = partner.post("/v1/submissions", content=payload, params={"report_type": "scan_smb"}).raise_for_status()
        self.pushed_records += pieces * PIECE_RECORDS
        self.receipts.append(answer.json())
        return answer

    def settled_outcomes(self) -> Counter[str]:
        """Once nothing that was pushed is pending."""
        outcomes: Counter[str] = Counter()
        for receipt in self.receipts:
            outcomes.update(self._system.settled(receipt, seconds=RECOVERED_WITHIN_SECONDS)["outcomes"])
        return outcomes

    def copies_of_mails(self) -> dict[str, list[bool]]:
        """As `copies_of_mails`, of those that came after the first push."""
        copies = copies_of_mails(self._system)
        return {reference: marks for reference, marks in copies.items() if reference not in self._mails_before}

    def references(self) -> set[str]:
        """Of the mails that are said to have left."""
        links = [receipt["links"]["records"] for receipt in self.receipts]
        return {record["reason"] for link in links for record in self._records(link) if record["outcome"] == "notified"}

    def _records(self, link: str) -> Iterator[dict[str, Any]]:  # Any: JSON
        with self._system.partner() as client:
            page: dict[str, Any] = {"next": ""}
            while page["next"] is not None:
                cursor = {"cursor": page["next"]} if page["next"] else {}
                page = client.get(link, params={"limit": 500, **cursor}).raise_for_status().json()
                yield from page["items"]


def _pieces() -> Iterator[bytes]:
    """A thousand lines each, without the header."""
    pieces = feed(1_000_000, now=datetime.now(UTC))
    next(pieces)
    return pieces


def idle_replicas(system: System) -> list[str]:
    """Those that have not handled one event since they started."""
    return [each.name for each in system.replicas() if not events_handled(each)]


def events_handled(replica: ReplicaEndpoint) -> float:
    text = httpx.get(f"{replica.url}/metrics", verify=NOBODY_IS_TRUSTED).raise_for_status().text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return sum(sample.value for sample in samples if sample.name == "tocsin_events_handled_total")


def all_ready(system: System) -> bool | None:
    with suppress(httpx.TransportError):
        answers = [
            httpx.get(f"{each.url}/health/ready", verify=NOBODY_IS_TRUSTED).status_code for each in system.replicas()
        ]
        return True if answers == 2 * len(SERVICES) * [200] else None
    return None


def nothing_is_pending(system: System) -> bool | None:
    """What others pushed before has come to its end, so that every mail from now on is one of ours."""
    with system.operator("intake") as api:
        sums = api.get("/v1/reconciliation").raise_for_status().json()
    return True if sums["pending"] == 0 else None


def copies_of_mails(system: System) -> dict[str, list[bool]]:
    """Of each mail to a network of the feed, by its reference: for every copy, whether it says that it is a second."""
    copies: dict[str, list[bool]] = defaultdict(list)
    for mail in system.mails():
        if "abuse@bench" in str(mail["To"]):
            copies[str(mail["X-Tocsin-Reference"])].append(mail["X-Tocsin-Resend"] == "in-doubt")
    return copies


def mailed_twice_without_need(copies: Mapping[str, Sequence[bool]]) -> list[str]:
    return [reference for reference, marks in copies.items() if marks.count(False) > 1 or len(marks) > 2]


def test_two_of_each_service_work_and_one_of_each_is_killed_in_the_middle(system: System) -> None:
    partner = Partner(system)
    while idle := idle_replicas(system):
        assert partner.pushed_records < 100 * PIECE_RECORDS, f"had nothing to do: {idle}"
        partner.push(pieces=1)

    answers = [partner.push(pieces=LARGE_PIECES) for _ in system.replicas("intake")]
    for service in SERVICES:
        system.stack.kill(f"{service}-2")

    assert [answer.status_code for answer in answers] == [202, 202]
    outcomes = partner.settled_outcomes()
    assert outcomes == expected_outcomes(range(partner.pushed_records))
    books = system.compared_books()
    assert books.agree, books.said
    copies = partner.copies_of_mails()
    assert set(copies) == partner.references()
    assert not mailed_twice_without_need(copies)
    assert sum(len(marks) - 1 for marks in copies.values()) <= DOUBTS_AT_MOST
    until(lambda: all_ready(system))

"""The feeds: reports whose every record is made for an outcome, so that what must happen is known beforehand.

A record that is not simply a threat fails for exactly one reason, so that nothing hangs on the order of the checks. An
address occurs once in all reports of one type, unless a repetition is meant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from deploy.demo import fates
from deploy.demo.fates import Fate
from deploy.demo.layout import Layout
from deploy.demo.layouts import (
    DEVICE_ID,
    DNS,
    ELASTICSEARCH,
    EXCHANGE,
    NATIVE,
    NEW_THING,
    RDP,
    RDP6,
    REDIS,
    SINKHOLE,
    SINKHOLE6,
    SMB,
    TELNET6,
    WEBSITE,
)
from deploy.demo.records import Record, RecordMaker
from deploy.demo.sightings import csv_line
from deploy.demo.world import PARTNERS

LEAST_RECORDS = 1_000
MOST_RECORDS = 20_000
"""More would make mails with more findings than a notification shows over its API; `make bench` is for that."""

MOST_IPV4_RECORDS = 650
"""Three documentation networks have 768 addresses: a bigger demo grows in IPv6."""

OF_A_HUNDRED = {"repeated": 8, "expired": 7, "private": 3, "future": 1, "unreadable": 2, "abroad": 26}
"""What a hundred records are made of; the rest are threats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One report that a partner sends. `weight` is its share of all records.

    `compressed`: on its way only. `repeats_earlier`: it says again what an earlier report of its type has said.
    """

    partner: str
    layout: Layout
    weight: int
    compressed: bool = False
    repeats_earlier: bool = False


PUSHES = (
    Push(partner="shadow-sample", layout=SMB, weight=8),
    Push(partner="shadow-sample", layout=RDP, weight=8),
    Push(partner="shadow-sample", layout=RDP6, weight=9, compressed=True),
    Push(partner="shadow-sample", layout=EXCHANGE, weight=7),
    Push(partner="shadow-sample", layout=ELASTICSEARCH, weight=7),
    Push(partner="shadow-sample", layout=TELNET6, weight=9),
    Push(partner="shadow-sample", layout=SINKHOLE, weight=9),
    Push(partner="shadow-sample", layout=SINKHOLE6, weight=9),
    Push(partner="shadow-sample", layout=DNS, weight=9),
    Push(partner="demo", layout=REDIS, weight=5),
    Push(partner="demo", layout=WEBSITE, weight=4),
    Push(partner="demo", layout=DEVICE_ID, weight=4),
    Push(partner="demo", layout=NEW_THING, weight=2),
    Push(partner="demo", layout=NATIVE, weight=6),
    Push(partner="demo", layout=SMB, weight=3, repeats_earlier=True),
    Push(partner="zolderkamer", layout=NATIVE, weight=1),
)
"""In the order in which they are pushed: what is news and what is a repetition hangs on it."""

PUSHED_TWICE = 4
"""The report that comes a second time, by its place among the pushes."""

_DOUBTED = frozenset(partner.slug for partner in PARTNERS if partner.reliability == "E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A report, ready to be pushed."""

    push: Push
    file_name: str
    records: Sequence[Record]

    @property
    def report_type(self) -> str:
        return self.push.layout.report_type

    @property
    def content(self) -> bytes:
        """UTF-8, a line each, under a header where the layout has one."""
        header = [csv_line(list(self.push.layout.columns))] if self.push.layout.is_csv else []
        return ("\n".join((*header, *(record.line for record in self.records))) + "\n").encode()


def make_feeds(*, records: int, seed: int, now: datetime) -> list[Feed]:
    """All feeds: `records` records together, the same ones for the same arguments."""
    if not LEAST_RECORDS <= records <= MOST_RECORDS:
        raise ValueError(f"the demo takes {LEAST_RECORDS} to {MOST_RECORDS} records, not {records}")
    maker = RecordMaker(random=Random(seed), now=now)  # noqa: S311 - to be repeatable, not to be secret
    feeds: list[Feed] = []
    for push, size in zip(PUSHES, _sizes(records), strict=True):
        earlier = [feed for feed in feeds if push.repeats_earlier and feed.report_type == push.layout.report_type]
        feeds.append(_feed(push, size, maker, earlier=earlier))
    return feeds


def _sizes(records: int) -> list[int]:
    """By weight. What the IPv4 reports can't hold goes to the IPv6 ones, what rounding leaves over to their last."""
    weights = sum(push.weight for push in PUSHES)
    wanted = [records * push.weight // weights for push in PUSHES]
    sizes = [size if _grows(push) else min(size, MOST_IPV4_RECORDS) for push, size in zip(PUSHES, wanted, strict=True)]
    growing = [place for place, push in enumerate(PUSHES) if _grows(push)]
    extra, odd = divmod(records - sum(sizes), len(growing))
    for place in growing:
        sizes[place] += extra
    sizes[growing[-1]] += odd
    return sizes


def _grows(push: Push) -> bool:
    return push.layout.ip_version == 6 and push.layout.is_csv


def _feed(push: Push, size: int, maker: RecordMaker, *, earlier: Sequence[Feed]) -> Feed:
    records = _records(push, size, maker, earlier=earlier)
    maker.random.shuffle(records)
    extension = "csv" if push.layout.is_csv else "ndjson"
    name = f"{maker.now:%Y-%m-%d}-{push.layout.report_type}-{push.partner}.{extension}"
    return Feed(push=push, file_name=name, records=records)


def _records(push: Push, size: int, maker: RecordMaker, *, earlier: Sequence[Feed]) -> list[Record]:
    """`size` records; where the addresses for threats run out, more from abroad."""
    many = {kind: size * share // 100 for kind, share in OF_A_HUNDRED.items()}
    held = _fate_if_held(push)
    room = size - sum(many.values())
    findings = maker.held(push.layout, room, fate=held) if held else maker.threats(push.layout, room)
    known = [record for feed in earlier for record in feed.records if record.fate.is_threat]
    made = [
        *findings,
        *maker.repeated(push.layout, known or findings, many["repeated"]),
        *maker.expired(push.layout, many["expired"]),
        *maker.private(push.layout, many["private"]),
        *maker.future(push.layout, many["future"]),
        *maker.unreadable(push.layout, many["unreadable"]),
    ]
    return [*made, *maker.abroad(push.layout, size - len(made))]


def _fate_if_held(push: Push) -> Fate | None:
    """What becomes of findings that can't be mailed without a person; None for those that can."""
    if push.partner in _DOUBTED:
        return fates.DOUBTED
    return fates.UNKNOWN_FINDING if all(finding.incident is None for finding in push.layout.findings) else None

"""The expectations: what must become of the feeds, added up from how each record was made, written beside them.

Nothing here asks a service anything, and nothing uses a service's code.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from deploy.demo.fates import REJECTED, Fate
from deploy.demo.feeds import PUSHED_TWICE, Feed
from deploy.demo.places import NETWORKS, NEVER_WRITTEN_TO
from deploy.demo.records import Record
from deploy.demo.world import Standing
from libs.common.vocabulary import Outcome


class FileExpectation(msgspec.Struct, frozen=True, kw_only=True):
    """One report: its records as intake must count them, and where the accepted ones must end."""

    file: str
    partner: str
    records: int
    accepted: int
    rejected: int
    outcomes: dict[str, int]


class MailExpectation(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient must read of these assets in mails about this incident: in one or more, each asset once."""

    recipient: str
    incident: str
    assets: list[str]


class Expectations(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `again` is the report that comes twice; `approval` holds whose mails wait for a person."""

    made_at: datetime
    seed: int
    records: int
    files: list[FileExpectation]
    again: FileExpectation
    mails: list[MailExpectation]
    approval: list[str]
    never_written_to: list[str]

    @property
    def recipients(self) -> set[str]:
        return {mail.recipient for mail in self.mails}

    @property
    def outcomes(self) -> Counter[str]:
        """Of everything that is pushed, the report that comes twice included."""
        return sum((Counter(file.outcomes) for file in (*self.files, self.again)), Counter[str]())


def expect(feeds: Sequence[Feed], *, seed: int, now: datetime) -> Expectations:
    return Expectations(
        made_at=now,
        seed=seed,
        records=sum(len(feed.records) for feed in feeds),
        files=[_of_file(feed, _outcomes(feed.records)) for feed in feeds],
        again=_of_file(feeds[PUSHED_TWICE], _outcomes_again(feeds[PUSHED_TWICE].records)),
        mails=_mails(record.fate for feed in feeds for record in feed.records),
        approval=sorted(place.recipient or "" for place in NETWORKS if place.standing is Standing.UNSURE),
        never_written_to=sorted(NEVER_WRITTEN_TO),
    )


def write_beside(feeds: Sequence[Feed], expectations: Expectations, *, folder: Path) -> None:
    """The feeds as files, for each the fates of its records with their reasons, and `expectations.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    for feed in feeds:
        (folder / feed.file_name).write_bytes(feed.content)
        (folder / f"{feed.file_name}.fates").write_text(fates_of(feed), encoding="utf-8")
    written = msgspec.json.format(msgspec.json.encode(expectations), indent=2)
    (folder / "expectations.json").write_bytes(written + b"\n")


def fates_of(feed: Feed) -> str:
    """A line for each record: its number, where it must end, and why."""
    numbered = enumerate((record.fate for record in feed.records), start=1)
    return "".join(f"{number:>6}  {fate.outcome:<14}  {fate.because}\n" for number, fate in numbered)


def _of_file(feed: Feed, outcomes: Counter[str]) -> FileExpectation:
    accepted = outcomes.total()
    return FileExpectation(
        file=feed.file_name,
        partner=feed.push.partner,
        records=len(feed.records),
        accepted=accepted,
        rejected=len(feed.records) - accepted,
        outcomes=dict(sorted(outcomes.items())),
    )


def _outcomes(records: Iterable[Record]) -> Counter[str]:
    return Counter(record.fate.outcome for record in records if record.fate.outcome != REJECTED)


def _outcomes_again(records: Iterable[Record]) -> Counter[str]:
    """What becomes of the same records a second time: threats are known by then, the rest is as it was."""
    readable = (record.fate for record in records if record.fate.outcome != REJECTED)
    return Counter(Outcome.DUPLICATE.value if fate.is_threat else fate.outcome for fate in readable)


def _mails(fates: Iterable[Fate]) -> list[MailExpectation]:
    told: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for fate in fates:
        if fate.recipient and fate.incident and fate.asset:
            told[fate.recipient, fate.incident].add(fate.asset)
    return [
        MailExpectation(recipient=recipient, incident=incident, assets=sorted(assets))
        for (recipient, incident), assets in sorted(told.items())
    ]

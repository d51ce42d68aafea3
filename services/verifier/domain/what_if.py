"""What other rules would have made of records that came: each is judged by both, and the difference is told."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import Asset, ListedOperator, RawIndicator
from services.verifier.domain.judgement import judge_all, threat_after
from services.verifier.domain.rules import Rules
from services.verifier.domain.values import FalsePositive, History, Judgement, Threat

SAMPLES = 5
VERIFIED, LISTED = "verified", "listed"
GOES_ON = {VERIFIED, LISTED}
VITAL = "vital"
"""The check by which what goes on goes to one or to the other."""


class Told(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A threat that goes on to be attributed, with all by which its recipient is found.

    `asn`, `country`, `category` and `certificate_name` are what its record says beside the asset; `listed` where
    another team warns its owner.
    """

    threat_id: UUID
    incident: str
    asset: Asset
    asn: int | None = None
    country: str | None = None
    category: str = ""
    certificate_name: str | None = None
    listed: ListedOperator | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Records that would end another way than now; `because` counts the checks that decided, under the draft."""

    now: str
    draft: str
    records: int
    because: Mapping[str, int]
    samples: tuple[UUID, ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes by both sets of rules, and where they differ.

    `verified` stands for what goes on, and `listed` for what goes on to the team that warns its owner.
    """

    records: int
    now: Mapping[str, int]
    draft: Mapping[str, int]
    changes: tuple[Change, ...]
    incidents: Mapping[str, int]
    """Of the records that change, by the incident that the draft puts them in."""
    partners: Mapping[str, int]
    more: tuple[Told, ...]
    """What would be told that is not told now, or another way: each threat once."""
    fewer: tuple[Told, ...]
    alike: tuple[Told, ...]
    """What both tell the same way, of incidents of which they tell other things: it may be in the same mails."""


class Side:
    """One set of rules, and what it has made known so far."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._threats: dict[UUID, Threat] = {}
        self.told: dict[UUID, Told] = {}

    def learn(self, threats: Iterable[Threat]) -> None:
        """What was known before the first record that is judged again."""
        self._threats.update((threat.threat_id, threat) for threat in threats)

    def judge(
        self,
        events: Sequence[RawIndicator],
        threat_ids: Iterable[UUID],
        wrong: Mapping[str, tuple[FalsePositive, ...]],
        at: datetime,
    ) -> list[Judgement]:
        threats = {each: self._threats[each] for each in threat_ids if each in self._threats}
        judgements = judge_all(events, History(threats=threats, false_positives=wrong), self._rules, at)
        for judgement in judgements:
            if judgement.verdict == "verified":
                before = self._threats.get(judgement.threat_id)
                self._threats[judgement.threat_id] = threat_after(judgement, before)
            if judgement.outcome is None and judgement.threat_id not in self.told:
                self.told[judgement.threat_id] = _told(judgement)
        return judgements


class Comparing:
    """Both sides, record by record."""

    def __init__(self, *, now: Rules, draft: Rules) -> None:
        self.now = Side(now)
        self.draft = Side(draft)
        self._records = 0
        self._outcomes: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._because: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._samples: dict[tuple[str, str], list[UUID]] = defaultdict(list)
        self._incidents: Counter[str] = Counter()
        self._partners: Counter[str] = Counter()

    def add(self, pairs: Iterable[tuple[Judgement, Judgement]]) -> None:
        for now, draft in pairs:
            ends = (_end_of(now), _end_of(draft))
            self._records += 1
            self._outcomes[0][ends[0]] += 1
            self._outcomes[1][ends[1]] += 1
            if ends[0] == ends[1]:
                continue
            self._because[ends][VITAL if set(ends) == GOES_ON else draft.reason] += 1
            self._incidents[draft.incident or ""] += 1
            self._partners[draft.indicator.partner] += 1
            if len(self._samples[ends]) < SAMPLES:
                self._samples[ends].append(draft.indicator.indicator_id)

    def result(self) -> Comparison:
        now, draft = self.now.told, self.draft.told
        more, fewer = _only_in(draft, now), _only_in(now, draft)
        differ = {told.incident for told in (*more, *fewer)}
        changes = (
            Change(
                now=now, draft=draft, records=because.total(), because=because, samples=tuple(self._samples[now, draft])
            )
            for (now, draft), because in self._because.items()
        )
        return Comparison(
            records=self._records,
            now=self._outcomes[0],
            draft=self._outcomes[1],
            changes=tuple(sorted(changes, key=lambda change: -change.records)),
            incidents=self._incidents,
            partners=self._partners,
            more=more,
            fewer=fewer,
            alike=tuple(told for told in now.values() if told.incident in differ and draft.get(told.threat_id) == told),
        )


def _end_of(judgement: Judgement) -> str:
    if judgement.outcome is not None:
        return judgement.outcome.value
    return VERIFIED if judgement.listed is None else LISTED


def _told(judgement: Judgement) -> Told:
    indicator = judgement.indicator.indicator
    return Told(
        threat_id=judgement.threat_id,
        incident=judgement.incident or "",
        asset=indicator.asset,
        asn=indicator.asn,
        country=sys.intern(indicator.geo_country) if indicator.geo_country else None,  # few, and kept for all records
        category=sys.intern(indicator.category),
        certificate_name=indicator.certificate_name,
        listed=judgement.listed,
    )


def _only_in(one: Mapping[UUID, Told], other: Mapping[UUID, Told]) -> tuple[Told, ...]:
    return tuple(told for threat_id, told in one.items() if other.get(threat_id) != told)

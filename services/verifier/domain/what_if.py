"""What other rules would have made of records that came: each is judged by both, and the difference is told."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import Asset, ListedOperator, RawIndicator
from services.verifier.domain.corroboration import DOUBT
from services.verifier.domain.judgement import judge_all
from services.verifier.domain.rules import Rules
from services.verifier.domain.sightings import held_with, threat_after
from services.verifier.domain.values import FalsePositive, HeldSighting, History, Judgement, Threat, Verdict
from services.verifier.domain.waiting import Waiting

SAMPLES = 5
VERIFIED, LISTED = "verified", "listed"
GOES_ON = {VERIFIED, LISTED}
VITAL = "vital"
"""The check by which what goes on goes to one or to the other."""
CONFIRMED = "corroborated"
"""The check by which what was held for doubt goes on."""


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
        self._held: dict[UUID, tuple[HeldSighting, ...]] = {}
        self._waiting = Waiting()
        self.told: dict[UUID, Told] = {}
        self.released: dict[UUID, str] = {}
        """How records end that were held for doubt, until somebody else was found to say the same."""

    def learn(self, threats: Iterable[Threat], held: Mapping[UUID, tuple[HeldSighting, ...]]) -> None:
        """What was known, and what was held, before the first record that is judged again."""
        self._threats.update((threat.threat_id, threat) for threat in threats)
        self._held.update(held)

    def judge(
        self,
        events: Sequence[RawIndicator],
        threat_ids: Iterable[UUID],
        wrong: Mapping[str, tuple[FalsePositive, ...]],
        at: datetime,
    ) -> list[Judgement]:
        threats = {each: self._threats[each] for each in threat_ids if each in self._threats}
        held = {each: self._held[each] for each in threat_ids if each in self._held}
        judgements = judge_all(events, History(threats, wrong, held), self._rules, at)
        for judgement in judgements:
            threat_id = judgement.threat_id
            if judgement.verdict is Verdict.VERIFIED:
                self._threats[threat_id] = threat_after(judgement, self._threats.get(threat_id))
            elif judgement.verdict is Verdict.HELD:
                self._held[threat_id] = held_with(judgement, self._held.get(threat_id, ()))
            if judgement.outcome is None and threat_id not in self.told:
                self.told[threat_id] = _told(judgement)
        self._waiting.add(judgements)
        for threat_id in {judgement.threat_id for judgement in judgements if judgement.is_verified}:
            self._release(threat_id, at)
        return judgements

    def _release(self, threat_id: UUID, at: datetime) -> None:
        known = self._threats[threat_id]
        if known.closed_at is None:
            self._threats[threat_id], outcomes = self._waiting.release(known, self._rules, at)
            told = self.told.get(threat_id)
            news = VERIFIED if told is None or told.listed is None else LISTED
            self.released.update((record, outcome.value if outcome else news) for record, outcome in outcomes.items())


class _Ended(msgspec.Struct, frozen=True, gc=False):
    """How a record ends by both sides, and the check that decides by the draft."""

    indicator_id: UUID
    now: str
    draft: str
    because: str
    incident: str
    partner: str


class Comparing:
    """Both sides, record by record."""

    def __init__(self, *, now: Rules, draft: Rules) -> None:
        self.now = Side(now)
        self.draft = Side(draft)
        self._records = 0
        self._doubted: list[_Ended] = []
        """Whatever comes may still confirm these."""
        self._outcomes: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._because: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._samples: dict[tuple[str, str], list[UUID]] = defaultdict(list)
        self._incidents: Counter[str] = Counter()
        self._partners: Counter[str] = Counter()

    def add(self, pairs: Iterable[tuple[Judgement, Judgement]]) -> None:
        for now, draft in pairs:
            self._records += 1
            ended = _Ended(
                indicator_id=draft.indicator.indicator_id,
                now=_end_of(now),
                draft=_end_of(draft),
                because=draft.reason,
                incident=sys.intern(draft.incident or ""),
                partner=sys.intern(draft.indicator.partner),
            )
            if now.reason == DOUBT or draft.reason == DOUBT:
                self._doubted.append(ended)
            else:
                self._count(ended)

    def _count(self, ended: _Ended) -> None:
        ends = (ended.now, ended.draft)
        self._outcomes[0][ended.now] += 1
        self._outcomes[1][ended.draft] += 1
        if ended.now == ended.draft:
            return
        self._because[ends][VITAL if set(ends) == GOES_ON else ended.because] += 1
        self._incidents[ended.incident] += 1
        self._partners[ended.partner] += 1
        if len(self._samples[ends]) < SAMPLES:
            self._samples[ends].append(ended.indicator_id)

    def _count_doubted(self) -> None:
        now, draft = self.now.released, self.draft.released
        for each in self._doubted:
            record = each.indicator_id
            because = CONFIRMED if record in draft else each.because
            self._count(
                msgspec.structs.replace(
                    each, now=now.get(record, each.now), draft=draft.get(record, each.draft), because=because
                )
            )
        self._doubted.clear()

    def result(self) -> Comparison:
        self._count_doubted()
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

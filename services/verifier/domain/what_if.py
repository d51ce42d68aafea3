"""What other rules would have made of records that came: each is judged by both, and the difference is told."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import Asset, RawIndicator
from services.verifier.domain.judgement import judge_all, threat_after
from services.verifier.domain.rules import Rules
from services.verifier.domain.values import FalsePositive, History, Judgement, Threat

SAMPLES = 5


class Told(msgspec.Struct, frozen=True):
    """A threat that goes on to be attributed: what it is about, and where."""

    incident: str
    asset: Asset


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Records that would end another way than now; `because` counts the checks that decided, under the draft."""

    now: str
    draft: str
    records: int
    because: Mapping[str, int]
    samples: tuple[UUID, ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes by both sets of rules, and where they differ. `verified` stands for what goes on."""

    records: int
    now: Mapping[str, int]
    draft: Mapping[str, int]
    changes: tuple[Change, ...]
    incidents: Mapping[str, int]
    """Of the records that change, by the incident that the draft puts them in."""
    partners: Mapping[str, int]
    more: tuple[Told, ...]
    """What would be told that is not told now, each threat once."""
    fewer: tuple[Told, ...]


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
            if judgement.outcome is None:
                told = Told(judgement.incident or "", judgement.indicator.indicator.asset)
                self.told.setdefault(judgement.threat_id, told)
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
            self._because[ends][draft.reason] += 1
            self._incidents[draft.incident or ""] += 1
            self._partners[draft.indicator.partner] += 1
            if len(self._samples[ends]) < SAMPLES:
                self._samples[ends].append(draft.indicator.indicator_id)

    def result(self) -> Comparison:
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
            more=tuple(_only_in(self.draft.told, self.now.told)),
            fewer=tuple(_only_in(self.now.told, self.draft.told)),
        )


def _end_of(judgement: Judgement) -> str:
    return judgement.outcome.value if judgement.outcome else "verified"


def _only_in(one: Mapping[UUID, Told], other: Mapping[UUID, Told]) -> Iterator[Told]:
    return (told for threat_id, told in one.items() if threat_id not in other)

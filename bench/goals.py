"""The speed budget as data: what each figure has to reach, and the table that says whether it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.report import Tabular
from bench.spread import plain

Figures = Mapping[str, object]

SERVICES = ("intake", "verifier", "attribution", "notifier", "feedback")

PEER = ("peer_intelmq", "intelmq.records_per_second")
"""What the goals in records a second are set beside, where it was measured in the same run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A bound on one figure of a scenario; `figure` is the way to it, with dots between."""

    what: str
    scenario: str
    figure: str
    sense: Literal["at least", "at most"]
    bound: float
    unit: str
    beside_peer: bool = False

    def is_met(self, value: float) -> bool:
        return value >= self.bound if self.sense == "at least" else value <= self.bound


GOALS: Sequence[Goal] = (
    Goal(
        what="a feed, POST to final outcome",
        scenario="end_to_end",
        figure="events_per_second",
        sense="at least",
        bound=5000,
        unit="records/s",
        beside_peer=True,
    ),
    Goal(
        what="the same beside IntelMQ's four bots",
        scenario="peer_intelmq",
        figure="ratio",
        sense="at least",
        bound=10,
        unit="times",
    ),
    *(
        Goal(
            what=f"{service} alone",
            scenario="stage",
            figure=f"stages.{service}.events_per_second",
            sense="at least",
            bound=20_000,
            unit="events/s",
        )
        for service in SERVICES
    ),
    Goal(
        what="Shadowserver CSV, parsing alone",
        scenario="parse",
        figure="formats.shadowserver-csv.records_per_second",
        sense="at least",
        bound=40_000,
        unit="records/s",
    ),
    Goal(
        what="a critical record to its mail, idle, p50",
        scenario="latency",
        figure="idle.p50_seconds",
        sense="at most",
        bound=1,
        unit="s",
    ),
    Goal(
        what="a critical record to its mail, idle, p99",
        scenario="latency",
        figure="idle.p99_seconds",
        sense="at most",
        bound=3,
        unit="s",
    ),
    Goal(
        what="the same while a feed is running, p99",
        scenario="latency",
        figure="busy.p99_seconds",
        sense="at most",
        bound=30,
        unit="s",
    ),
    Goal(
        what="mails to a local relay",
        scenario="mail",
        figure="mails_per_second",
        sense="at least",
        bound=500,
        unit="mails/s",
    ),
    Goal(
        what="the same, signed (DKIM)",
        scenario="mail",
        figure="signed.mails_per_second",
        sense="at least",
        bound=500,
        unit="mails/s",
    ),
    *(
        Goal(
            what=f"memory of {service}, a 1 GiB feed",
            scenario="big_feed",
            figure=f"resident_mb.{service}",
            sense="at most",
            bound=150,
            unit="MB",
        )
        for service in SERVICES
    ),
    Goal(
        what="memory of attribution, 4 M ranges",
        scenario="ranges",
        figure="resident_mb",
        sense="at most",
        bound=400,
        unit="MB",
    ),
    Goal(
        what="2,000 look-ups in 4 M ranges, p50",
        scenario="ranges",
        figure="lookups_milliseconds",
        sense="at most",
        bound=20,
        unit="ms",
    ),
    Goal(
        what="imports of the RIPE database",
        scenario="imports",
        figure="objects_per_second",
        sense="at least",
        bound=50_000,
        unit="objects/s",
    ),
    Goal(
        what="memory of such an import, 4 M ranges",
        scenario="imports",
        figure="importer_peak_mb",
        sense="at most",
        bound=1200,
        unit="MB",
    ),
    Goal(
        what="time a record, 10 M stored against 100 k",
        scenario="growth",
        figure="time_ratio",
        sense="at most",
        bound=1.2,
        unit="times",
    ),
    Goal(
        what="what if, 100 k stored",
        scenario="what_if",
        figure="seconds",
        sense="at most",
        bound=60,
        unit="s",
    ),
    Goal(
        what="two replicas against one",
        scenario="replicas",
        figure="ratio",
        sense="at least",
        bound=1.8,
        unit="times",
    ),
)


def goal_table(results: Mapping[str, Figures]) -> Tabular:
    """Of the scenarios that were run: a row for each of their goals."""
    peer = figure_at(results.get(PEER[0], {}), PEER[1])
    rows = [
        _row(goal, figure_at(results[goal.scenario], goal.figure), peer) for goal in GOALS if goal.scenario in results
    ]
    return "Goals", ["what", "goal", "figure", "met", "beside IntelMQ"], rows


def figure_at(figures: Figures, path: str) -> float | None:
    """The number at the end of the way; None where there is none, as when a part was left out."""
    found: object = figures
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return float(found) if isinstance(found, int | float) else None


def _row(goal: Goal, value: float | None, peer: float | None) -> list[str]:
    bound = f"{goal.sense} {goal.bound:,g} {goal.unit}"
    if value is None:
        return [goal.what, bound, "not measured", "", ""]
    beside = f"{value / peer:.1f} times" if goal.beside_peer and peer else ""
    return [goal.what, bound, f"{plain(value)} {goal.unit}", "yes" if goal.is_met(value) else "NO", beside]

"""The table of goals: what is read from the figures of a run, and what is said of it."""

from bench.goals import GOALS, figure_at, goal_table

FIGURES: dict[str, dict[str, object]] = {
    "end_to_end": {"events_per_second": 6000.0},
    "latency": {"idle": {"p50_seconds": 0.5, "p99_seconds": 4.0}},
    "peer_intelmq": {"ratio": 12.0, "intelmq": {"records_per_second": 500.0}},
}


def rows() -> dict[str, list[str]]:
    _, _, rows = goal_table(FIGURES)
    return {row[0]: list(row[1:]) for row in rows}


def test_a_figure_is_found_by_the_way_to_it() -> None:
    assert figure_at(FIGURES["latency"], "idle.p50_seconds") == 0.5
    assert figure_at(FIGURES["latency"], "busy.p99_seconds") is None
    assert figure_at(FIGURES["latency"], "idle") is None


def test_a_goal_is_met_at_its_bound_and_not_beyond_it() -> None:
    at_least, at_most = (next(goal for goal in GOALS if goal.sense == sense) for sense in ("at least", "at most"))

    assert at_least.is_met(at_least.bound)
    assert not at_least.is_met(at_least.bound - 1)
    assert at_most.is_met(at_most.bound)
    assert not at_most.is_met(at_most.bound + 1)


def test_the_table_says_which_goals_are_met_and_which_were_not_measured() -> None:
    found = rows()

    assert found["a critical record to its mail, idle, p50"][2] == "yes"
    assert found["a critical record to its mail, idle, p99"][2] == "NO"
    assert found["the same while a feed is running, p99"][1] == "not measured"


def test_records_a_second_stand_beside_those_of_the_peer() -> None:
    assert rows()["a feed, POST to final outcome"][3] == "12.0 times"


def test_goals_of_scenarios_that_were_not_run_are_left_out() -> None:
    assert "mails to a local relay" not in rows()

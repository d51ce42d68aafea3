"""The alert rules watch metrics and states that exist, all of the states, and lead to what is to be done."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.tools.generated import DOCS, PROJECT, metrics_page
from services.intake.domain.feeds.anomalies import Kind
from tests.contracts.test_documentation import anchors

RULES = PROJECT / "deploy" / "prometheus" / "alerts.yaml"
METRIC = re.compile(r"\btocsin_[a-z_]+")
STATES = re.compile(r'state=~?"([a-z|-]+)"')
KINDS = re.compile(r'kind=~?"([a-z|-]+)"')
STATE_ROW = re.compile(r"^\| (?P<service>[a-z, ]+) \| `(?P<state>[a-z-]+)` \|", re.MULTILINE)

Rule = dict[str, Any]  # Any: YAML


def rules() -> list[Rule]:
    groups: list[dict[str, list[Rule]]] = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


by_name = pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))


def exported() -> set[str]:
    """Every name that a scrape can find."""
    found = set()
    for name, kind in re.findall(r"^\| `(\w+)` \| (\w+) \|", metrics_page(), re.MULTILINE):
        found |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"} if kind == "histogram" else {name}
    return found


@by_name
def test_an_alert_asks_for_metrics_that_exist(rule: Rule) -> None:
    asked = set(METRIC.findall(rule["expr"]))
    assert asked
    assert asked <= exported()


@by_name
def test_an_alert_says_how_urgent_it_is_and_what_to_do(rule: Rule) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    page, anchor = rule["annotations"]["runbook"].split("#")
    assert anchor in anchors(PROJECT / page)


def test_no_two_alerts_have_one_name() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)


def explained_states() -> set[tuple[str, str]]:
    """Service and state, for each row of the table that operators read."""
    rows = STATE_ROW.findall((DOCS / "for-operators.md").read_text())
    return {(service, state) for services, state in rows for service in services.split(", ")}


def test_every_state_that_operators_read_of_has_an_alert_and_no_other_has() -> None:
    watched = {state for rule in rules() for states in STATES.findall(rule["expr"]) for state in states.split("|")}
    assert watched == {state for _, state in explained_states()}


def test_everything_that_can_be_unusual_about_a_feed_has_an_alert_and_a_row() -> None:
    page = (DOCS / "for-operators.md").read_text()
    watched = [kind for rule in rules() for kinds in KINDS.findall(rule["expr"]) for kind in kinds.split("|")]
    assert sorted(watched) == sorted(kind.value for kind in Kind)
    assert [kind.value for kind in Kind if f"| `{kind.value}` |" not in page] == []


def test_rules_are_where_the_documentation_says() -> None:
    assert str(RULES.relative_to(PROJECT)) in Path(DOCS / "for-operators.md").read_text()

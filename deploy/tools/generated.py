"""Makes the pages that follow from the code: contracts, settings, metrics, faults, checks.

`make docs` writes them, a test compares.

Usage: python -m deploy.tools.generated
"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client.metrics import MetricWrapperBase

from deploy.local.layout import SERVICES
from libs.common import metrics
from libs.common.contracts import TOPICS, Event
from libs.common.contracts.wire import event_type
from libs.common.faults import AT_ATTRIBUTION, AT_INTAKE, AT_NOTIFIER, AT_PARTNERS, AT_THE_RELAY, EVERYWHERE, Fault
from libs.common.settings import ServiceSettings, describe
from libs.common.vocabulary import Credibility
from services.verifier.domain import Catalogue, Rules
from services.verifier.domain.checks import CHECKS, Check

PROJECT = Path(__file__).resolve().parents[2]
DOCS = PROJECT / "docs"

FAULTS_INTRODUCTION = """\
What can be made to fail on purpose, in tests, in the demo and in [drills](for-operators.md#drills). `name:chance`
makes a fault strike with that chance whenever its point is passed, `name:chancexTIMES` at most so often. For each of
them a test holds that it strikes a running system, that every record still has one outcome, and that no mail comes
twice without saying so (`tests/integration/faults`).
"""

GRADES = """\
## Grade, verdict and severity

The grade is Admiralty's: a letter for the partner, a number for the record. The letter is the partner's reliability,
which an operator gives it. Each letter stands for a confidence to begin with ({letters}),
of which warnings take their shares. The first row that fits gives the number:

| number | when |
| --- | --- |
{rows}
A record that fails no check is verified if its confidence is {limit} at least, or if somebody else has found it too;
else it is held for a person. Somebody else is another partner who has it from another source; a record of theirs that
is held for doubt (`confidence`) or for want of an incident counts too, as long as it would be news itself. What was
held for doubt by then is judged anew, and goes on if that verifies it: `waited`, which is no check, says since when it
was held. All of these are [rules](for-operators.md#rules) that can be changed. The severity is the
worst of what the record, its incident, the lists of what is exploited and how open it is say; medium where nothing says
any. The reason `severity`, which is no check, has all of them: `low by the record, high by its incident`.
"""

NOTE = "<!-- Made by `make docs` from the code; change that, not this. -->\n\n"


def pages() -> Mapping[Path, str]:
    """Every generated file and what belongs in it."""
    return {
        DOCS / "contracts" / "asyncapi.json": _json(asyncapi()),
        **{DOCS / "contracts" / f"{name}.schema.json": _json(schema) for name, schema in schemas().items()},
        DOCS / "settings.md": settings_page(),
        DOCS / "metrics.md": metrics_page(),
        DOCS / "faults.md": faults_page(),
        DOCS / "checks.md": checks_page(),
    }


def write() -> None:
    for path, content in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def schemas() -> dict[str, dict[str, Any]]:  # Any: JSON Schema
    """A JSON Schema for each event, by its versioned name."""
    return {_name(event_class): _schema(event_class) for classes in TOPICS.values() for event_class in classes}


def _schema(event_class: type[Event]) -> dict[str, Any]:  # Any: JSON Schema
    schema = msgspec.json.schema(event_class)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": event_type(event_class), **schema}


def asyncapi() -> dict[str, Any]:  # Any: an AsyncAPI document
    """AsyncAPI 3: which topic carries which event."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Tocsin", "version": "1", "description": "The events between the services."},
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, classes) for topic, classes in sorted(TOPICS.items())},
        "operations": {f"send-{topic}": _operation(topic) for topic in sorted(TOPICS)},
    }


def _channel(topic: str, classes: list[type[Event]]) -> dict[str, Any]:  # Any: an AsyncAPI channel
    return {
        "address": topic,
        "messages": {
            _name(event_class): {
                "name": event_type(event_class),
                "summary": (event_class.__doc__ or "").split("\n")[0],
                "bindings": {"kafka": {"key": {"type": "string"}}},
                "headers": _headers(),
                "payload": {"$ref": f"./{_name(event_class)}.schema.json"},
            }
            for event_class in classes
        },
    }


def _headers() -> dict[str, Any]:  # Any: JSON Schema
    names = ("ce_specversion", "ce_type", "ce_source", "ce_id", "ce_time", "content-type", "traceparent")
    return {"type": "object", "required": list(names), "properties": {name: {"type": "string"} for name in names}}


def _operation(topic: str) -> dict[str, Any]:  # Any: an AsyncAPI operation
    return {"action": "send", "channel": {"$ref": f"#/channels/{topic}"}}


def _name(event_class: type[Event]) -> str:
    return str(event_class.__struct_config__.tag)


def settings_page() -> str:
    """All settings of all services."""
    parts = [
        "# Settings\n\n",
        NOTE,
        "Environment variables, or a `.env` file; `<VARIABLE>_FILE` reads a mounted file.\n",
    ]
    parts += [f"\n## {service}\n\n{describe(settings_of(service))}\n" for service in SERVICES]
    return "".join(parts)


def settings_of(service: str) -> type[ServiceSettings]:
    """The settings class of a service: by the floor plan the only one that its `settings` defines."""
    module = importlib.import_module(f"services.{service}.settings")
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ServiceSettings) and value.__module__ == module.__name__
    )
    return found


def metrics_page() -> str:
    """All metrics."""
    rows = [_metric_row(value) for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    return "".join(("# Metrics\n\n", NOTE, "| name | kind | labels | meaning |\n| --- | --- | --- | --- |\n", *rows))


def _metric_row(metric: MetricWrapperBase) -> str:
    (described,) = metric.describe()
    labels = ", ".join(metric._labelnames)
    name = described.name + ("_total" if described.type == "counter" else "")
    return f"| `{name}` | {described.type} | {labels} | {described.documentation} |\n"


FAULT_GROUPS: Mapping[str, Mapping[str, Fault]] = {
    "Every service": EVERYWHERE,
    "Intake, beside that": AT_INTAKE,
    "Attribution, beside that": AT_ATTRIBUTION,
    "The notifier, beside that": AT_NOTIFIER,
    "The mail relay, at its end of the line": AT_THE_RELAY,
    "A partner": AT_PARTNERS,
}


def faults_page() -> str:
    """All named faults, by who has them."""
    parts = ["# Faults\n\n", NOTE, FAULTS_INTRODUCTION]
    for heading, faults in FAULT_GROUPS.items():
        parts.append(f"\n## {heading}\n\n| name | what it is like | kind |\n| --- | --- | --- |\n")
        parts += [f"| `{fault.name}` | {fault.meaning} | {fault.kind} |\n" for fault in faults.values()]
    return "".join(parts)


CHECKS_INTRODUCTION = """\
What the verifier looks at in every record, always all of it, in the order in which they speak for the record: where
several fail, the first says how it ends. A warning takes a share of the confidence away; what is left decides whether a
person looks at it. Nothing connects to the asset.
"""


def checks_page() -> str:
    """All checks of the verifier."""
    rows = [f"| `{check.name}` | {check.about} | {_end(check)} | {_share(check.warns_up_to)} |\n" for check in CHECKS]
    head = (
        "| check | holds when | a record that fails it ends as | a warning takes up to |\n| --- | --- | --- | --- |\n"
    )
    return "".join(("# Checks\n\n", NOTE, CHECKS_INTRODUCTION, "\n", head, *rows, "\n", grades()))


def _end(check: Check) -> str:
    if check.fails_as is None:
        return "can not fail"
    return "as a file of rules says" if check.by_file_only else check.fails_as


def grades() -> str:
    """How a grade comes about, with the thresholds of rules that nobody has changed."""
    rules = Rules(catalogue=Catalogue(()))
    numbers = {
        Credibility.IMPROBABLE: "improbable: it can't be so, or is known to be wrong: a check has failed that refutes",
        Credibility.CONFIRMED: (
            "confirmed: somebody else has found it too, not only passed it on, and one of them would be believed alone"
        ),
        Credibility.PROBABLE: f"probably true: confidence from {rules.probable_from:g}",
        Credibility.POSSIBLE: (
            f"possibly true: confidence from {rules.possible_from:g}, or somebody else has found it too, and none of "
            "them would be believed alone"
        ),
        Credibility.DOUBTFUL: "doubtful: less",
    }
    letters = ", ".join(f"{letter} {share:g}" for letter, share in sorted(rules.base_confidence.items()))
    rows = "".join(f"| {number.value} | {words} |\n" for number, words in numbers.items())
    return GRADES.format(letters=letters, rows=rows, limit=f"{rules.hold_below_confidence:g}")


def _share(weight: float) -> str:
    return f"{weight:.0%}" if weight else "nothing"


def _json(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    write()

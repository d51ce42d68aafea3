"""One attack: a service, who asks, and what schemathesis makes of its OpenAPI document."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import requests
import schemathesis
from schemathesis import Config, SerializationContext
from schemathesis.checks import CHECKS, CheckFunction
from schemathesis.config import (
    CacheConfig,
    ChecksConfig,
    CoveragePhaseConfig,
    GenerationConfig,
    PhasesConfig,
    ProjectConfig,
    ProjectsConfig,
    StatefulPhaseConfig,
)
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.schemas import BaseSchema

from deploy.local.endpoints import Endpoints
from deploy.local.layout import SERVICES
from tests.fuzz.apis import rules
from tests.fuzz.apis.oddities import UNHEARD_OF, oddities

REQUEST_SECONDS = 30.0
WATCHED_ALONE = ("not_a_server_error", *(rule.__name__ for rule in rules.OWN))
"""What is watched where the document can have no word."""
WATCHED_AT_ODDITIES = (
    *WATCHED_ALONE,
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
WATCHED = (*WATCHED_AT_ODDITIES, "ignored_auth")
"""`ignored_auth` asks again without the credential."""


@schemathesis.serializer("message/rfc822", "application/x-ndjson", "application/jsonl")
def as_it_stands(ctx: SerializationContext, value: object) -> bytes:
    """A body of text that schemathesis has no words for."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


@dataclass(frozen=True, slots=True)
class Attacker:
    """Who asks which service. `credential` is the name of a field of the endpoints; empty: nobody knows them."""

    service: str
    name: str
    credential: str = ""

    def headers(self, endpoints: Endpoints) -> dict[str, str]:
        if not self.credential:
            return {}
        return {"Authorization": f"Bearer {getattr(endpoints, self.credential)}"}


# Partners before operators, who can take away what partners come in with.
ATTACKERS = (
    *(Attacker(service, "nobody") for service in SERVICES),
    Attacker("intake", "partner", "partner_key"),
    *(Attacker(service, "operator", "admin_token") for service in SERVICES),
)


@dataclass(frozen=True, slots=True)
class Force:
    """How hard, and of what sort.

    `examples` of each operation; `chains` of requests that build on one another; the `boundaries` of every schema;
    `oddities`, which no schema knows. Each of the two halves, what documents say and what they don't, takes no longer
    than `seconds`.
    """

    seed: int
    examples: int
    chains: int
    seconds: int
    boundaries: bool = False
    oddities: bool = False


@dataclass(slots=True)
class Findings:
    """What came of attacks: how many requests had which answer, and each kind of failure once."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)

    def told(self) -> str:
        counts = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return "\n\n".join((f"{self.statuses.total()} requests ({counts})", *self.failures.values()))


def attack(endpoints: Endpoints, attacker: Attacker, force: Force, findings: Findings) -> None:
    """Send all that `force` allows, and note what came of it."""
    url, headers = endpoints.services[attacker.service], attacker.headers(endpoints)
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=_config(headers, url, force))
    if force.oddities:
        _send_oddities(schema, attacker, headers, force, findings)
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished(recorder=recorder):
                _note(recorder, attacker, findings)
            case events.NonFatalError(label=label, value=error):
                words = f"{attacker.name}, {label}: {error}"
                findings.failures[f"{attacker.name} {label} {type(error).__name__}"] = words
            case events.FatalError(exception=error):
                raise error


def _send_oddities(
    schema: BaseSchema, attacker: Attacker, headers: dict[str, str], force: Force, findings: Findings
) -> None:
    """In an order that goes by the seed, so that what there is no time for is not always the same."""
    odd = [each for found in schema.get_all_operations() if isinstance(found, Ok) for each in oddities(found.ok())]
    random.Random(force.seed).shuffle(odd)
    until = time.monotonic() + force.seconds
    with requests.Session() as session:
        session.headers.update(headers)
        for case, sent in odd:
            if time.monotonic() > until:
                return
            checks = _checks(WATCHED_ALONE if case.method in UNHEARD_OF else WATCHED_AT_ODDITIES)
            try:
                answer = case.call_and_validate(session=session, checks=checks, timeout=REQUEST_SECONDS, **sent)
                findings.statuses[answer.status_code] += 1
            except FailureGroup as group:
                findings.statuses[0] += 1
                label = case.operation.label
                for failure in group.exceptions:
                    kind = f"{attacker.name} {label} {failure.message[:60]}"
                    findings.failures.setdefault(kind, f"{attacker.name}, {label}: {group}\n{sent}")


def _checks(names: Sequence[str]) -> list[CheckFunction]:
    """Those that are functions, as all are that are named here."""
    return [check for check in CHECKS.get_by_names(names) if not isinstance(check, type)]


def _note(recorder: ScenarioRecorder, attacker: Attacker, findings: Findings) -> None:
    for interaction in recorder.interactions.values():
        findings.statuses[interaction.response.status_code if interaction.response else 0] += 1
    for name, failure, sample in _failures(recorder):
        kind = f"{attacker.name} {recorder.label} {name} {failure.title} {failure.message[:60]}"
        findings.failures.setdefault(kind, f"{attacker.name}, {recorder.label}, {name}: {failure}\n{sample}")


def _failures(recorder: ScenarioRecorder) -> Iterator[tuple[str, Failure, str]]:
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                found = recorder.interactions.get(case_id)
                answer = found.response.text[:400] if found and found.response else "no answer"
                yield check.name, check.failure_info.failure, f"{check.failure_info.code_sample}\n{answer}"


def _config(headers: dict[str, str], url: str, force: Force) -> Config:
    checks = ChecksConfig()
    checks.update(included_check_names=list(WATCHED))
    generation = GenerationConfig(
        max_examples=force.examples,
        no_shrink=True,
        deterministic=True,
        database="none",
        with_security_parameters=False,
    )
    phases = PhasesConfig(
        coverage=CoveragePhaseConfig(enabled=force.boundaries),
        stateful=StatefulPhaseConfig(
            enabled=force.chains > 0,
            generation=GenerationConfig(max_examples=max(1, force.chains), no_shrink=True, database="none"),
        ),
    )
    project = ProjectConfig(
        base_url=url,
        headers=headers,
        checks=checks,
        generation=generation,
        phases=phases,
        request_timeout=REQUEST_SECONDS,
        continue_on_failure=True,
    )
    return Config(
        seed=force.seed,
        max_time=force.seconds,
        cache=CacheConfig(enabled=False),
        projects=ProjectsConfig(default=project),
    )

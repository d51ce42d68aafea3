"""The worked cases of `cases/*.toml`: a record, what is known before it, and the rules, and what is decided of it.

Each states the verdict, the grade, and every reason that speaks against the record. They are written for people: an
analyst finds there what the system does, and says so where it should do otherwise. All times are said as ages, such as
`6h` or `20d`; what a case does not say is as in `builders.py`.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from libs.common.contracts import Asset, ListedOperator, RawIndicator
from libs.common.contracts.intake import Product
from libs.common.vocabulary import IncidentState, Reliability, Severity, Tlp
from services.verifier.domain import (
    Catalogue,
    CheckResult,
    FalsePositive,
    HeldSighting,
    History,
    Incident,
    Judgement,
    Matches,
    Rules,
    Threat,
    ThreatState,
    TrackRecord,
    parse_vital_assets,
    threat_id_of,
)
from services.verifier.domain.affected import Affected
from services.verifier.domain.checks import CHECKS
from services.verifier.domain.exploitation import Exploitation, Exploited, Source
from services.verifier.domain.judgement import judge
from services.verifier.domain.known_wrong import KnownWrong
from services.verifier.domain.lists import Edition
from services.verifier.domain.rule_file import apply_rule_file
from services.verifier.handlers.rules import read_products
from services.verifier.handlers.shipped import read_shipped
from tests.unit.verifier.builders import NOW, RULES, SMB, raw

CASES = Path(__file__).parent / "cases"
SHIPPED = read_shipped()
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
AGE = re.compile(r"(-?\d+)([mhd])")

Words = Mapping[str, Any]  # Any: what a TOML table holds


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One worked case. `says` names the words that the partner must find in the message or in a reason."""

    name: str
    outcome: str
    """`verified` stands for what goes on to a recipient."""
    grade: str
    by: str = ""
    """The check that decided; of no interest where the record goes on."""
    severity: str = ""
    incident: str | None = None
    says: str = ""
    checks: dict[str, str] = {}
    """What single checks have found: pass, fail, warn or skip. Whatever doubts or fails besides `by` is among them."""
    record: dict[str, Any] = {}
    partner: str = "demo"
    reliability: str = "B"
    upstream: str | None = None
    test: bool = False
    known: dict[str, Any] | None = None
    """The threat as it is known before."""
    held: list[dict[str, Any]] = []
    """Records of the same that wait for a person: by whom, from which source, seen when, and with which confidence."""
    wrong: list[dict[str, Any]] = []
    rules: str = ""
    """A file of rules, as an operator writes it."""
    documentation: bool = False
    vital: str = ""
    listed: ListedOperator | None = None
    """Whose team it goes to."""
    kev: list[str] = []
    """Vulnerabilities that are exploited, and those that are used to take ransom."""
    ransom: list[str] = []
    epss: dict[str, float] = {}
    track_record: tuple[int, int] | None = None
    """Threats of the partner, and how many of them recipients called wrong."""
    incidents: list[dict[str, Any]] = []
    shipped: bool = False
    """Whether the catalogue is that of the release."""


def all_cases() -> list[Any]:  # Any: pytest's parameter sets
    return [
        pytest.param(case, id=f"{path.stem}: {case.name}")
        for path in sorted(CASES.glob("*.toml"))
        for case in msgspec.convert(tomllib.loads(path.read_text())["case"], list[Case])
    ]


@pytest.mark.parametrize("case", all_cases())
def test_what_is_decided(case: Case) -> None:
    judged = judged_in(case)

    found = {reason.check: reason.result.value for reason in judged.reasons}
    assert (outcome_of(judged), judged.reason if case.by else "") == (case.outcome, case.by)
    assert judged.grade == case.grade
    assert case.severity in {"", judged.severity}
    assert case.incident in {None, judged.incident or ""}
    assert judged.listed == case.listed
    assert {check: found.get(check) for check in case.checks} == case.checks
    assert {check for check, result in found.items() if result in {"fail", "warn"}} <= {*case.checks, case.by}
    assert case.says in "\n".join([judged.message, *(reason.detail for reason in judged.reasons)])


def test_there_are_a_hundred_of_them_and_no_two_have_one_name() -> None:
    names = [case.id for case in all_cases()]

    assert len(set(names)) == len(names) >= 100


def test_each_check_has_cases_in_which_it_says_all_that_it_can() -> None:
    judged = [judged_in(param.values[0]) for param in all_cases()]

    found = {(reason.check, reason.result) for each in judged for reason in each.reasons}
    can_be_said = {
        (check.name, result)
        for check in CHECKS
        for result, is_possible in (
            (CheckResult.PASS, True),
            (CheckResult.FAIL, check.fails_as is not None),
            (CheckResult.WARN, check.warns_up_to > 0),
        )
        if is_possible
    }

    assert can_be_said - found == set()


def judged_in(case: Case) -> Judgement:
    event = event_of(case)
    return judge(event, history_of(case, event), rules_of(case), NOW)


def outcome_of(judged: Judgement) -> str:
    return judged.outcome.value if judged.outcome else "verified"


def event_of(case: Case) -> RawIndicator:
    given = dict(case.record)
    seen_at = ago(given.pop("seen", "6h"))
    readers: Words = {
        "asset": lambda each: msgspec.convert(each, Asset),
        "first_seen": ago,
        "tlp": Tlp,
        "severity": Severity,
        "cve_ids": tuple,
        "tags": tuple,
        "product": lambda each: msgspec.convert(each, Product),
    }
    changes = {name: readers.get(name, lambda value: value)(value) for name, value in given.items()}
    if "first_seen" in changes:
        changes["first_seen_at"] = changes.pop("first_seen")
    if changes.get("geo_country") == "":
        changes["geo_country"] = None
    made = raw(
        partner=case.partner,
        reliability=Reliability(case.reliability),
        test_mails_to="desk@demo.example" if case.test else None,
        seen_at=seen_at,
        **changes,
    )
    return msgspec.structs.replace(made, upstream=case.upstream)


def history_of(case: Case, event: RawIndicator) -> History:
    at_asset = tuple(entry for entry in wrong_in(case) if entry.is_at_one_asset)
    threats = {} if case.known is None else {threat_id_of(event): threat_of(case.known, event)}
    held = tuple(map(held_sighting_of, case.held))
    return History(threats=threats, false_positives={event.key: at_asset}, held={threat_id_of(event): held})


def held_sighting_of(given: Words) -> HeldSighting:
    """Of a partner who is not believed alone, unless the case says otherwise."""
    return HeldSighting(
        partner=given["partner"],
        source=given.get("upstream", given["partner"]),
        seen_at=ago(given.get("seen", "1d")),
        confidence=given.get("confidence", 0.3),
    )


def wrong_in(case: Case) -> list[FalsePositive]:
    """Each lasts nine days more, unless it says otherwise."""
    stated = ({"reason": "it is wrong", "expires": "-9d", **entry} for entry in case.wrong)
    return [FalsePositive(expires_at=ago(entry.pop("expires")), **entry) for entry in stated]


def threat_of(known: Words, event: RawIndicator) -> Threat:
    """A threat that was told of two days ago, unless the case says otherwise."""
    closed_at = ago(known["closed"]) if "closed" in known else None
    return Threat(
        threat_id=threat_id_of(event),
        asset=event.key,
        identifier=event.indicator.identifier,
        incident="open-smb",
        state=ThreatState.CLOSED if closed_at else ThreatState.OPEN,
        first_seen_at=ago(known.get("first_seen", "2d")),
        last_seen_at=ago(known.get("last_seen", "1d")),
        sightings=known.get("sightings", 1),
        partners=frozenset(known.get("partners", ["demo"])),
        sources=frozenset(known.get("sources", known.get("partners", ["demo"]))),
        announced_at=ago(known.get("told", "2d")),
        closed_at=closed_at,
        closed_reason=known.get("closed_reason", "fixed" if closed_at else None),
        trusted_until=ago(known["trusted"]) if "trusted" in known else None,
        trusted_by="anna" if "trusted" in known else None,
        told_severity=Severity(known["severity"]) if "severity" in known else None,
        is_doubted=known.get("doubted", False),
    )


def rules_of(case: Case) -> Rules:
    rules = msgspec.structs.replace(
        RULES,
        catalogue=catalogue_of(case),
        allow_documentation_ranges=case.documentation,
        vital_assets=parse_vital_assets(["kind,value,name,sector,warned_by", *case.vital.splitlines()]),
        exploitation=exploitation_of(case),
        products=read_products(),
        track_records={case.partner: TrackRecord(*case.track_record)} if case.track_record else {},
        known_wrong=KnownWrong(entry for entry in wrong_in(case) if not entry.is_at_one_asset),
    )
    return apply_rule_file(rules, case.rules)


def catalogue_of(case: Case) -> Catalogue:
    known = SHIPPED if case.shipped else RULES.catalogue.incidents.values()
    return Catalogue((*known, *map(incident_of, case.incidents)))


def incident_of(given: Words) -> Incident:
    return msgspec.structs.replace(
        SMB,
        slug=given["slug"],
        state=IncidentState(given.get("state", "approved")),
        severity=Severity(given.get("severity", "high")),
        matches=msgspec.convert(given.get("matches", {}), Matches),
        opt_in=given.get("opt_in", False),
        affected=msgspec.convert(given.get("affected", []), tuple[Affected, ...]),
    )


def exploitation_of(case: Case) -> Exploitation:
    sources = [source for source, there in ((Source.KEV, case.kev + case.ransom), (Source.EPSS, case.epss)) if there]
    return Exploitation(
        exploited={
            each: Exploited(
                cve_id=each, vendor="Acme", product="Gate", added_on=NOW.date(), by_ransomware=each in case.ransom
            )
            for each in (*case.kev, *case.ransom)
        },
        forecasts=case.epss,
        editions={
            source: Edition(source=source, made_at=NOW, entries=1, imported_at=NOW, imported_by="anna")
            for source in sources
        },
    )


def ago(age: str) -> datetime:
    """`6h` is six hours before now, `-9d` in nine days."""
    found = AGE.fullmatch(age)
    assert found is not None, age
    return NOW - timedelta(**{UNITS[found[2]]: int(found[1])})

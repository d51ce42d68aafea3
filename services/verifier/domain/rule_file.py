"""Rules as data: a TOML file that an operator writes, tries out and puts in force.

What it leaves out stays as the settings have it. Whatever is wrong in it is named, all at once, each with its line.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from ipaddress import ip_network
from typing import Any, NamedTuple

import msgspec

from libs.common.addresses import canonical_domain
from libs.common.toml_files import BrokenFile, FileFault, TomlFile, Wrong, country_codes, known, listed, number
from libs.common.toml_lines import Place
from libs.common.vocabulary import Outcome, Reliability
from services.verifier.domain.checks import OUTCOME_OF_FAILED
from services.verifier.domain.known_wrong import KnownWrong
from services.verifier.domain.rules import Rules
from services.verifier.domain.shared import SharedPlace, SharedPlaces
from services.verifier.domain.values import FalsePositive

MOST_SHARED = 1_000
MOST_FALSE_POSITIVES = 1_000
IGNORED = "ignored"
WAYS_TO_END = (Outcome.HELD, Outcome.REFUTED, Outcome.EXPIRED, Outcome.OUT_OF_SCOPE)
NEVER_CHANGED = frozenset({"routable", "sharing", "incident"})
"""An asset that can't exist, a marking that forbids it, and advice that nobody has approved are no matter of taste."""


class Threshold(NamedTuple):
    """A number that can be set: the field of `Rules` that it becomes, and its bounds."""

    field: str
    least: float
    most: float
    is_whole: bool = False
    in_days: bool = False


def _count(field: str) -> Threshold:
    return Threshold(field, 1, 1_000_000, is_whole=True)


def _share(field: str) -> Threshold:
    return Threshold(field, 0, 1)


def _days(field: str) -> Threshold:
    return Threshold(field, 1, 3650, is_whole=True, in_days=True)


THRESHOLDS: Mapping[str, Threshold] = {
    "hold_below_confidence": _share("hold_below_confidence"),
    "probable_from": _share("probable_from"),
    "possible_from": _share("possible_from"),
    "contradiction_weight": _share("contradiction_weight"),
    "shared_hosting_weight": _share("shared_hosting_weight"),
    "cloud_weight": _share("cloud_weight"),
    "country_disagreement_weight": _share("country_disagreement_weight"),
    "track_record_from": _count("track_record_from"),
    "greatest_wrong_share": _share("greatest_wrong_share"),
    "track_record_weight": _share("track_record_weight"),
    "renew_after_days": _days("renew_after"),
    "quiet_after_days": _days("quiet_after"),
    "close_after_days": _days("close_after"),
    "draft_from_records": _count("draft_from_records"),
    "draft_from_assets": _count("draft_from_assets"),
    "greatest_list_age_days": _days("greatest_list_age"),
    "greatest_holders_age_days": _days("greatest_holders_age"),
}


RuleFault = FileFault
BrokenRules = BrokenFile


def apply_rule_file(settled: Rules, text: str) -> Rules:
    """The rules with what the file says. Raises `BrokenRules`."""
    file = TomlFile(text)
    faults: list[RuleFault] = []
    places: list[SharedPlace] = []
    wrong_everywhere: list[FalsePositive] = []
    changes: dict[str, Any] = {}  # Any: each field of Rules in its own type
    for path, read in _rules_in(file.document):
        try:
            field, value = read()
        except Wrong as wrong:
            faults.append(file.fault(path, str(wrong)))
        else:
            if isinstance(value, SharedPlace):
                places.append(value)
            elif isinstance(value, FalsePositive):
                wrong_everywhere.append(value)
            elif isinstance(value, dict):
                changes[field] = {**changes.get(field, getattr(settled, field)), **value}
            else:
                changes[field] = value
    if faults:
        raise BrokenRules(faults)
    if places:
        changes["shared"] = SharedPlaces(places)
    if wrong_everywhere:
        changes["known_wrong"] = KnownWrong(wrong_everywhere)
    return msgspec.structs.replace(settled, **changes)


_Change = tuple[str, Any]  # a field of Rules, and its new value; Any: each in its own type


def _rules_in(document: Mapping[str, Any]) -> Iterator[tuple[Place, Callable[[], _Change]]]:
    for section, content in document.items():
        if section in _LISTS and isinstance(content, list):
            for number in range(len(content)):
                yield (section, number), partial(_LISTS[section], number, content[number])
        elif section in _TABLES and isinstance(content, dict):
            for name, value in content.items():
                yield (section, name), partial(_TABLES[section], name, value)
        else:
            yield (section,), partial(_refuse_section, section)


def _refuse_section(section: str) -> _Change:
    if section in _LISTS:
        raise Wrong(f"it must be written [[{section}]], once for each")
    if section in _TABLES:
        raise Wrong(f"it must be a table, written [{section}]")
    raise Wrong(f"there is no such section; there are {listed((*_TABLES, *_LISTS))}")


def _threshold(name: str, value: object) -> _Change:
    threshold: Threshold = known(name, THRESHOLDS, "threshold")
    amount = number(value, least=threshold.least, most=threshold.most, is_whole=threshold.is_whole)
    if threshold.in_days:
        return threshold.field, timedelta(days=amount)
    return threshold.field, int(amount) if threshold.is_whole else amount


def _max_age(name: str, value: object) -> _Change:
    if not re.fullmatch("[a-z-]+(/[a-z0-9-]+)?", name):
        raise Wrong("it is not a taxonomy or taxonomy/type of RSIT")
    return "max_age_days", {name: int(number(value, least=1, most=3650, is_whole=True))}


def _base_confidence(name: str, value: object) -> _Change:
    return "base_confidence", {known(name, _RELIABILITIES, "reliability"): number(value, least=0, most=1)}


def _reliability_weight(name: str, value: object) -> _Change:
    return "reliability_weight", {known(name, _RELIABILITIES, "reliability"): number(value, least=0, most=1)}


def _check(name: str, value: object) -> _Change:
    known(name, {check: None for check in OUTCOME_OF_FAILED if check not in NEVER_CHANGED}, "check to change")
    if value not in (*WAYS_TO_END, IGNORED):
        raise Wrong(f"{value!r} is none of {listed((*WAYS_TO_END, IGNORED))}")
    return "fails_as", {name: None if value == IGNORED else Outcome(str(value))}


def _constituency(name: str, value: object) -> _Change:
    known(name, {"countries": None}, "rule")
    return "constituency_countries", country_codes(value)


_RELIABILITIES = {str(each): each for each in Reliability}

_TABLES: Mapping[str, Callable[[str, object], _Change]] = {
    "thresholds": _threshold,
    "max_age_days": _max_age,
    "confidence": _base_confidence,
    "reliability_weight": _reliability_weight,
    "checks": _check,
    "constituency": _constituency,
}


def _shared(number: int, entry: object) -> _Change:
    if number >= MOST_SHARED:
        raise Wrong(f"there are more than {MOST_SHARED}")
    try:
        place = msgspec.convert(entry, SharedPlace)
    except msgspec.ValidationError as error:
        raise Wrong(str(error)) from error
    _require_places(place)
    return "shared", place


def _require_places(place: SharedPlace) -> None:
    for ip_range in place.ranges:
        _require_range(ip_range)
    for name in place.domains:
        _require_domain(name)
    if not (place.ranges or place.asns or place.domains):
        raise Wrong(f"{place.name} has neither ranges nor asns nor domains")


def _false_positive(number: int, entry: object) -> _Change:
    """As `POST /v1/false-positives` takes it; who puts a file in force may say what reaches far."""
    if number >= MOST_FALSE_POSITIVES:
        raise Wrong(f"there are more than {MOST_FALSE_POSITIVES}")
    try:
        wrong = msgspec.convert(entry, FalsePositive)
    except msgspec.ValidationError as error:
        raise Wrong(str(error)) from error
    if wrong.threat_id is not None:
        raise Wrong("only a recipient says it of one threat")
    if wrong.expires_at.tzinfo is None:
        raise Wrong("`expires_at` has no time zone")
    if wrong.ip_range is not None:
        _require_range(wrong.ip_range)
    if wrong.domain is not None:
        _require_domain(wrong.domain)
    conditions = (
        wrong.asset,
        wrong.ip_range,
        wrong.domain,
        wrong.identifier,
        wrong.partner,
        wrong.incident,
        wrong.rule,
    )
    if not any(conditions) or "" in conditions:
        raise Wrong(
            "give at least one of asset, ip_range, domain, identifier, partner, incident and rule, and none empty"
        )
    return "known_wrong", wrong


def _require_range(ip_range: str) -> None:
    try:
        ip_network(ip_range)
    except ValueError as error:
        raise Wrong(str(error)) from error


def _require_domain(name: str) -> None:
    if canonical_domain(name) != name:
        raise Wrong(f"{name!r} is not a domain")


_LISTS: Mapping[str, Callable[[int, object], _Change]] = {"shared": _shared, "false_positives": _false_positive}

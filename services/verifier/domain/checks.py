"""The checks: each looks at one thing, passively, and says what it saw. Nothing here ever connects to a target."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache

from libs.common.addresses import is_documentation, is_mailable_asn, is_public, parse_ip
from libs.common.vocabulary import IncidentState, Reliability, Tlp
from services.verifier.domain.rules import Rules
from services.verifier.domain.values import Case, CheckResult, Reason

Check = Callable[[Case, Rules, datetime], Reason]

CLOCK_TOLERANCE = timedelta(hours=1)
OLDEST_PLAUSIBLE_YEAR = 2000

WARNING_WEIGHT = {Reliability.D: 0.2, Reliability.E: 0.5, Reliability.F: 0.3}
"""What a partner's reliability takes away: unreliable (E) more than unknown (F)."""


def _pass(check: str, detail: str) -> Reason:
    return Reason(check, CheckResult.PASS, 0.0, detail)


def _fail(check: str, detail: str) -> Reason:
    return Reason(check, CheckResult.FAIL, 1.0, detail)


def _warn(check: str, weight: float, detail: str) -> Reason:
    return Reason(check, CheckResult.WARN, weight, detail)


def _skip(check: str, detail: str) -> Reason:
    return Reason(check, CheckResult.SKIP, 0.0, detail)


# What most records get, made once.
ROUTABLE = _pass("routable", "the asset can exist on the internet")
PLAUSIBLE = _pass("plausible", "its times can be true")
NOT_CALLED_WRONG = _pass("known-false-positive", "nobody has called it wrong")
NOT_VITAL = _pass("vital", "not on the list of vital operators")
NOT_CLAIMED = _skip("claimed-confidence", "the partner does not say how sure it is")
NOT_CORROBORATED = _skip("corroborated", "no other partner has reported it yet")
MAY_BE_PASSED_ON = _pass("sharing", "its marking lets us tell whoever it concerns")


def routable(case: Case, rules: Rules, _: datetime) -> Reason:
    """The asset can exist on the internet: no private, reserved or documentation address, name or AS."""
    asset = case.event.indicator.asset
    return _routable(asset.ip, next(iter(asset.hosts), None), asset.asn, rules.allow_documentation_ranges)


@lru_cache(maxsize=8_192)
def _routable(address: str | None, domain: str | None, asn: int | None, allow_documentation: bool) -> Reason:
    ip = parse_ip(address) if address else None
    if ip is not None and not is_public(ip):
        if not is_documentation(ip):
            return _fail("routable", f"{ip} is not a public address")
        if not allow_documentation:
            return _fail("routable", f"{ip} is an address for documentation")
    if asn is not None and not is_mailable_asn(asn) and not allow_documentation:
        return _fail("routable", f"AS{asn} is private or reserved")
    if domain and _is_documentation_name(domain) and not allow_documentation:
        return _fail("routable", f"{domain} is a name for documentation")
    return ROUTABLE


def _is_documentation_name(domain: str) -> bool:
    """RFC 2606 and RFC 6761: `.test`, `.example`, `.invalid`, `.localhost`, and `example.com`, `.net`, `.org`."""
    labels = domain.split(".")
    return labels[-1] in {"test", "example", "invalid", "localhost"} or (
        len(labels) > 1 and labels[-2] == "example" and labels[-1] in {"com", "net", "org"}
    )


def plausible(case: Case, _: Rules, now: datetime) -> Reason:
    """Its times can be true: not in the future, not before the year 2000, first not after last."""
    seen_at, first_seen_at = case.event.indicator.seen_at, case.event.indicator.first_seen_at
    if seen_at > now + CLOCK_TOLERANCE:
        return _fail("plausible", f"seen at {seen_at:%Y-%m-%d %H:%M} UTC, which is in the future")
    if seen_at.year < OLDEST_PLAUSIBLE_YEAR:
        return _fail("plausible", f"seen in {seen_at.year}")
    if first_seen_at is not None and first_seen_at > seen_at + CLOCK_TOLERANCE:
        return _warn("plausible", 0.2, "first seen after it was last seen")
    return PLAUSIBLE


def fresh(case: Case, rules: Rules, now: datetime) -> Reason:
    """It is recent enough to be still so, for its category."""
    category = case.event.indicator.category
    age, limit = now - case.event.indicator.seen_at, rules.max_age(category)
    if age > limit:
        return _fail("fresh", f"seen {age.days} days ago; {category} is news for {limit.days} days")
    return _pass("fresh", f"seen within {limit.days} days")


def not_a_known_false_positive(case: Case, _: Rules, now: datetime) -> Reason:
    """Nobody has told us that this threat, or this finding at this asset, is wrong."""
    for known in case.false_positives:
        if known.covers(case, now):
            return _fail("known-false-positive", f"{known.reason}; counts until {known.expires_at:%Y-%m-%d}")
    return NOT_CALLED_WRONG


def in_our_country(case: Case, rules: Rules, _: datetime) -> Reason:
    """The record does not place the asset outside our constituency."""
    country = case.event.indicator.geo_country
    if country is None:
        return _skip("country", "the record names no country; attribution decides")
    if country in rules.constituency_countries:
        return _pass("country", f"{country} is ours")
    return _fail("country", f"{country} is not ours")


def not_vital(case: Case, rules: Rules, _: datetime) -> Reason:
    """It is not a vital operator's, whom the national team warns itself."""
    operator = rules.vital_assets.operator_of(case.event.indicator.asset, case.event.indicator.asn)
    if operator is not None:
        return _fail("vital", f"belongs to {operator}, on the list of vital operators")
    return NOT_VITAL


def from_a_reliable_partner(case: Case, _: Rules, __: datetime) -> Reason:
    """Its partner is one to be believed."""
    weight = WARNING_WEIGHT.get(case.event.reliability)
    if weight is None:
        return _pass("partner-reliability", f"{case.event.partner} is of reliability {case.event.reliability}")
    return _warn("partner-reliability", weight, f"{case.event.partner} is of reliability {case.event.reliability}")


def claimed_with_confidence(case: Case, _: Rules, __: datetime) -> Reason:
    """The partner itself is sure of it."""
    claimed = case.event.indicator.confidence
    if claimed is None:
        return NOT_CLAIMED
    if claimed >= 50:
        return _pass("claimed-confidence", f"the partner is {claimed}% sure")
    return _warn("claimed-confidence", (50 - claimed) / 100, f"the partner is only {claimed}% sure")


def corroborated(case: Case, _: Rules, __: datetime) -> Reason:
    """Another partner has reported the same."""
    others = case.known.partners - {case.event.partner} if case.known else ()
    if others:
        return _pass("corroborated", f"{len(others)} other partners report the same")
    return NOT_CORROBORATED


def may_be_passed_on(case: Case, _: Rules, __: datetime) -> Reason:
    """Its marking lets us tell whoever it concerns. Source: TLP 2.0 (FIRST)."""
    tlp = case.event.indicator.tlp
    if tlp in {Tlp.RED, Tlp.AMBER_STRICT}:
        return _fail("sharing", f"marked TLP:{tlp.value.upper()}, which stays with those who have it")
    return MAY_BE_PASSED_ON


def of_an_approved_incident(case: Case, _: Rules, __: datetime) -> Reason:
    """There is an approved advisory for it; without one nobody can be told what to do."""
    incident = case.incident
    if incident is None:
        return _fail(
            "incident", f"no incident covers {case.event.indicator.identifier} ({case.event.indicator.category})"
        )
    if incident.state is not IncidentState.APPROVED:
        return _fail("incident", f"the incident {incident.slug} is {incident.state}")
    return _pass("incident", f"belongs to {incident.slug}")


CHECKS: tuple[Check, ...] = (
    routable,
    plausible,
    not_a_known_false_positive,
    fresh,
    in_our_country,
    not_vital,
    may_be_passed_on,
    of_an_approved_incident,
    from_a_reliable_partner,
    claimed_with_confidence,
    corroborated,
)
"""All of them, always: a partner sees every reason, not only the first. The order is that of the answer's weight."""

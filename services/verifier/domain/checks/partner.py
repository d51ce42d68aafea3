"""Checks on who says it, how sure they are, who else does, and what may be done with it."""

from datetime import datetime
from functools import lru_cache

from libs.common.vocabulary import Reliability, Tlp
from services.verifier.domain.checks.findings import doubted, failed, not_applicable, passed
from services.verifier.domain.corroboration import counts, others_of
from services.verifier.domain.reports import TrackRecord
from services.verifier.domain.rules import Rules
from services.verifier.domain.values import Case, Reason

NO_TRACK_RECORD = not_applicable("track-record", "the partner has too few threats yet")
NOT_CLAIMED = not_applicable("claimed-confidence", "the partner does not say")
NOT_CORROBORATED = not_applicable("corroborated", "no other partner has reported it yet")
BEFORE_IT_CLOSED = not_applicable("corroborated", "others reported it before it was closed, and not since")
SAME_SOURCE = not_applicable("corroborated", "other partners report it, but have it from the same source")
MAY_BE_PASSED_ON = passed("sharing", "its marking lets us tell")


def from_a_reliable_partner(case: Case, rules: Rules, _: datetime) -> Reason:
    """Its partner is one to be believed."""
    reliability = case.event.reliability
    return _of_reliability(case.event.partner, reliability, rules.reliability_weight.get(reliability, 0.0))


@lru_cache
def _of_reliability(partner: str, reliability: Reliability, weight: float) -> Reason:
    detail = f"{partner} is of reliability {reliability}"
    return doubted("partner-reliability", weight, detail) if weight else passed("partner-reliability", detail)


def of_a_good_track_record(case: Case, rules: Rules, _: datetime) -> Reason:
    """Recipients have not called many of its partner's threats wrong. Their share is what a warning takes away."""
    record = rules.track_records.get(case.event.partner)
    if record is None or record.verified < rules.track_record_from:
        return NO_TRACK_RECORD
    return _of_record(case.event.partner, record, rules.greatest_wrong_share, rules.track_record_weight)


@lru_cache
def _of_record(partner: str, record: TrackRecord, limit: float, greatest_weight: float) -> Reason:
    share = record.wrong_share
    detail = f"recipients called {record.wrong} of the {record.verified} threats of {partner} wrong ({share:.1%})"
    if share <= limit:
        return passed("track-record", detail)
    return doubted("track-record", min(share, greatest_weight), f"{detail}; {limit:.1%} is the limit")


def claimed_with_confidence(case: Case, _: Rules, __: datetime) -> Reason:
    """The partner itself is sure of it."""
    claimed = case.event.indicator.confidence
    if claimed is None:
        return NOT_CLAIMED
    if claimed >= 50:
        return passed("claimed-confidence", f"the partner is {claimed}% sure")
    return doubted("claimed-confidence", (50 - claimed) / 100, f"the partner is only {claimed}% sure")


def corroborated(case: Case, rules: Rules, now: datetime) -> Reason:
    """Somebody else has found the same, and it has not been closed since: then no doubt holds it back. Two partners who
    pass on one source are no two who have found it, nor is one who names two sources. What is held for doubt, or for
    want of an incident, counts too while it is news.
    """
    known = case.known
    if known is None and not case.held:
        return NOT_CORROBORATED
    others = others_of(case, rules, now)
    if others.sources:
        return _found_by(len(others.sources), are_believed=others.are_believed)
    if known is not None and known.closed_at is not None:
        return BEFORE_IT_CLOSED
    partners = {each.partner for each in case.held if counts(each, case, rules, now)}
    if known is not None:
        partners |= known.partners
    return NOT_CORROBORATED if partners <= {case.event.partner} else SAME_SOURCE


@lru_cache
def _found_by(others: int, *, are_believed: bool) -> Reason:
    if are_believed:
        return passed("corroborated", "somebody else has found it too" if others == 1 else f"{others} others found it")
    if others == 1:
        return passed("corroborated", "somebody else has found it too, who is not believed alone")
    return passed("corroborated", f"{others} others found it, none of whom is believed alone")


def may_be_passed_on(case: Case, _: Rules, __: datetime) -> Reason:
    """Its marking lets us tell whoever it concerns. Source: TLP 2.0 (FIRST)."""
    tlp = case.event.indicator.tlp
    if tlp in {Tlp.RED, Tlp.AMBER_STRICT}:
        return failed("sharing", f"marked TLP:{tlp.value.upper()}, which stays with those who have it")
    return MAY_BE_PASSED_ON

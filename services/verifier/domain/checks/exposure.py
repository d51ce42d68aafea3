"""The check on how open it is what was found."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from libs.common.contracts import Indicator
from libs.common.vocabulary import Severity
from services.verifier.domain.checks.findings import not_applicable, passed
from services.verifier.domain.rules import Rules
from services.verifier.domain.values import Case, Reason


class Exposure(NamedTuple):
    """How open it is, and how severe that makes it at least."""

    severity: Severity
    words: str


NO_PASSWORD = Exposure(Severity.HIGH, "anybody gets in without a password")
KNOWN_PASSWORD = Exposure(Severity.HIGH, "anybody gets in with the password that its maker gave it")
ITS_DATABASES = Exposure(Severity.HIGH, "anybody sees its databases")
BLUEKEEP = Exposure(Severity.CRITICAL, "anybody can take it over by CVE-2019-0708")
IMPLANT = Exposure(Severity.CRITICAL, "somebody has left a way in already")

YES = frozenset({"y", "yes", "true", "1"})
NO = frozenset({"n", "no", "false", "0"})

BY_FIELD: Mapping[str, tuple[frozenset[str] | None, Exposure]] = MappingProxyType(
    {
        "anonymous_access": (YES, NO_PASSWORD),
        "bluekeep_vulnerable": (YES, BLUEKEEP),
        "cve20190708_vulnerable": (YES, BLUEKEEP),
        "has_password": (NO, NO_PASSWORD),
        "smb_implant": (YES, IMPLANT),
        "visible_databases": (None, ITS_DATABASES),
    }
)
"""What else a record says, and which values tell it; None: any. Source: the columns of Shadowserver's reports."""

BY_TAG: Mapping[str, Exposure] = MappingProxyType(
    {
        "anonymous-access": NO_PASSWORD,
        "default-credentials": KNOWN_PASSWORD,
        "default-password": KNOWN_PASSWORD,
        "no-authentication": NO_PASSWORD,
        "no-password": NO_PASSWORD,
    }
)

SEVERITIES = tuple(Severity)

_FIELDS, _TAGS = frozenset(BY_FIELD), frozenset(BY_TAG)

NOT_SAID = not_applicable("exposure", "the record does not say")


def exposed(case: Case, _: Rules, __: datetime) -> Reason:
    """It says how open it is: that anybody gets in, or has got in. Then it is more severe."""
    found = found_exposed(case.event.indicator)
    return NOT_SAID if found is None else passed("exposure", f"{found.words}, so it is {found.severity} at least")


def found_exposed(indicator: Indicator) -> Exposure | None:
    """The worst, of something vulnerable; nearly no record says any of it, which is quickly seen."""
    extra, tags = indicator.extra, indicator.tags
    if _FIELDS.isdisjoint(extra) and _TAGS.isdisjoint(tags):
        return None
    if not indicator.category.startswith("vulnerable/"):
        return None
    said = [exposure for field, (telling, exposure) in BY_FIELD.items() if _tells(extra.get(field, ""), telling)]
    return min((*said, *(BY_TAG[tag] for tag in tags if tag in BY_TAG)), key=_order, default=None)


def _tells(value: str, telling: frozenset[str] | None) -> bool:
    return bool(value.strip()) if telling is None else value.strip().lower() in telling


def _order(exposure: Exposure) -> tuple[int, str]:
    return SEVERITIES.index(exposure.severity), exposure.words

"""The rules in force: what an operator can set, as one frozen value with a version."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from services.verifier.domain.catalogue import Catalogue
from services.verifier.domain.exploitation import Exploitation
from services.verifier.domain.vital import VitalAssets

DEFAULT_MAX_AGE_DAYS: Mapping[str, int] = {
    "vulnerable": 14,
    "malicious-code": 7,
    "intrusions": 30,
    "intrusion-attempts": 3,
    "information-gathering": 3,
    "availability": 3,
    "abusive-content": 7,
    "fraud": 14,
    "information-content-security": 365,
    "other": 14,
    "test": 1,
}
"""How long a finding stays news, by RSIT taxonomy or `taxonomy/type`: an open port ages in days, a leak in months."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What `judge_all` needs besides the indicator and its history."""

    catalogue: Catalogue
    vital_assets: VitalAssets = VitalAssets()
    constituency_countries: frozenset[str] = frozenset({"NL"})
    max_age_days: Mapping[str, int] = msgspec.field(default_factory=lambda: DEFAULT_MAX_AGE_DAYS)
    allow_documentation_ranges: bool = False
    hold_below_confidence: float = 0.4
    renew_after: timedelta = timedelta(days=15)
    exploitation: Exploitation = Exploitation()
    greatest_list_age: timedelta = timedelta(days=14)
    draft_from_records: int = 50
    """So many held records without an incident that share a pattern, within a week, open a draft by themselves."""
    draft_from_assets: int = 10
    """And of so many different assets: one that is reported over and over is no campaign."""
    version: str = "unversioned"

    def max_age(self, category: str) -> timedelta:
        """The most specific entry that there is for the category, else 14 days."""
        taxonomy = category.partition("/")[0]
        return timedelta(days=self.max_age_days.get(category, self.max_age_days.get(taxonomy, 14)))


def rules_version(rules: Rules) -> str:
    """Twelve hex digits that change whenever a rule, a threshold or an incident does."""
    said = (
        sorted((incident.slug, incident.revision) for incident in rules.catalogue.incidents.values()),
        msgspec.to_builtins(rules.vital_assets, str_keys=True),
        sorted(rules.constituency_countries),
        sorted(rules.max_age_days.items()),
        rules.allow_documentation_ranges,
        rules.hold_below_confidence,
        rules.renew_after,
        rules.greatest_list_age,
        sorted(
            (edition.source, edition.made_at, edition.imported_at) for edition in rules.exploitation.editions.values()
        ),
    )
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:12]

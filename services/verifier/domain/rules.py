"""The rules in force: what an operator can set, as one frozen value with a version."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from services.verifier.domain.asset_index import AssetIndex
from services.verifier.domain.catalogue import Catalogue
from services.verifier.domain.countries import Holders
from services.verifier.domain.exploitation import Exploitation
from services.verifier.domain.registered import Registered

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


COUNTRY_DISAGREEMENT_WEIGHT = 0.2


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What `judge_all` needs besides the indicator and its history."""

    catalogue: Catalogue
    vital_assets: AssetIndex = AssetIndex()
    constituency_countries: frozenset[str] = frozenset({"NL"})
    max_age_days: Mapping[str, int] = msgspec.field(default_factory=lambda: DEFAULT_MAX_AGE_DAYS)
    allow_documentation_ranges: bool = False
    hold_below_confidence: float = 0.4
    renew_after: timedelta = timedelta(days=15)
    exploitation: Exploitation = Exploitation()
    greatest_list_age: timedelta = timedelta(days=14)
    registered: Registered = Registered()
    holders: Holders = Holders()
    country_disagreement_weight: float = COUNTRY_DISAGREEMENT_WEIGHT
    """What it takes away of the confidence that some say it is in a country of ours, and others that it is not."""
    greatest_holders_age: timedelta = timedelta(days=30)
    """From then on a registry's file of who is registered where is said to be stale. It goes on being asked."""
    version: str = "unversioned"

    def max_age(self, category: str) -> timedelta:
        """The most specific entry that there is for the category, else 14 days."""
        taxonomy = category.partition("/")[0]
        return timedelta(days=self.max_age_days.get(category, self.max_age_days.get(taxonomy, 14)))


def rules_version(rules: Rules) -> str:
    """Twelve hex digits that change whenever a rule, a threshold or an incident does."""
    said = (
        sorted((incident.slug, incident.revision) for incident in rules.catalogue.incidents.values()),
        rules.vital_assets.version,
        sorted(rules.constituency_countries),
        sorted(rules.max_age_days.items()),
        rules.allow_documentation_ranges,
        rules.hold_below_confidence,
        rules.renew_after,
        rules.greatest_list_age,
        sorted(
            (edition.source, edition.made_at, edition.imported_at) for edition in rules.exploitation.editions.values()
        ),
        sorted((edition.source, edition.made_at, edition.imported_at) for edition in rules.holders.editions.values()),
        sorted(rules.registered.versions.items()),
        rules.country_disagreement_weight,
    )
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:12]

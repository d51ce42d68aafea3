"""The rules in force: what an operator can set, as one frozen value with a version."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from services.verifier.domain.catalogue import Catalogue
from services.verifier.domain.exploitation import Exploitation
from services.verifier.domain.reports import TrackRecord
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

GREATEST_TRACK_RECORD_WEIGHT = 0.5


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What `judge_all` needs besides the indicator and its history, and what the life of a threat follows.

    `quiet_after`, `close_after`: so long without a sighting, while its feed reports, and a threat is quiet, and then
    closed. `track_records` are the partners'; one counts from `track_record_from` threats on, against its partner if
    recipients called more than `greatest_wrong_share` of them wrong, and then with that share of the confidence, at
    most `track_record_weight`.
    """

    catalogue: Catalogue
    vital_assets: VitalAssets = VitalAssets()
    constituency_countries: frozenset[str] = frozenset({"NL"})
    max_age_days: Mapping[str, int] = msgspec.field(default_factory=lambda: DEFAULT_MAX_AGE_DAYS)
    allow_documentation_ranges: bool = False
    hold_below_confidence: float = 0.4
    renew_after: timedelta = timedelta(days=15)
    exploitation: Exploitation = Exploitation()
    greatest_list_age: timedelta = timedelta(days=14)
    quiet_after: timedelta = timedelta(days=30)
    close_after: timedelta = timedelta(days=90)
    track_records: Mapping[str, TrackRecord] = {}
    track_record_from: int = 50
    greatest_wrong_share: float = 0.02
    track_record_weight: float = GREATEST_TRACK_RECORD_WEIGHT
    version: str = "unversioned"

    def max_age(self, category: str) -> timedelta:
        """The most specific entry that there is for the category, else 14 days."""
        taxonomy = category.partition("/")[0]
        return timedelta(days=self.max_age_days.get(category, self.max_age_days.get(taxonomy, 14)))


def rules_version(rules: Rules) -> str:
    """Twelve hex digits that change whenever a rule, a threshold or an incident does.

    Not with the partners' track records, which every answer changes: the reason itself tells those.
    """
    said = (
        sorted((incident.slug, incident.revision) for incident in rules.catalogue.incidents.values()),
        msgspec.to_builtins(rules.vital_assets, str_keys=True),
        sorted(rules.constituency_countries),
        sorted(rules.max_age_days.items()),
        rules.allow_documentation_ranges,
        rules.hold_below_confidence,
        rules.renew_after,
        rules.greatest_list_age,
        (rules.quiet_after, rules.close_after),
        (rules.track_record_from, rules.greatest_wrong_share, rules.track_record_weight),
        sorted(
            (edition.source, edition.made_at, edition.imported_at) for edition in rules.exploitation.editions.values()
        ),
    )
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:12]

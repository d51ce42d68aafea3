"""The rules in force: what an operator can set, as one frozen value with a version."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache

import msgspec

from libs.common.contracts import ListedOperator
from libs.common.vocabulary import Outcome, Reliability
from services.verifier.domain.asset_index import AssetIndex
from services.verifier.domain.catalogue import Catalogue
from services.verifier.domain.countries import Holders
from services.verifier.domain.exploitation import Exploitation, Source
from services.verifier.domain.known_wrong import KnownWrong
from services.verifier.domain.products import Products
from services.verifier.domain.registered import Registered
from services.verifier.domain.reports import TrackRecord
from services.verifier.domain.shared import SharedPlaces

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


CONTRADICTION_WEIGHT = 0.3
"""For each: three of them make a record of a good partner one that a person should look at, one that of an unknown."""

SHARED_HOSTING_WEIGHT = 0.2
CLOUD_WEIGHT = 0.1
"""Less than what would hold a record of a partner of whom nothing is known yet (F)."""

RELIABILITY_WEIGHT: Mapping[Reliability, float] = {Reliability.D: 0.2, Reliability.E: 0.5, Reliability.F: 0.3}
"""What a partner's reliability takes away: unreliable (E) more than unknown (F)."""

BASE_CONFIDENCE: Mapping[Reliability, float] = {
    Reliability.A: 0.95,
    Reliability.B: 0.9,
    Reliability.C: 0.8,
    Reliability.D: 0.7,
    Reliability.E: 0.6,
    Reliability.F: 0.7,
}
"""How much of what a partner says is true, before anything is known of the record itself."""
COUNTRY_DISAGREEMENT_WEIGHT = 0.2


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What `judge_all` needs besides the indicator and its history, and what the life of a threat follows.

    `probable_from` and `possible_from` are the confidence from which a record's credibility is 2 and 3. `fails_as` says
    how a record ends that fails a check, where it is another way than the check's own; None where it is no matter.

    `quiet_after`, `close_after`: so long without a sighting, while its feed reports, and a threat is quiet, and then
    closed. `track_records` are the partners'; one counts from `track_record_from` threats on, against its partner if
    recipients called more than `greatest_wrong_share` of them wrong, and then with that share of the confidence, at
    most `track_record_weight`.
    """

    catalogue: Catalogue
    vital_assets: AssetIndex[ListedOperator] = AssetIndex()
    constituency_countries: frozenset[str] = frozenset({"NL"})
    max_age_days: Mapping[str, int] = msgspec.field(default_factory=lambda: DEFAULT_MAX_AGE_DAYS)
    allow_documentation_ranges: bool = False
    hold_below_confidence: float = 0.4
    renew_after: timedelta = timedelta(days=15)
    exploitation: Exploitation = Exploitation()
    greatest_list_age: timedelta = timedelta(days=14)
    expected_lists: frozenset[Source] = frozenset(Source)
    probable_from: float = 0.75
    possible_from: float = 0.5
    base_confidence: Mapping[Reliability, float] = msgspec.field(default_factory=lambda: BASE_CONFIDENCE)
    reliability_weight: Mapping[Reliability, float] = msgspec.field(default_factory=lambda: RELIABILITY_WEIGHT)
    contradiction_weight: float = CONTRADICTION_WEIGHT
    shared_hosting_weight: float = SHARED_HOSTING_WEIGHT
    cloud_weight: float = CLOUD_WEIGHT
    fails_as: Mapping[str, Outcome | None] = {}
    shared: SharedPlaces = SharedPlaces(())
    products: Products = Products()
    known_wrong: KnownWrong = KnownWrong(())
    registered: Registered = Registered()
    holders: Holders = Holders()
    country_disagreement_weight: float = COUNTRY_DISAGREEMENT_WEIGHT
    """What it takes away of the confidence that some say it is in a country of ours, and others that it is not."""
    greatest_holders_age: timedelta = timedelta(days=30)
    """From then on a registry's file of who is registered where is said to be stale. It goes on being asked."""
    quiet_after: timedelta = timedelta(days=30)
    close_after: timedelta = timedelta(days=90)
    track_records: Mapping[str, TrackRecord] = {}
    track_record_from: int = 50
    greatest_wrong_share: float = 0.02
    track_record_weight: float = GREATEST_TRACK_RECORD_WEIGHT
    draft_from_records: int = 50
    """So many held records without an incident that share a pattern, within a week, open a draft by themselves."""
    draft_from_assets: int = 10
    """And of so many different assets: one that is reported over and over is no campaign."""
    version: str = "unversioned"

    def max_age(self, category: str) -> timedelta:
        """The most specific entry that there is for the category, else 14 days."""
        days = self.max_age_days.get(category)
        return _of_days(self.max_age_days.get(category.partition("/")[0], 14) if days is None else days)


@lru_cache
def _of_days(days: int) -> timedelta:
    """Kept: a feed asks for the same one at each record."""
    return timedelta(days=days)


def rules_version(rules: Rules, *, checks: str = "") -> str:
    """Twelve hex digits that change whenever a rule, a threshold, an incident, a list or a check itself does.

    `checks` stands for the code of the checks: the same rules mean something else in another release. The partners'
    track records do not count, which every answer changes: the reason itself tells those.
    """
    fields = msgspec.structs.asdict(rules) | {
        "version": checks,
        "exploitation": rules.exploitation.editions,
        "holders": rules.holders.editions,
        "registered": rules.registered.versions,
        "track_records": None,
    }
    said = msgspec.to_builtins(fields, str_keys=True, enc_hook=_said, order="deterministic")
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:12]


def _said(value: object) -> object:
    """What tells one state of these from another."""
    match value:
        case Catalogue():
            return [(incident.slug, incident.revision) for incident in value.incidents.values()]
        case KnownWrong():
            return value.entries
        case SharedPlaces():
            return value.places
        case Products():
            return value.entries
        case AssetIndex():
            return value.version
        case _:
            raise NotImplementedError(f"{type(value)} in the rules has no text")

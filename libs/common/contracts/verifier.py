"""What the verifier says: threats that are real and current, and the incidents that they belong to."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts.event import Event, topic
from libs.common.contracts.intake import Indicator
from libs.common.ids import derived_id, sibling_id
from libs.common.vocabulary import IncidentState, Language, Severity


class Reopened(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The threat had been closed, and was seen again. `reason` is why it had been: `fixed`, `false-positive`,
    `not-seen-again`.
    """

    closed_at: datetime
    reason: str


class ListedOperator(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose the asset is, by the operators' list of those whom another team warns. `warned_by` is what the list calls
    that team; without it the national one does.
    """

    name: str
    sector: str = ""
    warned_by: str = ""

    def __str__(self) -> str:
        name = f"{self.name} ({self.sector})" if self.sector else self.name
        return f"{name}, warned by {self.warned_by}" if self.warned_by else f"{name}, on the list of vital operators"


@topic("verified-threat")
class ThreatVerified(Event, frozen=True, kw_only=True, omit_defaults=True, tag="threat-verified.v1"):
    """An indicator judged true. `grade` is Admiralty (`B2`), `confidence` 0.0-1.0, `incident` an incident's slug.

    `test_mails_to` is that of the record: what is tried out is tried out to the end. What is of a `listed` operator is
    handed over to its team.
    """

    threat_id: UUID
    indicator_id: UUID
    submission_id: UUID
    record: int
    partner: str
    received_at: datetime
    indicator: Indicator
    incident: str
    severity: Severity
    grade: str
    confidence: float
    first_seen_at: datetime
    test_mails_to: str | None = None
    reopened: Reopened | None = None
    listed: ListedOperator | None = None

    @property
    def key(self) -> str:
        return self.indicator.asset.key

    @property
    def is_test(self) -> bool:
        return self.test_mails_to is not None

    @property
    def event_id(self) -> UUID:
        return sibling_id(self.indicator_id, "threat-verified")


@topic("threat-withdrawn")
class ThreatWithdrawn(Event, frozen=True, kw_only=True, omit_defaults=True, tag="threat-withdrawn.v1"):
    """A threat was none after all: it is not mailed, and with `corrects` those who were told hear that it was wrong.

    It is about what had been received until `at`; what comes later is news. `reason` is a code: `false-positive`,
    `review-undone`. One withdrawal can be of many threats, with an event for each.
    """

    withdrawal_id: UUID
    threat_id: UUID
    asset: str
    incident: str
    reason: str
    corrects: bool
    by: str
    at: datetime

    @property
    def key(self) -> str:
        return self.asset

    @property
    def event_id(self) -> UUID:
        return derived_id("threat-withdrawn", self.withdrawal_id, self.threat_id)


class Advisory(msgspec.Struct, frozen=True, kw_only=True):
    """What a recipient reads about an incident, in one language. Paragraphs are parted by an empty line."""

    title: str
    what: str
    why: str
    check: tuple[str, ...]
    act: tuple[str, ...]
    otherwise: str
    sources: tuple[str, ...]


@topic("incident-changed")
class IncidentChanged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="incident-changed.v1"):
    """An incident was made or changed; the topic is compacted, so the last word on each incident is always there.

    A draft may have no advisory yet. One that was `merged_into` another gets no new threats; its `state` then says
    whether what is under way may still be mailed. `approved_by` is the person who has approved it on this system; empty
    for one that came approved with the release.
    """

    slug: str
    revision: int
    category: str
    severity: Severity
    state: IncidentState
    cve_ids: tuple[str, ...] = ()
    advisory: dict[Language, Advisory]
    merged_into: str | None = None
    approved_by: str = ""

    @property
    def key(self) -> str:
        return self.slug

    @property
    def event_id(self) -> UUID:
        return derived_id("incident-changed", self.slug, self.revision)

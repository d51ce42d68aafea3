"""Threats for which nobody was found, and the word of the person who knows better."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import Evidence, ThreatVerified
from services.attribution.domain.directory import question_of
from services.attribution.domain.ladder import Attributed, candidate_of
from services.attribution.domain.organisations import Organisation


class Unattributed(msgspec.Struct, frozen=True):
    """A threat in the line; `organisation_id` once a person has named one."""

    target_id: UUID
    threat: ThreatVerified
    waiting_since: datetime
    organisation_id: UUID | None = None

    @property
    def owned_part(self) -> str:
        """What a person is asked the owner of, and what is learnt from the answer."""
        return question_of(self.threat.indicator).owned_part


class Refused(msgspec.Struct, frozen=True):
    """A person's word that can't be followed, and why."""

    code: str
    message: str


def name_recipient(
    waiting: Unattributed, organisation: Organisation, *, decided_by: str, at: datetime
) -> Attributed | Refused:
    """The decision that follows when a person says whose the asset is."""
    if waiting.organisation_id is not None and waiting.organisation_id != organisation.organisation_id:
        return Refused("already-decided", "Somebody has named another organisation for this threat.")
    if organisation.is_handed_over:
        return Refused("vital-organisation", "A vital organisation is warned by its own team; hand this over to them.")
    candidate = candidate_of(organisation, at=at, avoiding=(waiting.threat.indicator.asset.email or "").lower())
    if candidate is None or candidate.recipient is None:
        return Refused("no-contact", "This organisation has no contact that can be written to; add one first.")
    evidence = Evidence(
        source="person",
        asked=waiting.owned_part,
        answered=f"{decided_by} says that it is of {organisation.name}",
        at=at,
        confidence=candidate.confidence,
    )
    return Attributed(candidate.route, candidate.recipient, candidate.confidence, (evidence,))

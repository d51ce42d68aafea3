"""Fates: where a record must end, and why, by how it was made."""

from dataclasses import dataclass

from deploy.demo.world import Place, Standing
from libs.common.vocabulary import Outcome

REJECTED = "rejected"
"""Where an unreadable record ends; it is never accepted, so it is no `Outcome`."""

OUTCOME_OF_STANDING = {
    Standing.REGISTERED: Outcome.NOTIFIED,
    Standing.NETWORK_OWNER: Outcome.NOTIFIED,
    Standing.UNSURE: Outcome.NOTIFIED,
    Standing.STRANGER: Outcome.UNATTRIBUTABLE,
    Standing.ABROAD: Outcome.OUT_OF_SCOPE,
    Standing.VITAL_REGISTERED: Outcome.OUT_OF_SCOPE,
    Standing.VITAL_LISTED: Outcome.OUT_OF_SCOPE,
    Standing.OPTED_OUT: Outcome.SUPPRESSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """Where a record must end. `is_threat`: it is verified, so the same again is a duplicate.

    `recipient`, `incident` and `asset` are set where a mail must tell of it.
    """

    outcome: str
    because: str
    is_threat: bool = False
    recipient: str | None = None
    incident: str | None = None
    asset: str | None = None


def fate_at(place: Place, *, incident: str, asset: str) -> Fate:
    """The fate of a true and current finding at a place."""
    outcome = OUTCOME_OF_STANDING[place.standing]
    because = f"{place.name}: {place.standing.value}"
    if place.recipient is None:
        return Fate(outcome=outcome, because=because, is_threat=True)
    return Fate(
        outcome=outcome,
        because=because,
        is_threat=True,
        recipient=place.recipient,
        incident=incident,
        asset=asset,
    )


REPEATED = Fate(outcome=Outcome.DUPLICATE, because="the same finding at the same asset is already known")
EXPIRED = Fate(outcome=Outcome.EXPIRED, because="seen too long ago to be still so")
PRIVATE = Fate(outcome=Outcome.REFUTED, because="an address that nobody has on the internet")
FUTURE = Fate(outcome=Outcome.REFUTED, because="seen at a time that has not come yet")
FOREIGN = Fate(outcome=Outcome.OUT_OF_SCOPE, because="the record says itself that it is abroad")
UNKNOWN_FINDING = Fate(outcome=Outcome.HELD, because="no incident covers this finding, so a person has to look")
DOUBTED = Fate(outcome=Outcome.HELD, because="its partner is so unreliable that a person has to look")
UNREADABLE = Fate(outcome=REJECTED, because="the record can't be read")

"""Who else can be told, when those who were asked first can't be reached."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import Evidence, Recipient
from services.attribution.domain.ladder import Attributed, Verdict, Waiting
from services.attribution.domain.organisations import Organisation

MOST_CONTACTS = 3
"""Of one threat, the first among them."""


class Exhausted(msgspec.Struct, frozen=True):
    """Nobody is left, and why."""

    evidence: tuple[Evidence, ...]


def next_contact(
    verdict: Verdict,
    *,
    failed: tuple[str, ...],
    organisations: Mapping[UUID, Organisation],
    at: datetime,
    is_asked_again: bool = False,
) -> Attributed | Exhausted:
    """What the ladder says past those that `failed`, of which the last could not be reached just now.

    Of whom it would leave to a person nobody is told. Whoever is told hears nothing of others who were tried before.
    What a person has asked again goes on to more contacts than by itself.
    """
    tried = tuple(
        Evidence(source="delivery", asked=address, answered="could not be reached", at=at, confidence=0.0)
        for address in failed
    )
    found = () if isinstance(verdict, Waiting) else verdict.evidence
    if not isinstance(verdict, Attributed) or (len(failed) >= MOST_CONTACTS and not is_asked_again):
        return Exhausted((*tried, *found))
    others = set(failed) - _addresses_of(verdict.recipient, organisations)
    evidence = tuple(_told_to_nobody(step) if _names_any(step, others) else step for step in (*tried, *found))
    return msgspec.structs.replace(verdict, evidence=evidence)


def _addresses_of(recipient: Recipient, organisations: Mapping[UUID, Organisation]) -> set[str]:
    """Where the recipient's own organisation is written to."""
    known = organisations.get(recipient.organisation_id) if recipient.organisation_id else None
    return {contact.email.lower() for contact in known.contacts} if known is not None else set()


def _names_any(step: Evidence, addresses: set[str]) -> bool:
    said = f"{step.asked} {step.answered}".lower()
    return any(address in said for address in addresses)


def _told_to_nobody(step: Evidence) -> Evidence:
    return msgspec.structs.replace(step, leads_elsewhere=True)

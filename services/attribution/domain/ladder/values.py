"""What the ladder answers with."""

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.common.contracts import Copy, Evidence, HandOver, Recipient
from libs.common.vocabulary import Outcome, RecipientKind
from services.attribution.domain.answers import Enquiry

VITAL, SECTOR, ABROAD, ALSO_WARNED = "vital-organisation", "sector", "foreign-network", "also-warned"


class Route(StrEnum):
    """Which way a warning goes."""

    ORGANISATION = "organisation"
    NETWORK_OWNER = "network-owner"
    VITAL = "vital"
    NATIONAL_CERT = "national-cert"
    NONE = "none"


class About(StrEnum):
    """Of what a rung speaks. A name and the address it is at may have two owners, and both sources be right."""

    NAME = "name"
    ADDRESS = "address"
    SYSTEM = "system"
    COUNTRY = "country"


# A member of an enumeration takes as long to name as four look-ups of a name; the hot path names many.
NAME, ADDRESS, SYSTEM, COUNTRY = About.NAME, About.ADDRESS, About.SYSTEM, About.COUNTRY
TO_ORGANISATION, TO_NETWORK_OWNER, TO_TEAM = Route.ORGANISATION, Route.NETWORK_OWNER, Route.NATIONAL_CERT


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """Somebody who could be written to. Who is handed over to nobody in particular has no recipient.

    `copies` are others who are to see the same, in the operator's own table of routes.
    """

    route: Route
    confidence: float
    recipient: Recipient | None
    copies: tuple[Copy, ...] = ()


class Step(msgspec.Struct, frozen=True, gc=False):
    """One thing that a rung found out.

    `evidence` is None where only a question is open; `asks` are the questions whose answers would tell more. `witness`
    is who says it: what one witness says twice is not confirmed. `doubt` is why a person has to look; `organisation_id`
    of whom it speaks, if we know them, whoever is written to. `is_end`: a person has said that there is nobody.
    """

    evidence: Evidence | None
    candidate: Candidate | None = None
    asks: tuple[Enquiry, ...] = ()
    about: About = NAME
    witness: str = ""
    doubt: str = ""
    organisation_id: UUID | None = None
    is_end: bool = False


class Attributed(msgspec.Struct, frozen=True, gc=False):
    """There is a recipient. `concerns` is the organisation that is hit, where a team is told of it in its place."""

    route: Route
    recipient: Recipient
    confidence: float
    evidence: tuple[Evidence, ...]
    copies: tuple[Copy, ...] = ()
    concerns: str = ""

    @property
    def handed_over(self) -> HandOver | None:
        """Why a team is told, and whom it concerns."""
        if self.recipient.kind is not RecipientKind.NATIONAL_CERT or self.recipient.test_of is not None:
            return None
        reason = VITAL if self.route is Route.VITAL else SECTOR if self.concerns else ABROAD
        return HandOver(reason=reason, organisation=self.concerns)


def told(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """What may be said outside of attribution."""
    return tuple(step for step in evidence if not step.leads_elsewhere)


class Settled(msgspec.Struct, frozen=True, gc=False):
    """Nobody is written to, and why. `message` is for the partner and names nobody."""

    route: Route
    outcome: Outcome
    reason: str
    message: str
    evidence: tuple[Evidence, ...]


class Doubted(msgspec.Struct, frozen=True, gc=False):
    """A person decides: nobody is certain enough, or those who know contradict each other.

    `message` is for the partner and names nobody.
    """

    candidates: tuple[Candidate, ...]
    reason: str
    message: str
    evidence: tuple[Evidence, ...]

    @property
    def outcome(self) -> Outcome:
        """Until a person has decided."""
        return Outcome.HELD

    @property
    def route(self) -> Route:
        """To nobody yet."""
        return Route.NONE


class Waiting(msgspec.Struct, frozen=True):
    """What is worth asking before it is decided."""

    enquiries: tuple[Enquiry, ...]


Decision = Attributed | Settled | Doubted
"""What is kept of an indicator."""
Verdict = Decision | Waiting

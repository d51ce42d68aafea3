"""The resources of TAXII 2.1, as far as an inbound server has them. Source: TAXII 2.1, sections 4 and 5."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.intake.api.models import links_of
from services.intake.api.taxii.media import STIX_JSON, TAXII_JSON
from services.intake.domain.object_fates import Group, ObjectFate
from services.intake.domain.partners import Partner
from services.intake.handlers.taxii import PushStatus

DESCRIPTION = "Tell us of exposed, vulnerable or hacked systems, and see what became of each object."


class TaxiiDiscovery(BaseModel):
    title: str
    description: str
    default: str
    api_roots: list[str]


class TaxiiApiRoot(BaseModel):
    title: str
    description: str
    versions: list[str]
    max_content_length: int = Field(description="Octets")


class TaxiiCollection(BaseModel):
    """Where a partner adds objects. `id` is the partner's."""

    id: UUID
    title: str
    description: str
    can_read: bool
    can_write: bool
    media_types: list[str]


class TaxiiCollections(BaseModel):
    collections: list[TaxiiCollection]


class TaxiiEnvelope(BaseModel):
    """STIX 2.1 objects; a bundle of them is taken as well."""

    objects: list[dict[str, Any]] = Field(min_length=1)  # Any: JSON of any type of STIX object


class TaxiiObjectStatus(BaseModel):
    """One object in the version that was pushed, and what became of it."""

    id: str
    version: str
    message: str | None = None


class TaxiiStatus(BaseModel):
    """`pending` until the payload is read. A list that would be too long is left out; its count is always there."""

    id: UUID = Field(description="That of the submission")
    status: Literal["complete", "pending"]
    request_timestamp: datetime
    total_count: int
    success_count: int
    successes: list[TaxiiObjectStatus] | None = None
    failure_count: int
    failures: list[TaxiiObjectStatus] | None = None
    pending_count: int
    pendings: list[TaxiiObjectStatus] | None = None
    x_tocsin_receipt: str = Field(description="The receipt of the same push, with each record's outcome")


class TaxiiViolation(BaseModel):
    where: str
    code: str
    message: str


class TaxiiErrorDetails(BaseModel):
    errors: list[TaxiiViolation]


class TaxiiError(BaseModel):
    """`error_code` is the code in docs/problems.md."""

    title: str
    description: str
    error_code: str
    http_status: str
    details: TaxiiErrorDetails | None = None


def discovery(root: str) -> TaxiiDiscovery:
    return TaxiiDiscovery(title="Tocsin", description=DESCRIPTION, default=root, api_roots=[root])


def api_root(*, max_content_length: int) -> TaxiiApiRoot:
    return TaxiiApiRoot(
        title="Tocsin intake",
        description=DESCRIPTION,
        versions=[TAXII_JSON],
        max_content_length=max_content_length,
    )


def collection_of(partner: Partner) -> TaxiiCollection:
    return TaxiiCollection(
        id=partner.id,
        title=f"What {partner.name} knows",
        description="Add indicators, observed data and sightings. Nothing can be read from here.",
        can_read=False,
        can_write=True,
        media_types=[STIX_JSON],
    )


def status_view(status: PushStatus) -> TaxiiStatus:
    submission, fates = status.submission, status.fates
    return TaxiiStatus(
        id=submission.id,
        status="pending" if fates.pendings.count else "complete",
        request_timestamp=submission.received_at,
        total_count=fates.total,
        success_count=fates.successes.count,
        successes=_listed(fates.successes),
        failure_count=fates.failures.count,
        failures=_listed(fates.failures),
        pending_count=fates.pendings.count,
        pendings=_listed(fates.pendings),
        x_tocsin_receipt=links_of(submission.id).self,
    )


def _listed(group: Group) -> list[TaxiiObjectStatus] | None:
    """Clients refuse a list that is shorter than its count."""
    return [_object_status(fate) for fate in group.listed] if group.listed else None


def _object_status(fate: ObjectFate) -> TaxiiObjectStatus:
    return TaxiiObjectStatus(id=fate.id, version=fate.version, message=fate.message)

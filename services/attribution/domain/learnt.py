"""What a person has taught: whose an asset is, or to whom news of it goes, until a day."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from libs.common.contracts import Recipient
from services.attribution.domain.organisations import Organisation

LASTS = timedelta(days=365)
"""Where nobody says otherwise. As with what is proven: companies move, and addresses get other users."""


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """The word of a person on the owned part of an asset, as it is kept: an organisation, a recipient, or nobody.

    Without `until`, as releases before kept it, it counts for good.
    """

    owned_part: str
    organisation_id: UUID | None = None
    recipient: Recipient | None = None
    said_by: str
    said_at: datetime
    until: datetime | None = None
    note: str = ""


class Learnt(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A lesson as the ladder takes it. Neither an organisation nor a recipient: there is nobody to warn."""

    said_by: str
    organisation: Organisation | None = None
    recipient: Recipient | None = None


def learnt(lesson: Lesson, organisations: Mapping[UUID, Organisation]) -> Learnt | None:
    """None where the organisation that was named is gone."""
    organisation = organisations.get(lesson.organisation_id) if lesson.organisation_id else None
    if lesson.organisation_id and organisation is None:
        return None
    return Learnt(said_by=lesson.said_by, organisation=organisation, recipient=lesson.recipient)

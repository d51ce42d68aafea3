"""A decision as it stands, and the target that comes of it."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.ids import sibling_id
from services.attribution.domain.ladder import Decision


class Attribution(msgspec.Struct, frozen=True):
    """The first decision on an indicator, or the word of a person in its place."""

    indicator_id: UUID
    decided_at: datetime
    decision: Decision


def target_id_of(indicator_id: UUID) -> UUID:
    return sibling_id(indicator_id, "target")

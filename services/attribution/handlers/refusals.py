"""Changes that are not made."""

from uuid import UUID

import msgspec

from libs.common.db import Transaction
from services.attribution import store
from services.attribution.domain.merging import Objection
from services.attribution.domain.organisations import OrganisationProfile


class Refusal(msgspec.Struct, frozen=True):
    """A change that is not made, and why.

    `merged_into`: where what it was about has gone. `reasons` are all of them, where there are several.
    """

    code: str
    message: str
    merged_into: UUID | None = None
    reasons: tuple[Objection, ...] = ()


MISSING = Refusal("not-found", "There is no such organisation.")
MISSING_ASSET = Refusal("not-found", "There is no such asset.")
MISSING_CONTACT = Refusal("not-found", "There is no such contact.")
MISSING_CONFLICT = Refusal("not-found", "There is no such conflict.")


async def missing(tx: Transaction, organisation_id: UUID) -> Refusal:
    """Why there is no organisation with this id: it never was, or is another one now."""
    into = await store.merges.where_to(tx, organisation_id)
    if into is None:
        return MISSING
    return Refusal("merged", f"This organisation was merged into {into}; ask for that one.", into)


def kvk_number_taken(profile: OrganisationProfile) -> Refusal:
    return Refusal("kvk-number-taken", f"Another organisation has KVK number {profile.kvk_number}.")

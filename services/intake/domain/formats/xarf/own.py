"""What a report of another Tocsin says beyond XARF: the asset, category and identifier by which it was known there.

So that what one hands over in a mail is the same finding in the next, whatever XARF has no words for.
"""

from msgspec.structs import replace

from libs.common.contracts import Indicator
from services.intake.domain.categories import category_of
from services.intake.domain.formats.assets import named_asset
from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.formats.tocsin.records import IDENTIFIER


def as_known_there(found: Indicator, optional: Fields) -> Indicator:
    """`found` with what its member `tocsin` says of it. An asset that is not that of the report counts for nothing."""
    own = optional.member("tocsin")
    if own is None:
        return found
    fields = own.member("asset")
    asset = named_asset(fields).asset if fields else found.asset
    category = own.reading("category", category_of, limit=100, code="unknown-category", what="a category that we know")
    identifier = own.reading("identifier", _identifier, limit=80, code="invalid-identifier", what="like 'open-smb'")
    return replace(
        found,
        asset=asset if asset.key == found.asset.key else found.asset,
        category=category or found.category,
        identifier=identifier or found.identifier,
    )


def _identifier(text: str) -> str | None:
    return text if IDENTIFIER.fullmatch(text) else None

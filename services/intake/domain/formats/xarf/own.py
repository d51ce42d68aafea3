"""What a report of another Tocsin says beyond XARF: the asset, category and identifier by which it was known there, and
of stolen credentials whose they are, from which leak and of which day.

So that what one hands over in a mail is the same finding in the next, whatever XARF has no words for.
"""

from datetime import date

from msgspec.structs import replace

from libs.common.contracts import Asset, Indicator
from services.intake.domain.categories import category_of
from services.intake.domain.extras import bounded
from services.intake.domain.formats.assets import named_asset
from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.formats.tocsin.records import IDENTIFIER
from services.intake.domain.values import email_of


def as_known_there(found: Indicator, optional: Fields) -> Indicator:
    """`found` with what its member `tocsin` says of it. An asset that is not that of the report counts for nothing."""
    own = optional.member("tocsin")
    if own is None:
        return found
    fields = own.member("asset")
    asset = named_asset(fields).asset if fields else found.asset
    category = own.reading("category", category_of, limit=100, code="unknown-category", what="a category that we know")
    identifier = own.reading("identifier", _identifier, limit=80, code="invalid-identifier", what="like 'open-smb'")
    known = replace(
        found,
        asset=asset if asset.key == found.asset.key else found.asset,
        category=category or found.category,
        identifier=identifier or found.identifier,
    )
    return _with_leak(known, own)


def _with_leak(found: Indicator, own: Fields) -> Indicator:
    """`found` with the account, the leak and its day: who says one of them speaks of stolen credentials.

    No message quotes what is none of them: people write passwords beside addresses.
    """
    account = own.reading("account", email_of, limit=320, code="invalid-email", what="an e-mail address", shown=False)
    leak = own.text("leak", limit=200)
    day = own.reading("leaked_on", _day, limit=10, code="invalid-timestamp", what="a day like 2026-03-01", shown=False)
    if not (account or leak or day):
        return found
    told = {"breach": leak or "", "leaked_at": day or ""}
    others = {name: value for name, value in found.extra.items() if not told.get(name)}
    return replace(
        found, asset=_of_account(found.asset, account), credentials=True, extra=bounded((told | others).items())
    )


def _of_account(asset: Asset, account: str | None) -> Asset:
    """The account belongs to an asset that names none, as long as it stays the asset of the report."""
    named = asset if asset.email else replace(asset, email=account)
    return named if named.key == asset.key else asset


def _day(text: str) -> str | None:
    try:
        return str(date.fromisoformat(text))
    except ValueError:
        return None


def _identifier(text: str) -> str | None:
    return text if IDENTIFIER.fullmatch(text) else None

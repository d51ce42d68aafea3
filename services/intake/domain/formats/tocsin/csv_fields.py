"""The columns that `tocsin-csv` has."""

from services.intake.domain.formats.tocsin.records import ASSET_FIELDS, PRODUCT_FIELDS, RECORD_FIELDS

_OBJECTS = {"asset": ASSET_FIELDS, "product": PRODUCT_FIELDS}
FIELDS = frozenset(
    (RECORD_FIELDS - {"asset", "product", "extra"})
    | {f"{parent}.{name}" for parent, names in _OBJECTS.items() for name in names}
)
SHORT_FORMS = {name: f"asset.{name}" for name in ASSET_FIELDS - {"asn"}}

"""What a person asks about: an asset, as a record of it would come."""

from datetime import datetime

import msgspec

from libs.common.contracts import Asset, Indicator, ListedOperator
from libs.common.contracts.intake import CERTIFICATE_FIELD


class Looked(msgspec.Struct, frozen=True):
    """An asset, with what its record would say besides; `listed` as the verifier would mark it."""

    asset: Asset
    network_asn: int | None = None
    country: str | None = None
    category: str = ""
    certificate_name: str | None = None
    listed: ListedOperator | None = None

    def seen_at(self, now: datetime) -> Indicator:
        """Such a record, of now."""
        return Indicator(
            seen_at=now,
            category=self.category,
            identifier="",
            asset=self.asset,
            asn=self.network_asn,
            geo_country=self.country,
            extra={CERTIFICATE_FIELD: self.certificate_name} if self.certificate_name else {},
        )

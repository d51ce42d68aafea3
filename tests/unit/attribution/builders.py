"""What these tests start from."""

from datetime import UTC, datetime

from libs.common.contracts import Asset, Indicator, ThreatVerified
from libs.common.ids import new_id
from libs.common.vocabulary import Severity

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_threat(asset: Asset) -> ThreatVerified:
    return ThreatVerified(
        threat_id=new_id(),
        indicator_id=new_id(),
        submission_id=new_id(),
        record=1,
        partner="demo",
        received_at=NOW,
        indicator=Indicator(seen_at=NOW, category="vulnerable", identifier="open-smb", asset=asset),
        incident="open-smb",
        severity=Severity.HIGH,
        grade="B2",
        confidence=0.8,
        first_seen_at=NOW,
    )

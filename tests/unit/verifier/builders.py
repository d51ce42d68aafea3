"""Indicators, incidents and rules as tests want them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from libs.common.contracts import Advisory, Asset, Indicator, RawIndicator
from libs.common.vocabulary import IncidentState, Language, Reliability, Severity, Transport
from services.verifier.domain import Catalogue, History, Incident, Matches, Rules

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ADVISORY = Advisory(
    title="A door is open",
    what="A door of yours is open to the whole internet.",
    why="Whoever walks by may come in and take what there is.",
    check=("Look at the door.",),
    act=("Close it.",),
    otherwise="Ask whoever made it.",
    sources=("The carpenter",),
)
SMB = Incident(
    slug="open-smb",
    category="vulnerable/vulnerable-system",
    severity=Severity.HIGH,
    state=IncidentState.APPROVED,
    matches=Matches(identifiers=("open-smb",)),
    advisory=dict.fromkeys(Language, ADVISORY),
)
RDP = msgspec.structs.replace(
    SMB, slug="open-rdp", matches=Matches(identifiers=("open-rdp",)), state=IncidentState.DRAFT
)
RULES = Rules(catalogue=Catalogue((SMB, RDP)), version="test")
NOTHING_KNOWN = History(threats={}, false_positives={})
INDICATOR = Indicator(
    seen_at=NOW - timedelta(hours=6),
    category="vulnerable/vulnerable-system",
    identifier="open-smb",
    asset=Asset(ip="145.10.20.30", port=445, transport=Transport.TCP),
    geo_country="NL",
)


def raw(
    number: int = 1,
    *,
    partner: str = "demo",
    reliability: Reliability = Reliability.B,
    test_mails_to: str | None = None,
    **changes: Any,  # Any: fields of Indicator, each of its own type
) -> RawIndicator:
    return RawIndicator(
        indicator_id=UUID(int=number),
        submission_id=UUID(int=1000),
        record=number,
        partner=partner,
        reliability=reliability,
        received_at=NOW,
        indicator=msgspec.structs.replace(INDICATOR, **changes),
        test_mails_to=test_mails_to,
    )

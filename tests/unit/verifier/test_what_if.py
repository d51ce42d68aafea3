"""What other rules would make of the same records, by whom it would be told."""

from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from libs.common.contracts import Asset, ListedOperator
from libs.common.vocabulary import Outcome, RecipientKind
from services.verifier.domain import Rules, parse_vital_assets, threat_id_of
from services.verifier.domain.known_wrong import KnownWrong
from services.verifier.domain.listed import GoesOn, Listing, listing_of
from services.verifier.domain.values import FalsePositive
from services.verifier.domain.what_if import Comparing, Comparison, Told
from services.verifier.gateway import HttpAttribution, Path, Receiver
from services.verifier.gateway.attribution import BYTES_AT_ONCE
from tests.unit.verifier.builders import NOW, RULES, raw

WATER = ListedOperator(name="Water Works", sector="drinking water", warned_by="WaterCERT")
LIST = parse_vital_assets(
    [
        "kind,value,name,sector,warned_by",
        "ip-range,145.10.20.0/28,Water Works,drinking water,WaterCERT",
        "asn,AS64500,Grid,,",
    ]
)
LISTING = msgspec.structs.replace(RULES, vital_assets=LIST)
IGNORED = msgspec.structs.replace(LISTING, fails_as={"vital": None})
ENDED = msgspec.structs.replace(LISTING, fails_as={"vital": Outcome.OUT_OF_SCOPE})
LISTED_HOST, OTHER_HOST = Asset(ip="145.10.20.1", port=445), Asset(ip="145.99.0.1", port=445)


def compared(now: Rules, draft: Rules, *assets: Asset) -> Comparison:
    events = [raw(number, asset=asset) for number, asset in enumerate(assets, start=1)]
    comparing = Comparing(now=now, draft=draft)
    ids = {threat_id_of(event) for event in events}
    comparing.add(zip(*(side.judge(events, ids, {}, NOW) for side in (comparing.now, comparing.draft)), strict=True))
    return comparing.result()


def test_what_would_go_to_another_is_told_otherwise_by_both() -> None:
    found = compared(LISTING, IGNORED, LISTED_HOST, OTHER_HOST)

    assert ({told.asset for told in found.more}, {told.asset for told in found.fewer}) == ({LISTED_HOST}, {LISTED_HOST})
    assert ([told.listed for told in found.more], [told.listed for told in found.fewer]) == ([None], [WATER])
    assert [told.asset for told in found.alike] == [OTHER_HOST], "which may be in the same mail"
    (change,) = found.changes
    assert (change.now, change.draft, change.records, change.because) == ("listed", "verified", 1, {"vital": 1})


def test_what_ends_at_the_list_is_told_no_more() -> None:
    found = compared(LISTING, ENDED, LISTED_HOST, OTHER_HOST)

    assert (found.more, [told.listed for told in found.fewer]) == ((), [WATER])
    assert [(change.now, change.draft) for change in found.changes] == [("listed", "out-of-scope")]


def test_nothing_is_alike_of_an_incident_that_makes_no_difference() -> None:
    assert compared(LISTING, LISTING, LISTED_HOST, OTHER_HOST).alike == ()


def test_a_threat_keeps_what_its_record_says_of_its_place() -> None:
    nobody_is_wrong = msgspec.structs.replace(RULES, known_wrong=KnownWrong(()))
    all_wrong = msgspec.structs.replace(
        RULES,
        known_wrong=KnownWrong((FalsePositive(reason="a lab", expires_at=NOW.replace(year=2030), partner="demo"),)),
    )
    event = raw(asset=OTHER_HOST, asn=64501, extra={"subject_common_name": "www.bakery.nl"})
    comparing = Comparing(now=nobody_is_wrong, draft=all_wrong)
    sides = (side.judge([event], set(), {}, NOW) for side in (comparing.now, comparing.draft))
    comparing.add(zip(*sides, strict=True))

    assert comparing.result().fewer == (
        Told(
            threat_id=threat_id_of(event),
            incident="open-smb",
            asset=OTHER_HOST,
            asn=64501,
            country="NL",
            category="vulnerable/vulnerable-system",
            certificate_name="www.bakery.nl",
        ),
    )


@pytest.mark.parametrize(
    ("asset", "network_asn", "rules", "listing"),
    [
        (LISTED_HOST, None, LISTING, Listing(True, WATER, GoesOn.HANDED_OVER)),
        (LISTED_HOST, None, IGNORED, Listing(True, WATER, GoesOn.WARNED)),
        (LISTED_HOST, None, ENDED, Listing(True, WATER, Outcome.OUT_OF_SCOPE)),
        (OTHER_HOST, None, LISTING, Listing(True)),
        (OTHER_HOST, 64501, LISTING, Listing(True)),
        (OTHER_HOST, 64500, LISTING, Listing(True, ListedOperator(name="Grid"), GoesOn.HANDED_OVER, by_network=True)),
        (Asset(asn=64500), None, LISTING, Listing(True, ListedOperator(name="Grid"), GoesOn.HANDED_OVER)),
        (LISTED_HOST, 64500, RULES, Listing(False)),
    ],
)
def test_who_asks_before_there_is_a_record_is_told_what_would_become_of_it(
    asset: Asset, network_asn: int | None, rules: Rules, listing: Listing
) -> None:
    assert listing_of(asset, network_asn=network_asn, rules=rules) == listing


async def test_attribution_is_asked_all_that_a_record_says_and_in_bodies_that_it_takes() -> None:
    long = [told(Asset(url=f"https://www.bakery.nl/{number}/{'x' * 2000}")) for number in range(1200)]
    bodies: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        items = len(msgspec.json.decode(request.content)["assets"])
        return httpx.Response(200, json={"items": [{"route": "none"}] * items})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://attribution") as client:
        paths = await HttpAttribution(client).paths([told(LISTED_HOST, listed=WATER, category="a/b", asn=1), *long])

    assert len(paths) == 1201
    assert max(map(len, bodies)) <= BYTES_AT_ONCE + 100
    assert msgspec.json.decode(bodies[0])["assets"][0] == {
        "ip": "145.10.20.1",
        "network_asn": 1,
        "category": "a/b",
        "listed": {"name": "Water Works", "sector": "drinking water", "warned_by": "WaterCERT"},
    }


def told(asset: Asset, **also: object) -> Told:
    return Told(threat_id=uuid4(), incident="open-smb", asset=asset, **also)  # type: ignore[arg-type]  # as given


def test_a_copy_is_a_mail_and_nobody_is_none() -> None:
    one, other = UUID(int=1), UUID(int=2)
    copy = Receiver(RecipientKind.NATIONAL_CERT, other)

    path = Path("organisation", RecipientKind.ORGANISATION, one, (copy,))

    assert path.receivers == (Receiver(RecipientKind.ORGANISATION, one), copy)
    assert Path("none").receivers == ()

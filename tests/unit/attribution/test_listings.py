"""What the verifier's list makes of a look-up, and how the verifier is asked."""

import httpx
import pytest

from libs.common.contracts import Asset, ListedOperator
from libs.common.errors import Permanent, TocsinError, Transient
from libs.common.intervals import place_of
from libs.common.vocabulary import Outcome
from services.attribution.api.lookup import AssetBody, ListedBody, looked_of
from services.attribution.domain.directory import Question, question_of
from services.attribution.domain.ladder.words import explain_listing
from services.attribution.domain.listings import HANDED_OVER, WARNED, Listing, Unknown
from services.attribution.gateway.verifier import HttpVerifier, StaticVerifier, Verifier
from tests.unit.attribution.builders import NOW

HOST = Asset(ip="192.0.2.17", domain="www.water.example")
WATER = ListedOperator(name="Water Works", sector="drinking water")
LISTED = Listing(True, WATER, HANDED_OVER)
ANSWER = (
    '{"has_list":true,"operator":{"name":"Water Works","sector":"drinking water","warned_by":""},'
    '"becomes":"handed-over","by_network":false}'
)


def told(listing: Listing | Unknown, *, network_asn: int | None = None) -> list[str]:
    return explain_listing(listing, ["It would go to them.", "A step."], asked="192.0.2.17", network_asn=network_asn)


def test_where_nobody_knows_it_is_said_before_the_conclusion() -> None:
    first, second, *rest = told(Unknown("the verifier answers 503"))

    assert first == (
        "Whether 192.0.2.17 is on the verifier's list of those whom other teams warn is not known here: the verifier "
        "answers 503. If it is, none of this holds: it goes to that team."
    )
    assert "GET /v1/listed" in second
    assert rest == ["It would go to them.", "A step."]


def test_what_the_list_says_comes_after_the_conclusion() -> None:
    assert told(Listing(True))[2:] == ["The verifier's list of those whom other teams warn does not name it."]
    assert told(Listing(False))[2:] == ["The verifier has no list of those whom other teams warn."]
    assert told(LISTED) == ["It would go to them.", "A step."], "a step says it already"
    assert told(Listing(True, WATER, WARNED))[1] == (
        "The verifier's list names Water Works (drinking water), on the list of vital operators; by the rules in force "
        "that is no matter, so it is warned like anybody."
    )
    by_network = Listing(True, WATER, HANDED_OVER, by_network=True)
    assert told(by_network, network_asn=64511)[1] == (
        "The verifier's list names it by AS64511 alone: this holds for records that say that it lies there."
    )


def test_only_what_an_event_would_bring_is_carried() -> None:
    assert (LISTED.carried, LISTED.ends_as) == (WATER, None)
    assert (Listing(True, WATER, WARNED).carried, Listing(True, WATER, WARNED).ends_as) == (None, None)
    ended = Listing(True, WATER, "held")
    assert (ended.carried, ended.ends_as) == (None, Outcome.HELD)
    assert (Listing(True).carried, Listing(True).ends_as) == (None, None)


def test_what_is_asked_about_is_asked_like_a_record_that_says_the_same() -> None:
    asked = {"ip": "192.0.2.17", "hostname": "h.isp.example", "certificate_name": "www.water.example"}
    placed = {"network_asn": 64511, "country": "NL", "category": "malicious-code/c2-server"}
    listed = ListedBody(name="Water Works", sector="drinking water")

    looked = looked_of(AssetBody.model_validate({**asked, **placed, "listed": listed.model_dump()}))

    assert looked.listed == WATER
    assert question_of(looked.seen_at(NOW), listed=looked.listed) == Question(
        asset_key="192.0.2.17",
        address=place_of("192.0.2.17"),
        asns=(64511,),
        claimed_country="NL",
        certificate_name="www.water.example",
        reverse_name="h.isp.example",
        category="malicious-code/c2-server",
        listed=WATER,
    )


def http_verifier(answer: httpx.Response | Exception, *, asked: list[httpx.Request] | None = None) -> HttpVerifier:
    def handle(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return HttpVerifier("http://verifier", transport=httpx.MockTransport(handle))


@pytest.mark.parametrize(
    "verifier", [http_verifier(httpx.Response(200, text=ANSWER)), StaticVerifier(lambda *_: LISTED)]
)
async def test_a_verifier_says_whom_its_list_names(verifier: Verifier) -> None:
    assert await verifier.listing(HOST, network_asn=64511, authorization="Bearer x") == LISTED


async def test_the_whole_asset_is_asked_for_with_the_token_of_whoever_looks_up() -> None:
    asked: list[httpx.Request] = []

    await http_verifier(httpx.Response(200, text=ANSWER), asked=asked).listing(
        HOST, network_asn=64511, authorization="Bearer x"
    )

    assert dict(asked[0].url.params) == {"ip": "192.0.2.17", "domain": "www.water.example", "network_asn": "64511"}
    assert (asked[0].url.path, asked[0].headers["authorization"]) == ("/v1/listed", "Bearer x")


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        (httpx.ConnectError("refused"), Transient, "the verifier does not answer: ConnectError"),
        (httpx.ReadTimeout("late"), Transient, "the verifier does not answer: ReadTimeout"),
        (httpx.Response(503), Permanent, "the verifier answers 503"),
        (httpx.Response(404), Permanent, "the verifier answers 404"),
        (httpx.Response(200, text="<html>"), Permanent, "the verifier answers something else"),
        (httpx.Response(200, text='{"has_list":true,"becomes":"held"}'), Permanent, "something else"),
        (httpx.Response(200, text=ANSWER.replace("handed-over", "eaten")), Permanent, "something else"),
    ],
)
async def test_an_answer_that_can_not_be_used_says_why(
    answer: httpx.Response | Exception, error: type[TocsinError], why: str
) -> None:
    with pytest.raises(error, match=why):
        await http_verifier(answer).listing(HOST, network_asn=None, authorization="Bearer x")

"""Which names a record places at its address."""

from libs.common.contracts import Asset, Indicator
from libs.common.contracts.intake import CERTIFICATE_FIELD
from services.attribution.domain.directory import Question, question_of
from services.attribution.domain.neighbours import MOST_NAMES, names_at, others_at, pairs_of
from tests.unit.attribution.builders import NOW


def asked(asset: Asset, *, certificate: str = "") -> Question:
    extra = {CERTIFICATE_FIELD: certificate} if certificate else {}
    return question_of(Indicator(seen_at=NOW, category="", identifier="", asset=asset, extra=extra))


def test_names_of_sites_and_certificates_count_by_their_owner() -> None:
    question = asked(
        Asset(ip="192.0.2.1", domain="www.shop.co.uk", url="https://pay.shop.co.uk/", hostname="web3.host.example"),
        certificate="*.me.github.io",
    )

    assert names_at(question) == {"shop.co.uk", "me.github.io"}


def test_a_site_where_somebody_has_an_account_is_not_at_the_address_they_came_from() -> None:
    assert names_at(asked(Asset(ip="192.0.2.1", url="https://login.bank.example", email="jan@mail.example"))) == set()


def test_a_name_without_an_address_is_at_none() -> None:
    assert pairs_of([asked(Asset(domain="shop.example"))]) == []


def test_each_pair_is_kept_once_in_one_order_and_not_too_many_of_one_address() -> None:
    many = [asked(Asset(ip="192.0.2.9", domain=f"shop-{number:03}.example")) for number in range(100)]
    again = asked(Asset(ip="192.0.2.1", domain="www.a.example"))

    pairs = pairs_of([*many, again, again])

    assert pairs == sorted(set(pairs))
    assert pairs[0] == ("192.0.2.1", "a.example")
    assert len(pairs) == 1 + MOST_NAMES


def test_the_records_own_names_are_no_others() -> None:
    seen = {"192.0.2.1": {"a.example", "b.example", "c.example"}}

    assert others_at(asked(Asset(ip="192.0.2.1", domain="www.a.example")), seen) == 2
    assert others_at(asked(Asset(ip="192.0.2.1")), seen) == 3
    assert others_at(asked(Asset(ip="192.0.2.2")), seen) == 0
    assert others_at(asked(Asset(domain="a.example")), seen) == 0

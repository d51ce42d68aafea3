"""Since when there are products: the shipped file, and how one says what is wrong in it."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from libs.common.contracts.intake import Product
from libs.common.toml_files import BrokenFile
from services.verifier.domain.judgement import judge
from services.verifier.domain.products import Products, parse_products
from services.verifier.domain.rules import rules_version
from services.verifier.handlers.rules import read_products
from tests.unit.verifier.builders import NOTHING_KNOWN, NOW, RULES, raw

GATE = '[[product]]\nvendor = "Acme"\nname = "Gate"\naliases = ["Acme Door"]\nfirst_released = "2024-02"\n'
SHIPPED = read_products()


@pytest.mark.parametrize(
    ("product", "since"),
    [
        (Product(vendor="ConnectWise", name="ScreenConnect"), date(2008, 1, 1)),
        (Product(name="WordPress"), date(2003, 5, 1)),
        (Product(vendor="Automattic", name="wordpress"), date(2003, 5, 1)),
        (Product(vendor="Cisco", name="Cisco IOS XE"), date(2008, 1, 1)),
        (Product(vendor="Cisco", name="IOS"), None),
        (Product(vendor="Apache Software Foundation", name="Apache Kafka"), date(2011, 1, 1)),
        (Product(vendor="ConnectWise"), None),
        (None, None),
    ],
)
def test_a_product_is_known_by_its_names(product: Product | None, since: date | None) -> None:
    for _ in range(2):
        known = SHIPPED.known_as(product)
        assert (known.since if known else None) == since


def test_the_shipped_file_has_many_and_none_from_after_today() -> None:
    assert len(SHIPPED.entries) >= 40
    assert {each.name for each in SHIPPED.entries if not date(2000, 1, 1) < each.since < NOW.date()} == set()


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (GATE.replace("2024-02", "2024-13"), 1, "month must be in 1..12"),
        (GATE.replace("2024-02", "24-02"), 1, "no year and no month"),
        (GATE.replace("2024-02", "2024-2"), 1, "no year and no month"),
        (GATE.replace("vendor", "vendro"), 1, "vendro"),
        (GATE.replace('name = "Gate"\n', ""), 1, "name"),
        (GATE + "\n" + GATE.replace('"2024-02"', "2024"), 7, "first_released"),
        (GATE + "\n" + GATE.replace("Gate", "acme door").replace('["Acme Door"]', "[]"), 7, "has been said before"),
        (GATE + '[products]\nname = "x"\n', 6, "no such section"),
        ("product = 3\n", 1, "no such section"),
        (GATE + "name = = 3\n", 6, "syntax"),
    ],
)
def test_a_mistake_in_the_file_is_told_by_line(text: str, line: int, says: str) -> None:
    with pytest.raises(BrokenFile) as broken:
        parse_products(text)
    (fault,) = broken.value.faults
    assert (fault.line, says in str(fault)) == (line, True), str(fault)


def test_when_it_was_first_seen_is_not_passed_on_where_there_was_no_such_product() -> None:
    rules = msgspec.structs.replace(RULES, products=parse_products(GATE))
    for day, is_believed in ((datetime(2024, 1, 31, tzinfo=UTC), False), (datetime(2024, 2, 1, tzinfo=UTC), True)):
        event = raw(first_seen_at=day, product=Product(vendor="Acme", name="Gate"))
        judged = judge(event, NOTHING_KNOWN, rules, NOW)
        assert judged.first_seen_at == (day if is_believed else event.indicator.seen_at)


def test_other_products_are_other_rules() -> None:
    with_gate = msgspec.structs.replace(RULES, products=parse_products(GATE))
    assert rules_version(with_gate) != rules_version(msgspec.structs.replace(RULES, products=Products()))

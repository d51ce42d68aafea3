"""The list of those whom others warn: what is in it, and what is wrong with it, by its line."""

from pathlib import Path

import pytest

from libs.common.contracts import Asset, ListedOperator
from libs.common.errors import Fatal, Permanent
from services.verifier.app import settled_rules
from services.verifier.domain import parse_vital_assets
from services.verifier.settings import VerifierSettings

HEADER = "kind,value,name,sector,warned_by"
WATER = ListedOperator(name="Water Board", sector="water", warned_by="cert-water")


def test_an_asset_is_an_operator_s_by_range_by_domain_or_by_as() -> None:
    whose = ",Water Board,water,cert-water"

    listed = parse_vital_assets([HEADER, f"ip-range,146.0.0.0/16{whose}", f"domain,Water.NL{whose}", f"asn,AS1{whose}"])

    assert listed.owner_of(Asset(ip="146.0.3.4"), None) == WATER
    assert listed.owner_of(Asset(url="https://www.water.nl/"), None) == WATER
    assert listed.owner_of(Asset(ip="145.0.0.1"), 1) == WATER
    assert listed.owner_of(Asset(ip="145.0.0.1"), 2) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ip-range,146.0.0.1/16,One", "line 3: 146.0.0.1/16 has host bits set"),
        ("asn,ASX,One", "line 3: 'asn' 'ASX' is not"),
        ("asn,0,One", "line 3: 'asn' '0' is not"),
        ("domain,no domain,One", "line 3: 'domain' 'no domain' is not"),
        ("email,jan@water.nl,One", "line 3: 'email' 'jan@water.nl' is not"),
        ("asn", "line 3: it must have `kind`, `value` and `name`"),
        ("ip-range,145.0.0.0/8,One", "the ranges of 'One' and 'Two' overlap"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(line: str, said: str) -> None:
    with pytest.raises(Permanent) as caught:
        parse_vital_assets([HEADER, "ip-range,145.1.0.0/16,Two", line])

    assert said in str(caught.value)


def test_a_list_without_its_first_line_is_none() -> None:
    with pytest.raises(Permanent, match="line 2: it must have `kind`, `value` and `name`"):
        parse_vital_assets(["asn,1,One", "asn,2,Two"])


@pytest.mark.parametrize(
    ("content", "said"), [(b"kind,value,name\nasn,1,\xff\n", "utf-8"), (b"kind,value,name\nasn,X,One\n", "line 2")]
)
def test_a_broken_list_stops_the_start_with_its_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "vital.csv"
    path.write_bytes(content)

    with pytest.raises(Fatal) as caught:
        settled_rules(settings(path))

    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_a_list_may_come_from_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "vital.csv"
    path.write_bytes("\ufeffkind,value,name\r\nasn,1,One\r\n".encode())

    listed = settled_rules(settings(path)).vital_assets

    assert listed.owner_of(Asset(asn=1), None) == ListedOperator(name="One")


def settings(path: Path) -> VerifierSettings:
    return VerifierSettings(
        http_port=1,
        database_url="postgresql://nobody@127.0.0.1:1/none",
        kafka_bootstrap="127.0.0.1:1",
        operator_public_key="",
        vital_assets_file=path,
    )

"""Whole mails of our own making, like those of real servers: what each is, about which notification, and of whom."""

import csv
from pathlib import Path
from uuid import UUID

import pytest

from libs.common.references import reference_of
from libs.common.verp import return_address
from services.feedback.domain.incoming.mail import read
from services.feedback.domain.incoming.recognised import House, recognise

MAILS = Path(__file__).parent / "mails"
NOTIFICATION = UUID("3f0d8c1e-5b7a-5c44-9a51-0c6f2b7d9e10")
REFERENCE = reference_of(NOTIFICATION, b"references of the tests")
HOUSE = House(key=b"a key of the tests, long enough", domain="tocsin.example")
ADDRESSES = {
    "token": return_address(NOTIFICATION, domain="tocsin.example", key=HOUSE.key),
    "desk": f"desk+{REFERENCE}@tocsin.example",
    "bare": "desk@tocsin.example",
}
CASES = list(csv.DictReader((MAILS / "cases.csv").open()))


def test_every_mail_is_a_case() -> None:
    assert sorted(path.stem for path in MAILS.glob("*.eml")) == sorted(case["mail"] for case in CASES)
    assert len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["mail"])
def test_a_mail_is_what_it_is(case: dict[str, str]) -> None:
    content = (MAILS / f"{case['mail']}.eml").read_bytes()
    found = recognise(read(content), to=ADDRESSES[case["to"]], house=HOUSE)
    said = {
        "kind": found.kind,
        "trust": found.trust,
        "recipient": found.recipient,
        "permanence": found.permanence or "",
        "code": found.code,
    }
    assert said == {name: case[name] for name in said}
    known = case["trust"] in ("token", "message-id")
    assert found.notification_id == (NOTIFICATION if known else None)
    assert found.reference == (REFERENCE if case["trust"] == "reference" else "")

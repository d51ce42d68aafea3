"""Who else can be told, past those who could not be reached."""

import msgspec
import pytest

from libs.common.contracts import Asset
from services.attribution.domain.directory import question_of
from services.attribution.domain.ladder import Attributed
from services.attribution.domain.next_contact import Exhausted, next_contact
from services.attribution.domain.organisations import Organisation
from tests.unit.attribution.test_ladder import BAKERY, DIRECTORY, DUTCH, NOW, an_indicator

SECURITY, INFO, ABUSE = "security@bakery.example", "info@bakery.example", "abuse@isp.example"


def after(asset: Asset, *failed: str, learnt: Organisation | None = None) -> Attributed | Exhausted:
    (findings,) = DIRECTORY.find([question_of(an_indicator(asset))])
    findings = msgspec.structs.replace(findings, learnt=learnt)
    return next_contact(findings, failed=failed, directory=DIRECTORY, constituency=DUTCH, at=NOW)


@pytest.mark.parametrize(
    ("asset", "failed", "then"),
    [
        (Asset(ip="192.0.2.5"), (SECURITY,), INFO),
        (Asset(ip="192.0.2.5"), (INFO,), SECURITY),
        (Asset(ip="192.0.2.5"), (SECURITY, INFO), ABUSE),
        (Asset(domain="bakery.example"), (SECURITY,), INFO),
        (Asset(domain="branch.bakery.example", ip="192.0.2.17"), ("it@branch.example",), ABUSE),
        (Asset(ip="192.0.2.130"), (), ABUSE),
        (Asset(email=INFO), (SECURITY,), None),
        (Asset(domain="bakery.example"), (SECURITY, INFO), None),
        (Asset(ip="192.0.2.5"), (SECURITY, INFO, ABUSE), None),
        (Asset(ip="192.0.2.130"), (ABUSE,), None),
        (Asset(ip="198.51.100.5"), ("somebody@shop.example",), None),
        (Asset(ip="203.0.113.1"), ("somebody@shop.example",), None),
        (Asset(domain="silent.example"), ("somebody@shop.example",), None),
    ],
)
def test_the_next_contact_is_the_first_that_was_not_tried(
    asset: Asset, failed: tuple[str, ...], then: str | None
) -> None:
    found = after(asset, *failed)
    assert (found.recipient.email if isinstance(found, Attributed) else None) == then


def test_the_evidence_says_who_was_tried_and_how_the_next_was_found() -> None:
    found = after(Asset(ip="192.0.2.5"), SECURITY)
    assert isinstance(found, Attributed)
    assert (found.evidence[0].source, found.evidence[0].asked) == ("delivery", SECURITY)
    assert found.evidence[-1].source == "registered-range"
    assert found.confidence == 0.95


def test_an_organisation_that_a_person_named_has_other_contacts_too() -> None:
    found = after(Asset(domain="elsewhere.example"), SECURITY, learnt=BAKERY)
    assert isinstance(found, Attributed)
    assert (found.recipient.email, found.confidence) == (INFO, 0.9)


def test_never_more_than_three() -> None:
    assert isinstance(after(Asset(ip="192.0.2.5"), "a@a.example", "b@b.example", "c@c.example"), Exhausted)

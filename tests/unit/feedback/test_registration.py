"""What somebody types when they register an organisation: what is taken, and everything that is wrong with it."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from libs.common.contracts import ClaimedAsset
from libs.common.ids import derived_id
from libs.common.vocabulary import AssetKind, ClaimState, Language
from services.feedback.api.wording import read_wordings
from services.feedback.domain.registration.assets import Flaw, read_assets
from services.feedback.domain.registration.form import Flawed, RegistrationForm, Wanted, cleaned, read_form
from services.feedback.domain.registration.policy import RegistrationPolicy
from services.feedback.domain.registration.registration import (
    Registration,
    as_confirmed,
    asked,
    confirmed,
    is_of_the_same,
    mailbox_of,
    may_change,
    with_assets,
    withdrawn,
)

NOW = datetime(2026, 5, 9, 10, 42, tzinfo=UTC)
POLICY = RegistrationPolicy(
    most_assets=5,
    kept_for=timedelta(days=7),
    mails_to_one_a_day=3,
    mails_a_day=100,
    changes_a_day=2,
    allow_documentation=False,
)
DEMO = msgspec.structs.replace(POLICY, allow_documentation=True)
BAKERY = RegistrationForm(
    organisation="Bakery",
    kvk_number="12 34.56 78",
    email="Info@Bakery.example",
    language="nl",
    domains="Bakery.example\n\n www.bakery.example. \nbakery.example",
    ranges="192.0.2.64/28, 198.51.100.1 - 198.51.100.9",
    asns="as64500",
)


def flaws_of(form: RegistrationForm, policy: RegistrationPolicy = DEMO) -> list[Flaw]:
    read = read_form(cleaned(form), policy)
    return list(read.flaws) if isinstance(read, Flawed) else []


def registration(**changes: object) -> Registration:
    wanted = read_form(cleaned(BAKERY), DEMO)
    assert isinstance(wanted, Wanted)
    made = asked(wanted, registration_id=derived_id("registration", "bakery"), policy=POLICY, now=NOW)
    return msgspec.structs.replace(made, **changes)


def test_every_spelling_of_an_asset_is_one_asset() -> None:
    assert read_form(cleaned(BAKERY), DEMO) == Wanted(
        organisation="Bakery",
        kvk_number="12345678",
        email="Info@bakery.example",
        language=Language.DUTCH,
        assets=(
            ClaimedAsset(kind=AssetKind.DOMAIN, value="bakery.example"),
            ClaimedAsset(kind=AssetKind.DOMAIN, value="www.bakery.example"),
            ClaimedAsset(kind=AssetKind.IP_RANGE, value="192.0.2.64/28"),
            ClaimedAsset(kind=AssetKind.IP_RANGE, value="198.51.100.1 - 198.51.100.9"),
            ClaimedAsset(kind=AssetKind.ASN, value="AS64500"),
        ),
    )


def test_an_empty_form_lacks_everything_but_the_optional() -> None:
    assert flaws_of(RegistrationForm()) == [
        Flaw("organisation", "no_organisation"),
        Flaw("email", "no_email"),
        Flaw("language", "no_language"),
        Flaw("domains", "no_assets"),
    ]


def test_all_that_is_wrong_is_told_at_once() -> None:
    form = RegistrationForm(
        organisation="Win a prize: https://evil.example",
        kvk_number="1234567",
        email="bakery",
        language="fr",
        domains="https://bakery.nl/\nbakery.nl",
        ranges="192.0.2.300",
        asns="AS",
    )

    assert flaws_of(form) == [
        Flaw("organisation", "not_organisation"),
        Flaw("kvk_number", "not_kvk_number"),
        Flaw("email", "not_email"),
        Flaw("language", "no_language"),
        Flaw("domains", "not_domain", "https://bakery.nl/"),
        Flaw("ranges", "not_ip_range", "192.0.2.300"),
        Flaw("asns", "not_asn", "AS"),
    ]


@pytest.mark.parametrize(
    ("field", "line", "what"),
    [
        ("domains", "co.uk", "public_suffix"),
        ("domains", "nl", "not_domain"),
        ("domains", "192.0.2.1", "not_domain"),
        ("domains", "a" * 301, "not_domain"),
        ("domains", "bakery.example", "example_domain"),
        ("ranges", "10.0.0.0/24", "private_range"),
        ("ranges", "fe80::/64", "private_range"),
        ("ranges", "192.0.2.64/28", "private_range"),
        ("ranges", "192.0.1.0 - 192.0.3.255", "private_range"),
        ("ranges", "9.0.0.0/15", "too_wide"),
        ("ranges", "2600::/31", "too_wide"),
        ("ranges", "0.0.0.0/0", "too_wide"),
        ("ranges", "9.9.9.1/28", "not_ip_range"),
        ("asns", "64512", "private_asn"),
        ("asns", "0", "not_asn"),
    ],
)
def test_what_nobody_can_have_alone_is_refused_with_its_reason(field: str, line: str, what: str) -> None:
    assert read_assets({field: line}, POLICY).flaws == (Flaw(field, what, line),)


@pytest.mark.parametrize(
    ("field", "line"),
    [("domains", "bakery.nl"), ("ranges", "9.9.0.0/16"), ("ranges", "2600::/32"), ("asns", "AS3333")],
)
def test_what_one_organisation_can_have_is_taken(field: str, line: str) -> None:
    read = read_assets({field: line}, POLICY)

    assert (read.flaws, len(read.assets)) == ((), 1)


def test_documentation_is_taken_where_it_counts_as_real_and_private_space_nowhere() -> None:
    typed = {"domains": "bakery.example", "ranges": "192.0.2.64/28\n10.0.0.1", "asns": "AS64500"}

    read = read_assets(typed, DEMO)

    assert len(read.assets) == 3
    assert read.flaws == (Flaw("ranges", "private_range", "10.0.0.1"),)


def test_more_than_one_organisation_may_register_is_too_much_and_a_flood_is_not_even_read() -> None:
    six = "\n".join(f"shop{n}.nl" for n in range(6))
    flood = "x\n" * 501

    assert flaws_of(msgspec.structs.replace(BAKERY, domains=six, ranges="", asns="")) == [Flaw("domains", "too_many")]
    assert read_assets({"domains": flood}, POLICY).flaws == (Flaw("domains", "too_many"),)


def test_what_nobody_sees_is_taken_out_of_what_is_kept() -> None:
    form = cleaned(msgspec.structs.replace(BAKERY, organisation=" Bak\u202eery\x00\n ", domains="a.nl\u200b\r\nb.nl"))

    assert (form.organisation, form.domains) == ("Bakery", "a.nl\nb.nl")


def test_one_mailbox_has_many_addresses() -> None:
    assert mailbox_of("Info+one@Bakery.example") == mailbox_of("info+two@bakery.example") == "info@bakery.example"
    assert mailbox_of("other@bakery.example") != mailbox_of("info@bakery.example")


def test_an_organisation_is_known_again_by_its_number_or_its_name() -> None:
    other = registration(organisation="Another", kvk_number=None)

    assert is_of_the_same(registration(), registration(organisation="BAKERY", kvk_number=None))
    assert is_of_the_same(registration(), registration(organisation="Bakery B.V."))
    assert not is_of_the_same(registration(), other)
    assert not is_of_the_same(other, registration(organisation="A third", kvk_number=None))


def test_each_change_is_told_with_all_of_it_under_the_next_revision() -> None:
    first = confirmed(registration(), assets=registration().assets, now=NOW)
    second = with_assets(first, first.assets[:1], now=NOW)
    last = withdrawn(second, policy=POLICY, now=NOW)

    told = [as_confirmed(each, now=NOW) for each in (first, second, last)]
    assert [(event.revision, len(event.assets), event.is_withdrawn) for event in told] == [
        (1, 5, False),
        (2, 1, False),
        (3, 0, True),
    ]
    assert len({event.event_id for event in told}) == 3


def test_what_stands_is_not_forgotten_and_what_was_withdrawn_is() -> None:
    first = confirmed(registration(), assets=registration().assets, now=NOW)

    assert (registration().expires_at, first.expires_at) == (NOW + timedelta(days=7), None)
    assert withdrawn(first, policy=POLICY, now=NOW).expires_at == NOW + timedelta(days=7)


def test_changes_are_counted_by_day() -> None:
    changed = confirmed(registration(), assets=(), now=NOW)
    assert may_change(changed, policy=POLICY, now=NOW)

    changed = with_assets(changed, (), now=NOW)
    assert not may_change(changed, policy=POLICY, now=NOW)
    assert may_change(changed, policy=POLICY, now=NOW + timedelta(days=1))
    assert with_assets(changed, (), now=NOW + timedelta(days=1)).changes == 1


def test_every_state_has_a_name_and_a_sentence_and_every_kind_a_name() -> None:
    states = {"waiting", *ClaimState}
    for wording in read_wordings().values():
        assert set(wording.states) == states
        assert set(wording.progress) == {*states, "proven_record"}
        assert set(wording.assets) == set(AssetKind)

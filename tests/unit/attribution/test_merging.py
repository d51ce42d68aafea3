"""Which organisations look like one, and which can become one."""

from uuid import UUID

import msgspec
import pytest

from libs.common.vocabulary import Language
from services.attribution.domain.merging import Likeness, Trait, duplicates, merged, objections, plain_name
from services.attribution.domain.organisations import Criticality, CriticalitySource, OrganisationProfile

BAKERY = OrganisationProfile(name="Bakery", country="NL", language=Language.DUTCH, criticality=Criticality.UNKNOWN)


def profile(**changes: object) -> OrganisationProfile:
    return msgspec.structs.replace(BAKERY, **changes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bakkerij Jansen B.V.", "bakkerij  jansen bv"),
        ("Bäckerei Müller GmbH", "Backerei Muller"),
        ("The Bakery Ltd.", "BAKERY limited"),
        ("Stichting Het Brood", "brood"),
    ],
)
def test_names_that_differ_in_form_only_are_the_same(one: str, other: str) -> None:
    assert plain_name(one) == plain_name(other)


@pytest.mark.parametrize(("one", "other"), [("Bakery", "Bakery Two"), ("De Groep", "Holding"), ("Advies", "Advies AI")])
def test_names_that_differ_in_a_word_are_not(one: str, other: str) -> None:
    assert plain_name(one) != plain_name(other)


def test_a_name_of_nothing_but_a_legal_form_is_kept() -> None:
    assert plain_name("Group Holding B.V.") == "group holding bv"


def test_pairs_are_told_with_all_that_they_share() -> None:
    one, two, three, four = (UUID(int=number) for number in (1, 2, 3, 4))
    traits = [
        Trait(two, Likeness.NAME, "bakery"),
        Trait(one, Likeness.NAME, "bakery"),
        Trait(one, Likeness.NUMBER, "BE:1"),
        Trait(two, Likeness.NUMBER, "BE:1"),
        Trait(three, Likeness.NAME, "bakery"),
        Trait(four, Likeness.NAME, "butcher"),
        Trait(four, Likeness.NAME, "butcher"),
    ]
    assert [(pair.first, pair.second, pair.why) for pair in duplicates(traits)] == [
        (one, two, ((Likeness.NAME, "bakery"), (Likeness.NUMBER, "BE:1"))),
        (one, three, ((Likeness.NAME, "bakery"),)),
    ]


def test_what_many_share_says_nothing() -> None:
    assert duplicates(Trait(UUID(int=n), Likeness.MAIL_DOMAIN, "mail.example") for n in range(11)) == []
    assert duplicates(Trait(UUID(int=n), Likeness.NAME, "") for n in range(2)) == []


@pytest.mark.parametrize(
    ("one", "into", "codes"),
    [
        ({}, {}, []),
        ({"country": "BE"}, {}, ["other-country"]),
        ({"kvk_number": "01234567"}, {}, []),
        ({"kvk_number": "01234567"}, {"kvk_number": "76543210"}, ["other-number"]),
        ({"company_numbers": ("BE:1",)}, {"company_numbers": ("BE:2",)}, ["other-number"]),
        ({"company_numbers": ("BE:1",)}, {"company_numbers": ("DE:2",)}, []),
        ({"criticality": Criticality.ESSENTIAL}, {"criticality": Criticality.NONE}, ["other-criticality"]),
        ({"criticality": Criticality.ESSENTIAL}, {"criticality": Criticality.VITAL}, []),
        ({"criticality": Criticality.ESSENTIAL}, {"criticality": Criticality.UNKNOWN}, []),
        (
            {"criticality": Criticality.ESSENTIAL, "criticality_source": CriticalitySource.DERIVED},
            {"criticality": Criticality.NONE},
            [],
        ),
    ],
)
def test_what_speaks_against_a_merge(one: dict[str, object], into: dict[str, object], codes: list[str]) -> None:
    assert [each.code for each in objections(profile(**one), profile(**into))] == codes


def test_the_one_that_stays_takes_what_it_lacks() -> None:
    one = profile(
        name="Bakkerij",
        other_names=("Brood", "Bakery"),
        kvk_number="01234567",
        company_numbers=("BE:1",),
        sector="food",
        criticality=Criticality.ESSENTIAL,
    )
    into = profile(other_names=("Brood",), company_numbers=("DE:2",))

    both = merged(one, into)

    assert (both.name, both.other_names) == ("Bakery", ("Brood", "Bakkerij"))
    assert (both.kvk_number, both.company_numbers, both.sector) == ("01234567", ("DE:2", "BE:1"), "food")
    assert both.criticality is Criticality.ESSENTIAL


def test_a_derived_criticality_gives_way_to_a_decided_one() -> None:
    derived = profile(criticality=Criticality.ESSENTIAL, criticality_source=CriticalitySource.DERIVED)
    decided = profile(criticality=Criticality.NONE)
    assert merged(decided, derived).criticality is Criticality.NONE
    assert merged(derived, decided).criticality is Criticality.NONE

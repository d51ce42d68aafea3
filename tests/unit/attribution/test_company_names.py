"""Two spellings of one company's name, and organisations by what they are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import derived_id
from libs.common.vocabulary import Language
from services.attribution.domain.company_names import Called, comparable
from services.attribution.domain.organisations import Contact, ContactRole, Criticality, Organisation


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bakkerij Jansen B.V.", "BAKKERIJ JANSEN"),
        ("Bakkerij Jansen BV", "Bakkerij-Jansen"),
        ("Café René V.O.F.", "cafe rene"),
        ("Müller GmbH & Co. KG", "Muller"),
        ("Stichting De Molen", "De Molen"),
        ("Jansen Holding B. V.", "Jansen"),
    ],
)
def test_case_accents_punctuation_and_legal_form_make_no_other_company(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Smit Transport", "Smit"), ("Bakkerij Jansen", "Bakkerij Janssen"), ("A.B. Bouw", "A.C. Bouw")],
)
def test_another_word_makes_another_company(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


def test_a_name_of_nothing_but_legal_forms_stays_as_it_is() -> None:
    assert comparable("Stichting Holding") == "stichting holding"
    assert comparable("…") == ""


@given(st.text(max_size=40))
def test_comparing_twice_changes_nothing_more(name: str) -> None:
    assert comparable(comparable(name)) == comparable(name)


def an_organisation(name: str, email: str) -> Organisation:
    contact = Contact(email, ContactRole.SECURITY)
    return Organisation(derived_id("test", name), name, "NL", Language.DUTCH, Criticality.NONE, (contact,))


def test_what_two_organisations_are_called_leads_to_neither() -> None:
    called = Called([an_organisation("Smit B.V.", "a@smit.nl"), an_organisation("Smit", "b@smit.nl")])

    assert called.by_name("Smit") is None
    assert called.by_mail_domain("smit.nl") is None


def test_a_name_without_letters_is_nobodys() -> None:
    called = Called([an_organisation("…", "a@smit.nl")])

    assert called.by_name("!") is None
    assert called.by_name("") is None

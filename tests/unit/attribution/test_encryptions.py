"""Who is written to in private: that holds however the address was found."""

import msgspec
import pytest

from libs.common.contracts import Asset, Encryption, Recipient
from libs.common.vocabulary import Language, RecipientKind
from services.attribution.domain.directory import question_of
from services.attribution.domain.encryptions import encryption_of, encryptions_of, with_keys
from services.attribution.domain.ladder.values import Attributed
from services.attribution.domain.learnt import Learnt
from services.attribution.domain.organisations import Channel, Contact, ContactRole
from services.attribution.handlers import decide_all
from tests.unit.attribution.test_ladder import BAKERY, DIRECTORY, LADDER, NOW, an_indicator

KEYED, STRICT = Encryption(pgp_key="a key"), Encryption(is_required=True)
FOUND = Recipient(kind=RecipientKind.ORGANISATION, name="Shop", email="Info@shop.example", language=Language.DUTCH)


def contact(**changes: object) -> Contact:
    return msgspec.structs.replace(Contact("info@shop.example", ContactRole.SECURITY), **changes)


@pytest.mark.parametrize(
    ("changes", "encryption"),
    [
        ({}, None),
        ({"pgp_key": "a key"}, Encryption(pgp_key="a key")),
        ({"smime_certificate": "a certificate"}, Encryption(smime_certificate="a certificate")),
        ({"channel": Channel.ENCRYPTED_MAIL}, Encryption(is_required=True)),
        ({"channel": Channel.ENCRYPTED_MAIL, "pgp_key": "a key"}, Encryption(pgp_key="a key", is_required=True)),
    ],
    ids=["neither", "openpgp", "smime", "required-without-a-key", "required"],
)
def test_a_contact_s_keys_go_with_it(changes: dict[str, object], encryption: Encryption | None) -> None:
    assert encryption_of(contact(**changes)) == encryption


def test_of_several_with_one_address_the_strictest_counts() -> None:
    contacts = [contact(pgp_key="a key"), contact(channel=Channel.ENCRYPTED_MAIL), contact(pgp_key="another")]
    shops = [msgspec.structs.replace(BAKERY, contacts=(each,)) for each in contacts]

    assert encryptions_of(shops) == {"info@shop.example": STRICT}


def test_an_address_found_otherwise_is_written_to_as_it_is_registered() -> None:
    known = {"info@shop.example": STRICT}

    assert with_keys(FOUND, known).encryption == STRICT
    assert with_keys(FOUND, {}) is FOUND
    keyed, testing = (msgspec.structs.replace(FOUND, **each) for each in ({"encryption": KEYED}, {"test_of": "demo"}))
    assert with_keys(keyed, known) is keyed
    assert with_keys(testing, known) is testing


def test_whom_a_person_chose_is_written_to_as_it_is_registered() -> None:
    directory = msgspec.structs.replace(DIRECTORY, encryptions={"info@shop.example": STRICT})
    asset = Asset(ip="203.0.113.200")
    question = question_of(an_indicator(asset))
    lessons = {question.owned_part: Learnt(said_by="ann", recipient=FOUND)}

    [decision] = decide_all([question], directory, lessons=lessons, ladder=LADDER, at=NOW)

    assert isinstance(decision, Attributed)
    assert decision.recipient.encryption == STRICT

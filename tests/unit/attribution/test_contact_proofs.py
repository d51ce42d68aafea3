"""A claim is put to the contact that a registry has for it: whom, how often, and what an answer counts for."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import derived_id
from libs.common.intervals import parse_interval
from libs.common.references import ALPHABET
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain import proofs
from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.answers import (
    DomainRegistration,
    MailExchange,
    NetworkRegistration,
    PublishedContact,
)
from services.attribution.domain.contact_proofs import (
    A_DAY,
    CODE_BYTES,
    LASTS,
    MOST_A_DAY,
    MOST_FOR_ONE_REGISTRATION,
    MOST_FOR_REGISTRATIONS,
    MOST_NOES,
    MOST_TRIES,
    NO_STANDS,
    Asked,
    ContactProof,
    NotTaken,
    RequestState,
    Strangers,
    code_hash_of,
    code_of,
    confirmed,
    may_be_asked,
    refused,
    superseded,
    token_hash_of,
)
from services.attribution.domain.networks import Network, System
from services.attribution.domain.proofs import Proof, ProofMethod, ProofState
from services.attribution.domain.registry_contacts import (
    CLAIMANTS_OWN,
    NOBODY,
    NOT_ONE_NETWORK,
    ContactSource,
    NoContact,
    RegistryContact,
    chosen,
    of_domain,
    of_range,
    of_registered_network,
    of_system,
    role_mailbox,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CODE = "7KQ2-M4XD-9RTB"
REQUEST_ID = derived_id("request", 1)


def question(**changes: object) -> ContactProof:
    asked = ContactProof(
        request_id=REQUEST_ID,
        asset_id=derived_id("asset", 1),
        organisation_id=derived_id("organisation", 1),
        kind=AssetKind.DOMAIN,
        value="bakery.example",
        contact="admin@bakery.example",
        source=ContactSource.RDAP_DOMAIN,
        language=Language.DUTCH,
        code_hash=code_hash_of(REQUEST_ID, CODE),
        token_hash=token_hash_of("t"),
        asked_at=NOW,
        asked_by="ann",
        expires_at=NOW + LASTS,
    )
    return msgspec.structs.replace(asked, **changes)


@pytest.mark.parametrize("typed", [CODE, CODE.lower(), " 7kq2 m4xd 9rtb ", "7KQ2M4XD9RTB"])
def test_the_code_confirms_in_whatever_spelling(typed: str) -> None:
    taken = confirmed(question(), typed, by="ann", at=NOW + LASTS - timedelta(seconds=1))
    assert isinstance(taken, ContactProof)
    assert (taken.state, taken.answered_by, taken.tries) == (RequestState.CONFIRMED, "ann", 0)


@pytest.mark.parametrize("typed", ["", "7KQ2-M4XD-9RTC", CODE + "0", "é", "\ud800", "0" * 10_000])
def test_a_wrong_code_uses_up_a_try_and_the_last_one_ends_it(typed: str) -> None:
    asked = question()
    for left in range(MOST_TRIES - 1, 0, -1):
        wrong = confirmed(asked, typed, by="ann", at=NOW)
        assert isinstance(wrong, NotTaken)
        assert wrong.code == "wrong-code"
        assert wrong.after is not None
        asked = wrong.after
        assert (asked.state, asked.tries_left) == (RequestState.OPEN, left)
    last = confirmed(asked, typed, by="ann", at=NOW)
    assert isinstance(last, NotTaken)
    assert last.after is not None
    assert (last.code, last.after.state) == ("too-many-tries", RequestState.EXHAUSTED)
    late = confirmed(last.after, CODE, by="ann", at=NOW)
    assert isinstance(late, NotTaken), "the right code comes too late"
    assert (late.code, late.after) == ("too-many-tries", None)


@pytest.mark.parametrize(
    ("asked", "after", "code"),
    [
        (question(), LASTS, "code-expired"),
        (question(state=RequestState.CONFIRMED), A_DAY, "code-used"),
        (question(state=RequestState.REFUSED), A_DAY, "refused-by-contact"),
        (question(state=RequestState.SUPERSEDED), A_DAY, "code-superseded"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_a_question_that_is_over_takes_neither_the_code_nor_a_no(
    asked: ContactProof, after: timedelta, code: str
) -> None:
    for taken in (confirmed(asked, CODE, by="ann", at=NOW + after), refused(asked, by="ann", at=NOW + after)):
        assert isinstance(taken, NotTaken)
        assert (taken.code, taken.after) == (code, None)


def test_a_no_needs_no_code_and_a_newer_question_ends_the_older() -> None:
    no = refused(question(tries=4), by="contact", at=NOW)
    assert isinstance(no, ContactProof)
    assert (no.state, no.answered_at) == (RequestState.REFUSED, NOW)
    assert superseded(question(), by="ann", at=NOW).state is RequestState.SUPERSEDED


def test_the_code_of_one_question_is_nothing_to_another() -> None:
    other = question(request_id=derived_id("request", 2))
    assert isinstance(confirmed(other, CODE, by="ann", at=NOW), NotTaken)


@given(chance=st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES))
def test_a_code_is_twelve_characters_that_nobody_takes_for_another(chance: bytes) -> None:
    code = code_of(chance)
    assert [len(group) for group in code.split("-")] == [4, 4, 4]
    assert set(code.replace("-", "")) <= set(ALPHABET)
    typed = code.lower().replace("0", "o").replace("1", "l")
    assert code_hash_of(REQUEST_ID, typed) == code_hash_of(REQUEST_ID, code)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Asked(0), None),
        (Asked(MOST_A_DAY - 1), None),
        (Asked(MOST_A_DAY), "asked-too-often"),
        (Asked(0, NOW - NO_STANDS + A_DAY), "refused-by-contact"),
        (Asked(0, NOW - NO_STANDS), None),
        (Asked(MOST_A_DAY - 2, strangers=Strangers(19, 199, 2)), None),
        (Asked(MOST_A_DAY - 1, strangers=Strangers()), "asked-too-often"),
        (Asked(0, strangers=Strangers(for_this_one=MOST_FOR_ONE_REGISTRATION)), "asked-too-often"),
        (Asked(0, strangers=Strangers(for_all=MOST_FOR_REGISTRATIONS)), "asked-too-often"),
        (Asked(0, strangers=Strangers(noes=MOST_NOES)), "refused-by-contact"),
    ],
)
def test_nobody_is_asked_too_often_nor_again_after_a_no(asked: Asked, code: str | None) -> None:
    objection = may_be_asked(asked, at=NOW)
    assert (objection.code if objection is not None else None) == code


def test_a_confirmed_claim_is_proven_for_a_year_and_lapses_after_it() -> None:
    asked = proofs.put_to_contact(Proof(), by="ann")
    proof = proofs.confirmed(asked, by="ann", note="ripe: a@b.example", at=NOW)
    assert asked.state is ProofState.CHALLENGED
    assert (proof.state, proof.method, proof.proven_until) == (
        ProofState.PROVEN,
        ProofMethod.CONTACT,
        NOW + proofs.LASTS,
    )
    assert not proofs.is_looked_up(proof), "no name server can say it again"
    assert proofs.ended(proof, at=NOW + proofs.LASTS).state is ProofState.LAPSED


@pytest.mark.parametrize(
    ("proof", "after"),
    [
        (Proof(), ProofState.REVOKED),
        (proofs.put_to_contact(Proof(), by="ann"), ProofState.REVOKED),
        (proofs.confirmed(Proof(), by="ann", note="", at=NOW), ProofState.REVOKED),
        (proofs.vouched(Proof(), by="ann", note="", at=NOW), ProofState.PROVEN),
    ],
    ids=["claimed", "challenged", "by-contact", "by-desk"],
)
def test_a_no_refuses_a_claim_but_not_what_others_have_proven(proof: Proof, after: ProofState) -> None:
    assert proofs.disowned(proof, by="contact", note="no").state is after


def test_what_is_proven_stays_so_while_the_contact_is_asked() -> None:
    proof = proofs.vouched(Proof(), by="ann", note="", at=NOW)
    assert proofs.put_to_contact(proof, by="bob") == proof


def contact(email: str, role: str = "administrative", *, registrars: bool = False) -> PublishedContact:
    return PublishedContact(email, role, is_registrars=registrars)


def domain(*contacts: PublishedContact) -> DomainRegistration:
    return DomainRegistration("bakery.example", contacts=contacts, redacted=("Registrant Email",), country="NL")


@pytest.mark.parametrize(
    ("contacts", "asked"),
    [
        ((contact("r@b.example", "registrant"), contact("a@b.example")), ["a@b.example", "r@b.example"]),
        ((contact("t@host.example", "technical"), contact("x@b.example", "abuse")), []),
        ((contact("a@registrar.example", registrars=True),), []),
        ((contact("redacted-for-privacy@proxy.example"), contact("unread@ripe.net")), []),
        ((contact("no address"),), []),
    ],
    ids=["administrative-first", "hoster", "registrar", "hidden", "none"],
)
def test_only_who_has_a_domain_is_asked_about_it(contacts: tuple[PublishedContact, ...], asked: list[str]) -> None:
    assert [found.email for found in of_domain(domain(*contacts))] == asked


@pytest.mark.parametrize(
    ("exchange", "asked"),
    [
        (MailExchange("bakery.example", takes_mail=True), ["postmaster@bakery.example"]),
        (MailExchange("bakery.example", takes_mail=False), []),
        (MailExchange("other.example", takes_mail=True), []),
        (None, []),
    ],
    ids=["takes-mail", "null-mx", "another", "not-asked"],
)
def test_a_hidden_contact_is_asked_by_the_mailbox_that_every_domain_has(
    exchange: MailExchange | None, asked: list[str]
) -> None:
    assert [found.email for found in role_mailbox(domain(), exchange)] == asked


def network(text: str, desk: str | None = "abuse@isp.example") -> Network:
    interval = parse_interval(text)
    assert interval is not None
    return Network(interval, "NET", "NL", AbuseDesk(desk, "ISP") if desk else None, None)


BLOCK = network("192.0.2.0/24")
HALF = network("192.0.2.0/25", "abuse@bakery.example")


@pytest.mark.parametrize(
    ("claimed", "around", "asked"),
    [
        ("192.0.2.0/25", (HALF, HALF), ["abuse@bakery.example"]),
        ("192.0.2.200", (BLOCK, BLOCK), ["abuse@isp.example"]),
        ("192.0.2.0/24", (HALF, BLOCK), NOT_ONE_NETWORK),
        ("192.0.0.0/16", (BLOCK, BLOCK), NOT_ONE_NETWORK),
        ("192.0.2.0/24", (BLOCK, None), NOT_ONE_NETWORK),
        ("192.0.2.0/24", (None, None), []),
        ("192.0.2.0/24", 2 * (network("192.0.2.0/24", None),), []),
        ("192.0.2.0/24", 2 * (network("192.0.2.0/24", "unread@ripe.net"),), []),
    ],
    ids=["its-own", "within", "two", "wider", "edge", "unknown", "no-desk", "dummy"],
)
def test_a_range_is_asked_of_the_network_that_it_lies_in(
    claimed: str, around: tuple[Network | None, ...], asked: list[str] | NoContact
) -> None:
    interval = parse_interval(claimed)
    assert interval is not None
    found = of_range(interval, around)
    assert (found if isinstance(found, NoContact) else [each.email for each in found]) == asked


def test_by_rdap_too_a_range_lies_in_one_network_and_its_abuse_contact_is_asked() -> None:
    contacts = (contact("t@isp.example", "technical"), contact("abuse@isp.example", "abuse"))
    registered = NetworkRegistration("192.0.2.0 - 192.0.2.255", "NET", country="NL", contacts=contacts)
    within, wider = parse_interval("192.0.2.0/26"), parse_interval("192.0.0.0/16")
    assert within is not None
    assert wider is not None
    found = of_registered_network(within, registered)
    assert not isinstance(found, NoContact)
    assert list(found) == [RegistryContact("abuse@isp.example", ContactSource.RDAP_NETWORK, "NL")]
    assert of_registered_network(wider, registered) is NOT_ONE_NETWORK
    assert of_registered_network(within, msgspec.structs.replace(registered, network="?")) is NOT_ONE_NETWORK


def test_an_as_is_asked_of_its_own_desk() -> None:
    desk = AbuseDesk("abuse@isp.example", "ISP")
    assert [each.email for each in of_system(System(64500, "ISP", desk))] == ["abuse@isp.example"]
    assert [*of_system(System(64500, "ISP", None)), *of_system(None)] == []


FIRST, SECOND = (RegistryContact(f"{name}@b.example", ContactSource.RDAP_DOMAIN) for name in ("a", "b"))


@pytest.mark.parametrize(
    ("found", "named", "asked"),
    [
        ([FIRST, SECOND], [], FIRST),
        ([FIRST, SECOND], ["A@B.example"], SECOND),
        ([FIRST], ["a@b.example"], CLAIMANTS_OWN),
        ([], ["a@b.example"], NOBODY),
    ],
    ids=["first", "next", "only-their-own", "none"],
)
def test_an_address_that_the_claimant_named_is_never_asked(
    found: list[RegistryContact], named: list[str], asked: RegistryContact | NoContact
) -> None:
    assert chosen(found, named=named) == asked

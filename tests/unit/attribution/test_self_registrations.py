"""What an organisation has registered by itself: how far each asset is as it is told, and what is done for it next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import pytest

from libs.common.contracts import ClaimedAsset, FollowedAsset, RegistrationConfirmed
from libs.common.ids import derived_id
from libs.common.vocabulary import AssetKind, ClaimState, Language
from services.attribution.domain.company_names import Called
from services.attribution.domain.contact_proofs import ContactProof, RequestState
from services.attribution.domain.organisations import AssetRecord, Contact, ContactRole, Criticality, Organisation
from services.attribution.domain.proofs import Proof, ProofMethod, ProofState
from services.attribution.domain.registry_contacts import ContactSource
from services.attribution.domain.self_registrations import (
    ASKED_FOR,
    FIRST_NEWS_WAIT,
    TRIES_BEFORE_NEWS,
    SelfRegistration,
    Step,
    Told,
    Wanted,
    asked,
    first_step,
    followed,
    is_to_begin_anew,
    looked,
    looked_at_next,
    masked,
    newest,
    news_of,
    waits_until,
    work_for,
)
from services.attribution.handlers.self_registrations.taking_up import Customs
from tests.unit.attribution.builders import NOW

ID, OWNER, ASSET = derived_id("registration", 1), derived_id("owner", 1), derived_id("asset", 1)
DAY = timedelta(days=1)
DOMAIN, RANGE = (AssetKind.DOMAIN, "bakery.example"), (AssetKind.IP_RANGE, "192.0.2.64/28")
RECORD = {"record_name": "_tocsin-challenge.bakery.example", "record_value": "tocsin-proof=t0k3n"}


def wanted(kind: AssetKind, value: str, **fields: object) -> Wanted:
    return msgspec.structs.replace(Wanted(kind=kind, value=value, asset_id=ASSET, begun_at=NOW), **fields)


def kept(kind: AssetKind, value: str, proof: Proof, *, contested: bool = False) -> AssetRecord:
    return AssetRecord(ASSET, OWNER, kind, value, NOW, proof, contested)


def question(state: RequestState = RequestState.OPEN, *, asked_at: datetime = NOW) -> ContactProof:
    return ContactProof(
        request_id=derived_id("request", 1),
        asset_id=ASSET,
        organisation_id=OWNER,
        kind=RANGE[0],
        value=RANGE[1],
        contact="abuse@network.example",
        source=ContactSource.RIPE,
        language=Language.DUTCH,
        code_hash=b"",
        token_hash=b"",
        asked_at=asked_at,
        asked_by="self-registration",
        expires_at=asked_at + 7 * DAY,
        state=state,
    )


CHALLENGED = Proof(state=ProofState.CHALLENGED, token="t0k3n", challenged_at=NOW)
PROVEN = Proof(state=ProofState.PROVEN, method=ProofMethod.DNS, proven_at=NOW, proven_until=NOW + 365 * DAY)
PUT = Proof(state=ProofState.CHALLENGED)


@dataclass(frozen=True)
class Case:
    """What is kept of an asset, and what its owner is told of it; None: nothing yet."""

    of: tuple[AssetKind, str]
    proof: Proof | None
    told: ClaimState | None
    fields: dict[str, object]
    contested: bool = False
    question: ContactProof | None = None
    step: Step | None = None
    refusal: str = ""
    after: timedelta = timedelta(0)


STATES = ClaimState
CASES = {
    "a domain that was challenged": Case(
        DOMAIN, CHALLENGED, STATES.RECORD_WANTED, {**RECORD, "until": NOW + 14 * DAY}, step=Step.LOOK
    ),
    "one that somebody else claims too": Case(
        DOMAIN, CHALLENGED, STATES.RECORD_WANTED, {**RECORD, "until": NOW + 14 * DAY}, contested=True
    ),
    "one whose contact was asked as well": Case(
        DOMAIN, CHALLENGED, STATES.RECORD_WANTED, {**RECORD, "until": NOW + 14 * DAY}, question=question()
    ),
    "one whose challenge is over": Case(DOMAIN, CHALLENGED, STATES.LAPSED, {}, after=14 * DAY),
    "one whose challenge is over, and whose contact is asked": Case(
        DOMAIN,
        CHALLENGED,
        STATES.CONTACT_ASKED,
        {"contact": "a***@network.example", "until": NOW + 20 * DAY},
        question=question(asked_at=NOW + 13 * DAY),
        after=14 * DAY,
    ),
    "one that is proven by its record": Case(
        DOMAIN, msgspec.structs.replace(PROVEN, token="t0k3n"), STATES.PROVEN, {**RECORD, "until": NOW + 365 * DAY}
    ),
    "one that is proven by the desk's word": Case(
        DOMAIN,
        msgspec.structs.replace(PROVEN, token="t0k3n", method=ProofMethod.DESK),
        STATES.PROVEN,
        {"until": NOW + 365 * DAY},
    ),
    "one that is proven for two": Case(DOMAIN, PROVEN, STATES.CONTESTED, {}, contested=True),
    "one whose record is gone": Case(
        DOMAIN, msgspec.structs.replace(PROVEN, state=ProofState.LAPSED), STATES.LAPSED, {}
    ),
    "one that the desk has revoked": Case(
        DOMAIN, msgspec.structs.replace(PROVEN, state=ProofState.REVOKED), STATES.REFUSED, {}
    ),
    "one that the desk has taken away": Case(DOMAIN, None, STATES.REFUSED, {}),
    "a range whose registry is to be asked": Case(RANGE, Proof(), None, {}, step=Step.ASK),
    "one whose contact was asked": Case(
        RANGE,
        PUT,
        STATES.CONTACT_ASKED,
        {"contact": "a***@network.example", "until": NOW + 7 * DAY},
        question=question(),
    ),
    "one whose contact has not answered": Case(RANGE, PUT, STATES.LAPSED, {}, question=question(), after=7 * DAY),
    "one whose contact has typed a wrong code too often": Case(
        RANGE, PUT, STATES.LAPSED, {}, question=question(RequestState.EXHAUSTED)
    ),
    "one whose contact has said no": Case(
        RANGE,
        Proof(state=ProofState.REVOKED),
        STATES.REFUSED,
        {},
        question=question(RequestState.REFUSED),
    ),
    "one whose registry names nobody": Case(RANGE, Proof(), STATES.NO_CONTACT, {}, refusal="no-registry-contact"),
    "one whose registry is away, and is asked again": Case(
        RANGE, Proof(), STATES.NO_CONTACT, {}, step=Step.ASK, refusal="registry-away"
    ),
    "one whose registry named nobody, until the desk asked": Case(
        RANGE,
        PUT,
        STATES.CONTACT_ASKED,
        {"contact": "a***@network.example", "until": NOW + 7 * DAY},
        refusal="no-registry-contact",
        question=question(),
    ),
    "one that is registered anew after its contact was silent": Case(
        RANGE, PUT, None, {}, step=Step.ASK, question=question(asked_at=NOW - 8 * DAY)
    ),
    "one that is registered anew, and nobody can be asked now": Case(
        RANGE, PUT, STATES.NO_CONTACT, {}, refusal="asked-too-often", question=question(asked_at=NOW - 8 * DAY)
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_is_told_of_an_asset_follows_from_what_is_kept_of_it(case: Case) -> None:
    kind, value = case.of
    record = kept(kind, value, case.proof, contested=case.contested) if case.proof is not None else None
    one = wanted(kind, value, step=case.step, refusal=case.refusal)

    told = followed(one, record, case.question, now=NOW + case.after)

    expected = FollowedAsset(kind=kind, value=value, state=case.told) if case.told is not None else None
    assert told == (msgspec.structs.replace(expected, **case.fields) if expected is not None else None)


def test_every_state_that_can_be_told_has_a_case() -> None:
    assert {case.told for case in CASES.values()} == {*ClaimState, None}


@pytest.mark.parametrize(
    ("email", "shown"),
    [("abuse@network.example", "a***@network.example"), ("x@y.example", "x***@y.example"), ("", "***@")],
)
def test_of_a_contact_its_owner_learns_only_by_whom_it_is(email: str, shown: str) -> None:
    assert masked(email) == shown


def event(revision: int, *values: str, registration: int = 1, withdrawn: bool = False) -> RegistrationConfirmed:
    return RegistrationConfirmed(
        registration_id=derived_id("registration", registration),
        revision=revision,
        organisation="Bakery",
        email="info@bakery.example",
        language=Language.DUTCH,
        assets=tuple(ClaimedAsset(kind=AssetKind.DOMAIN, value=value) for value in values),
        at=NOW,
        is_withdrawn=withdrawn,
    )


def registration(*values: str, withdrawn: bool = False, told: Told | None = None) -> SelfRegistration:
    said = event(2, *values, withdrawn=withdrawn)
    return SelfRegistration(
        registration_id=said.registration_id,
        revision=said.revision,
        organisation=said.organisation,
        email=said.email,
        language=said.language,
        kvk_number=None,
        assets=said.assets,
        is_withdrawn=withdrawn,
        taken_up=2,
        taken_up_at=NOW,
        told=told or Told(),
    )


def test_of_each_registration_the_greatest_revision_counts_in_whatever_order_they_come() -> None:
    events = [event(2), event(3), event(1), event(7, registration=2), event(3)]

    found = newest(events)

    assert sorted(found, key=lambda each: each.revision) == [event(3), event(7, registration=2)]
    assert [each.registration_id for each in found] == sorted(each.registration_id for each in found)


def test_what_is_new_is_claimed_what_is_gone_is_released_and_the_rest_stays() -> None:
    before = [wanted(AssetKind.DOMAIN, name) for name in ("a.example", "b.example")]

    work = work_for(registration("b.example", "c.example", "c.example"), before)

    assert [each.value for each in work.claimed] == ["c.example"]
    assert [each.value for each in work.released] == ["a.example"]
    assert [each.value for each in work.staying] == ["b.example"]


def test_what_is_withdrawn_is_released_as_a_whole() -> None:
    work = work_for(registration("a.example", withdrawn=True), [wanted(AssetKind.DOMAIN, "a.example")])

    assert ([each.value for each in work.released], work.claimed, work.staying) == (["a.example"], (), ())


@pytest.mark.parametrize(
    ("kind", "proof", "sees_records", "step"),
    [
        (AssetKind.DOMAIN, Proof(), True, Step.LOOK),
        (AssetKind.DOMAIN, Proof(), False, Step.ASK),
        (AssetKind.IP_RANGE, Proof(), True, Step.ASK),
        (AssetKind.ASN, Proof(), True, Step.ASK),
        (AssetKind.DOMAIN, PROVEN, True, None),
        (AssetKind.ASN, PROVEN, True, None),
    ],
)
def test_a_domain_is_proven_by_its_record_and_all_else_by_the_registrys_contact(
    kind: AssetKind, proof: Proof, sees_records: bool, step: Step | None
) -> None:
    assert first_step(kind, proof, sees_records=sees_records) is step


@pytest.mark.parametrize(
    ("proof", "step", "asked_ago", "after", "again"),
    [
        (msgspec.structs.replace(PROVEN, state=ProofState.LAPSED), None, None, 0 * DAY, True),
        (CHALLENGED, None, None, 14 * DAY, True),
        (CHALLENGED, Step.LOOK, None, 1 * DAY, False),
        (PUT, None, 8 * DAY, 8 * DAY, True),
        (PUT, None, 6 * DAY, 8 * DAY, False),
        (PUT, Step.ASK, None, 1 * DAY, False),
        (PROVEN, None, None, 1 * DAY, False),
        (msgspec.structs.replace(PROVEN, state=ProofState.REVOKED), None, None, 1 * DAY, False),
    ],
)
def test_who_registers_once_more_gets_another_try_at_what_was_lost_and_not_at_what_was_refused(
    proof: Proof, step: Step | None, asked_ago: timedelta | None, after: timedelta, again: bool
) -> None:
    now = NOW + after
    last = question(asked_at=now - asked_ago) if asked_ago is not None else None

    assert is_to_begin_anew(wanted(*DOMAIN, step=step), proof, last, now=now) is again


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        (timedelta(0), timedelta(minutes=7)),
        (timedelta(hours=3), timedelta(hours=1)),
        (3 * DAY, timedelta(hours=6)),
    ],
)
def test_records_are_looked_for_often_at_first_and_seldom_later(age: timedelta, wait: timedelta) -> None:
    at = NOW + age

    after = looked(wanted(*DOMAIN, step=Step.LOOK), CHALLENGED, at_first=timedelta(minutes=7), now=at)

    assert after.due_at == at + wait


@pytest.mark.parametrize(("proof", "age"), [(PROVEN, 0 * DAY), (None, 0 * DAY), (CHALLENGED, 14 * DAY), (PUT, 0 * DAY)])
def test_nobody_looks_for_what_is_proven_or_gone_or_too_late(proof: Proof | None, age: timedelta) -> None:
    after = looked(wanted(*DOMAIN, step=Step.LOOK), proof, at_first=timedelta(minutes=7), now=NOW + age)

    assert (after.step, after.due_at) == (None, None)


def test_a_registry_that_is_away_is_asked_again_less_and_less_often_and_not_for_ever() -> None:
    one, at, waits = wanted(*RANGE, step=Step.ASK), NOW, []
    while one.step is not None:
        one = asked(one, "registry-away", now=at)
        if one.due_at is not None:
            waits.append(one.due_at - at)
            at = one.due_at

    hours = [wait.total_seconds() / 3600 for wait in waits]
    assert hours[:6] == [1, 2, 4, 8, 16, 24]
    assert NOW + ASKED_FOR <= at <= NOW + ASKED_FOR + DAY
    assert (one.step, one.refusal) == (None, "registry-away")


@pytest.mark.parametrize("refusal", ["", "no-registry-contact", "contact-is-claimants", "refused-by-contact"])
def test_what_the_registry_has_answered_is_not_asked_again(refusal: str) -> None:
    after = asked(wanted(*RANGE, step=Step.ASK), refusal, now=NOW)

    assert (after.step, after.due_at, after.refusal) == (None, None, refusal)


def followed_asset(state: ClaimState, **fields: object) -> FollowedAsset:
    return msgspec.structs.replace(FollowedAsset(kind=DOMAIN[0], value=DOMAIN[1], state=state), **fields)


@pytest.mark.parametrize(
    ("before", "after", "is_mailed"),
    [
        (None, followed_asset(STATES.RECORD_WANTED, record_value="a"), True),
        (
            followed_asset(STATES.RECORD_WANTED, record_value="a"),
            followed_asset(STATES.RECORD_WANTED, record_value="a", until=NOW),
            False,
        ),
        (
            followed_asset(STATES.RECORD_WANTED, record_value="a"),
            followed_asset(STATES.RECORD_WANTED, record_value="b"),
            True,
        ),
        (followed_asset(STATES.RECORD_WANTED, record_value="a"), followed_asset(STATES.PROVEN), True),
        (followed_asset(STATES.PROVEN, until=NOW), followed_asset(STATES.PROVEN, until=NOW + DAY), False),
        (followed_asset(STATES.PROVEN), followed_asset(STATES.PROVEN, record_value="a"), False),
        (followed_asset(STATES.PROVEN), followed_asset(STATES.LAPSED), True),
        (followed_asset(STATES.PROVEN), followed_asset(STATES.CONTESTED), True),
        (followed_asset(STATES.CONTESTED), followed_asset(STATES.REFUSED), True),
        (followed_asset(STATES.CONTACT_ASKED, until=NOW), followed_asset(STATES.CONTACT_ASKED, until=NOW + DAY), False),
    ],
)
def test_its_owner_is_mailed_once_about_each_state(
    before: FollowedAsset | None, after: FollowedAsset, is_mailed: bool
) -> None:
    told = news_of(registration(DOMAIN[1]), [(wanted(*DOMAIN), before)]).told

    news = news_of(registration(DOMAIN[1], told=told), [(wanted(*DOMAIN), after)])

    assert news.is_new
    assert news.values == ((DOMAIN[1],) if is_mailed else ())


def test_what_has_not_changed_is_no_news() -> None:
    found = [(wanted(*DOMAIN), followed_asset(STATES.PROVEN))]
    told = news_of(registration(DOMAIN[1]), found).told

    news = news_of(registration(DOMAIN[1], told=told), found)

    assert not news.is_new
    assert news.told == told


def test_a_registry_that_is_away_is_told_of_at_once_and_mailed_about_when_it_stays_so() -> None:
    state = FollowedAsset(kind=RANGE[0], value=RANGE[1], state=STATES.NO_CONTACT)
    one = wanted(*RANGE, step=Step.ASK, refusal="registry-away", tries=1)

    first = news_of(registration(RANGE[1]), [(one, state)])
    later = msgspec.structs.replace(one, tries=TRIES_BEFORE_NEWS)
    second = news_of(registration(RANGE[1], told=first.told), [(later, state)])

    assert (first.is_new, first.told.assets, first.values) == (True, (state,), ())
    assert (second.is_new, second.values) == (True, (RANGE[1],))


def test_the_first_news_waits_for_what_is_not_known_yet_but_not_for_long() -> None:
    found = [(wanted(*DOMAIN), followed_asset(STATES.RECORD_WANTED)), (wanted(*RANGE, step=Step.ASK), None)]
    end = NOW + FIRST_NEWS_WAIT

    assert waits_until(registration(), found, now=NOW) == end
    assert waits_until(registration(), found, now=end) is None
    assert waits_until(registration(), found[:1], now=NOW) is None
    assert waits_until(registration(told=Told(answers=2)), found, now=NOW) is None


def test_states_that_end_by_themselves_are_looked_at_when_they_do() -> None:
    ends = [followed_asset(STATES.RECORD_WANTED, until=NOW + 2 * DAY), followed_asset(STATES.CONTACT_ASKED, until=NOW)]

    assert looked_at_next(ends) == NOW
    assert looked_at_next([followed_asset(STATES.PROVEN, until=NOW)]) is None


def organisation(name: str, *, is_self_registered: bool) -> Organisation:
    return Organisation(
        derived_id("organisation", name, is_self_registered),
        name,
        "NL",
        Language.DUTCH,
        Criticality.UNKNOWN,
        (Contact(f"security@{name.lower()}.example", ContactRole.SECURITY),),
        company_numbers=("12345678",),
        is_self_registered=is_self_registered,
    )


def test_who_has_registered_by_itself_is_found_by_no_name_and_hides_nobodys() -> None:
    ours, theirs = organisation("Bakery", is_self_registered=False), organisation("Bakery", is_self_registered=True)

    both, alone = Called([ours, theirs]), Called([theirs])

    for called, found in ((both, ours), (alone, None)):
        assert called.by_name("Bakery B.V.") is found
        assert called.by_number("12345678") is found
        assert called.by_mail_domain("bakery.example") is found
    assert not alone.may_know_mail_of("bakery.example")


@pytest.mark.parametrize(
    ("countries", "language", "country"),
    [
        ({"NL"}, Language("de"), "NL"),
        ({"NL", "DE"}, Language("de"), "DE"),
        ({"NL", "DE"}, Language.DUTCH, "NL"),
        ({"FR", "BE"}, Language("de"), "BE"),
        (set(), Language.DUTCH, "NL"),
    ],
)
def test_a_registration_is_of_a_country_that_we_are_there_for(
    countries: set[str], language: Language, country: str
) -> None:
    assert Customs(frozenset(countries), sees_records=True).country_of(language) == country

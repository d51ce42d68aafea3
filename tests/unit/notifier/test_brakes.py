"""When mails wait for a person: worked cases of first waves, unusual volume and releases, and what holds for all."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import derived_id
from libs.common.vocabulary import IncidentState, NotificationKind, RecipientKind, Severity
from services.notifier.domain.brakes.first_wave import (
    Candidate,
    FirstWavePolicy,
    Newcomers,
    begins_with_a_wave,
    choose_sample,
    sample_size,
)
from services.notifier.domain.brakes.holds import Held, Hold, HoldKind, HoldState, keeping_back, keeps_back
from services.notifier.domain.brakes.release import (
    Figures,
    Refusal,
    ReleasePolicy,
    goes_by_itself,
    is_as_seen,
    release_refused,
    troubles_in,
)
from services.notifier.domain.brakes.volume import Day, Measure, VolumePolicy, brought_by, judge_volume
from services.notifier.domain.grouping import GroupingPolicy, fill
from services.notifier.domain.notification import BrakeScope
from services.notifier.domain.planning import Planned
from tests.unit.notifier.builders import NOW, incident, recipient, target, trying_partner

ORG, OWNER, TEAM = RecipientKind.ORGANISATION, RecipientKind.NETWORK_OWNER, RecipientKind.NATIONAL_CERT
POLICY = FirstWavePolicy(mails=20, share=0.1)
VOLUME = VolumePolicy(floors={Measure.MAILS: 100, Measure.RECORDS: 1000}, factor=3.0, spreads=6.0, least_days=7)
AFTER_A_DAY = ReleasePolicy(by_itself_after=timedelta(hours=24))
FINE = Figures(sent=20, delivered=19, bounced=1)


@pytest.mark.parametrize(
    ("state", "severity", "approved_by", "newcomers", "with_critical", "is_known", "begins"),
    [
        ("approved", "high", "jan", "people", False, False, True),
        ("approved", "high", "", "people", False, False, False),
        ("approved", "high", "", "all", False, False, True),
        ("approved", "high", "jan", "all", False, False, True),
        ("approved", "high", "jan", "none", False, False, False),
        ("approved", "high", "jan", "people", False, True, False),
        ("approved", "high", "", "all", False, True, False),
        ("draft", "high", "jan", "people", False, False, False),
        ("paused", "high", "jan", "all", False, False, False),
        ("closed", "high", "jan", "all", False, False, False),
        ("approved", "critical", "jan", "people", False, False, False),
        ("approved", "critical", "jan", "people", True, False, True),
        ("approved", "critical", "", "all", True, False, True),
        ("approved", "info", "jan", "people", False, False, True),
    ],
)
def test_which_incidents_begin_with_a_first_wave(
    state: str, severity: str, approved_by: str, newcomers: str, with_critical: bool, is_known: bool, begins: bool
) -> None:
    changed = msgspec.structs.replace(
        incident(), state=IncidentState(state), severity=Severity(severity), approved_by=approved_by
    )
    policy = FirstWavePolicy(newcomers=Newcomers(newcomers), with_critical=with_critical)

    assert begins_with_a_wave(changed, is_known=is_known, policy=policy) is begins


@pytest.mark.parametrize(
    ("total", "kinds", "mails", "share", "size"),
    [
        (0, 0, 20, 0.1, 0),
        (1, 1, 20, 0.1, 1),
        (3, 1, 20, 0.1, 1),
        (3, 3, 20, 0.1, 3),
        (11, 1, 20, 0.1, 2),
        (100, 2, 20, 0.1, 10),
        (20_000, 3, 20, 0.1, 20),
        (20_000, 3, 2, 0.1, 2),
        (7, 2, 20, 1.0, 7),
        (50, 1, 20, 1.0, 20),
    ],
)
def test_how_many_mails_are_in_a_first_wave(total: int, kinds: int, mails: int, share: float, size: int) -> None:
    assert sample_size(total, kinds=kinds, policy=FirstWavePolicy(mails=mails, share=share)) == size


@pytest.mark.parametrize(
    ("waiting", "chosen", "total", "drawn"),
    [
        ({ORG: 50, OWNER: 50}, {}, 100, {ORG: 5, OWNER: 5}),
        ({ORG: 98, OWNER: 2}, {}, 100, {ORG: 8, OWNER: 2}),
        ({ORG: 97, OWNER: 2, TEAM: 1}, {}, 100, {ORG: 7, OWNER: 2, TEAM: 1}),
        ({ORG: 1}, {}, 1, {ORG: 1}),
        ({ORG: 4}, {ORG: 1}, 5, {}),
        ({OWNER: 4}, {ORG: 1}, 5, {OWNER: 1}),
        ({ORG: 30}, {ORG: 18, OWNER: 1}, 500, {ORG: 1}),
        ({ORG: 30}, {ORG: 20}, 500, {}),
        ({ORG: 30, OWNER: 30}, {ORG: 6}, 100, {OWNER: 4}),
    ],
    ids=str,
)
def test_kinds_of_recipients_take_turns_in_a_first_wave(
    waiting: dict[RecipientKind, int], chosen: dict[RecipientKind, int], total: int, drawn: dict[RecipientKind, int]
) -> None:
    mails = [Candidate(mail_id(kind, each), kind) for kind, number in waiting.items() for each in range(number)]
    kinds = {mail.id: mail.kind for mail in mails}

    found = choose_sample(mails, chosen=chosen, total=total, policy=POLICY)

    assert Counter(kinds[each] for each in found) == drawn
    assert choose_sample(reversed(mails), chosen=chosen, total=total, policy=POLICY) == found


def mail_id(kind: RecipientKind, number: int) -> UUID:
    return derived_id("mail", kind, number)


STEADY = [10, 12, 11, 9, 10, 13, 10, 11]
WILD = [100, 400, 90, 350, 120, 500, 110, 300]


@pytest.mark.parametrize(
    ("history", "today", "agreed", "most"),
    [
        (STEADY, 100, None, None),
        (STEADY, 101, None, 100),
        ([], 100, None, None),
        ([], 101, None, 100),
        ([5000, 5000], 101, None, 100),
        ([200] * 7, 600, None, None),
        ([200] * 7, 601, None, 600),
        (WILD, 1232, None, None),
        (WILD, 2000, None, 1233),
        ([0, 0, 0, 0, 0, 0, 200], 101, None, 100),
        ([200] * 27 + [90_000], 601, None, 600),
        ([200] * 7, 1202, 601, None),
        ([200] * 7, 1203, 601, 1202),
        (STEADY, 150, 10, 100),
    ],
)
def test_which_days_are_unusual(history: list[int], today: int, agreed: int | None, most: int | None) -> None:
    found = judge_volume(
        BrakeScope.INCIDENT,
        "open-smb",
        today=Day(mails=today),
        history=[Day(mails=mails) for mails in history],
        agreed=None if agreed is None else Day(mails=agreed),
        policy=VOLUME,
    )

    assert (None if found is None else round(found.usual.most)) == most


def test_records_are_unusual_where_mails_are_not() -> None:
    today = Day(mails=3, records=9000)
    found = judge_volume(BrakeScope.PARTNER, "acme", today=today, history=[], agreed=None, policy=VOLUME)

    assert found is not None
    assert found.words == (
        "9,000 records of the partner acme today, where more than 1,000 is unusual. "
        "There are 0 days of history, too few to compare with."
    )


def test_unusual_volume_says_why_with_the_numbers() -> None:
    history = [Day(mails=mails) for mails in [200, 210, 190, 200, 220, 180, 200]]
    found = judge_volume(
        BrakeScope.INCIDENT, "open-smb", today=Day(mails=20_000), history=history, agreed=None, policy=VOLUME
    )

    assert found is not None
    assert found.words == (
        "20,000 mails of the incident open-smb today, where more than 600 is unusual. "
        "On the 7 days before, the median was 200, and the median deviation from it 10."
    )


def test_a_watch_that_is_off_finds_nothing_unusual() -> None:
    off = msgspec.structs.replace(VOLUME, is_on=False)
    assert judge_volume(BrakeScope.ALL, "", today=Day(mails=10**6), history=[], agreed=None, policy=off) is None


@given(
    history=st.lists(st.integers(0, 10**5), max_size=10),
    today=st.integers(0, 10**6),
    more=st.integers(0, 10**6),
    agreed=st.none() | st.integers(0, 10**6),
)
def test_more_is_never_less_unusual_and_nothing_below_the_floor_is(
    history: list[int], today: int, more: int, agreed: int | None
) -> None:
    def is_unusual(mails: int) -> bool:
        days = [Day(mails=each) for each in history]
        given = None if agreed is None else Day(mails=agreed)
        judged = judge_volume(
            BrakeScope.INCIDENT, "x", today=Day(mails=mails), history=days, agreed=given, policy=VOLUME
        )
        return judged is not None

    assert not is_unusual(min(today, 100))
    assert is_unusual(today + more) or not is_unusual(today)


def test_a_batch_brings_records_and_the_mails_that_they_open_to_their_incident_and_partner() -> None:
    bakery, other = recipient(), recipient(email="info@other.example")
    planned = [Planned(target(to=to), NOW) for to in (bakery, bakery, other, trying_partner())]
    grouping = GroupingPolicy(approval_confidence=0.3, targets_per_mail=2000, reference_key=b"key")
    joined = fill(planned, groups={}, approved=frozenset(), policy=grouping, now=NOW)

    both = Day(mails=2, records=3)
    assert brought_by(planned, joined) == {
        (BrakeScope.INCIDENT, "open-smb"): both,
        (BrakeScope.PARTNER, "demo"): both,
    }


def hold(
    kind: HoldKind = HoldKind.FIRST_WAVE,
    *,
    scope: BrakeScope = BrakeScope.INCIDENT,
    value: str = "open-smb",
    state: HoldState = HoldState.STANDING,
    asked_by: str | None = None,
    waited_hours: float | None = None,
) -> Hold:
    return Hold(
        id=derived_id("hold", kind, scope, value),
        kind=kind,
        scope=scope,
        value=value,
        state=state,
        reason="",
        since=NOW - timedelta(days=2),
        waits_since=None if waited_hours is None else NOW - timedelta(hours=waited_hours),
        asked_by=asked_by,
    )


WAVE, STOP = HoldKind.FIRST_WAVE, HoldKind.UNUSUAL_VOLUME


@pytest.mark.parametrize(
    ("standing", "mail", "is_kept_back"),
    [
        (hold(WAVE), Held(incident="open-smb"), True),
        (hold(WAVE), Held(incident="open-smb", is_sample=True), False),
        (hold(WAVE), Held(incident="open-rdp"), False),
        (hold(WAVE), Held(incident="open-smb", kind=NotificationKind.CORRECTION), False),
        (hold(WAVE), Held(incident="open-smb", is_test=True), False),
        (hold(WAVE, state=HoldState.RELEASING), Held(incident="open-smb"), False),
        (hold(WAVE, state=HoldState.RELEASED), Held(incident="open-smb"), False),
        (hold(STOP), Held(incident="open-smb"), True),
        (hold(STOP), Held(incident="open-smb", is_sample=True), True),
        (hold(STOP), Held(incident="open-smb", kind=NotificationKind.CORRECTION), False),
        (hold(STOP, scope=BrakeScope.PARTNER, value="acme"), Held(incident="x", partners=("acme", "demo")), True),
        (hold(STOP, scope=BrakeScope.PARTNER, value="acme"), Held(incident="acme", partners=("demo",)), False),
        (hold(STOP, state=HoldState.RELEASED), Held(incident="open-smb"), False),
    ],
    ids=str,
)
def test_which_mails_a_hold_keeps_back(standing: Hold, mail: Held, is_kept_back: bool) -> None:
    assert keeps_back(standing, mail) is is_kept_back


@pytest.mark.parametrize(
    ("state", "asked_by", "by", "four_eyes", "seen", "now", "refusal"),
    [
        ("standing", None, "jan", False, 100, 100, None),
        ("standing", None, "jan", False, 100, 110, None),
        ("standing", None, "jan", False, 100, 111, "amount-changed"),
        ("standing", None, "jan", False, 100, 3, None),
        ("standing", None, "jan", False, 3, 4, "amount-changed"),
        ("standing", None, "jan", False, 0, 1, "amount-changed"),
        ("standing", None, "jan", True, 100, 100, "not-asked"),
        ("standing", "jan", "jan", True, 100, 100, "four-eyes"),
        ("standing", "jan", "eva", True, 100, 100, None),
        ("standing", "jan", "eva", True, 100, 20_000, "amount-changed"),
        ("standing", "jan", "jan", False, 100, 100, None),
        ("releasing", "jan", "eva", True, 0, 0, "wrong-state"),
        ("released", None, "jan", False, 0, 0, "wrong-state"),
    ],
)
def test_who_may_release_what(
    state: str, asked_by: str | None, by: str, four_eyes: bool, seen: int, now: int, refusal: str | None
) -> None:
    waiting = hold(state=HoldState(state), asked_by=asked_by)
    found = release_refused(waiting, by=by, seen=seen, now=now, policy=ReleasePolicy(four_eyes=four_eyes))

    assert found == (None if refusal is None else Refusal(refusal))


@pytest.mark.parametrize(
    ("figures", "trouble"),
    [
        (FINE, None),
        (Figures(delivered=18, bounced=2), None),
        (Figures(delivered=17, bounced=3), "3 of 20 mails came back"),
        (Figures(delivered=19, under_way=1), "1 mails of the first wave are still under way"),
        (Figures(bounced=1), "no mail of the first wave was delivered"),
        (Figures(), "no mail of the first wave was delivered"),
        (Figures(delivered=5, deferred=6), "6 mails are refused for now, and 5 answered for good"),
        (Figures(delivered=20, wrong=1), None),
        (Figures(delivered=20, wrong=1, not_ours=1), "2 recipients of 20 complained or said that it is wrong"),
        (Figures(delivered=20, complaints=2), "2 recipients of 20 complained"),
        (Figures(delivered=20, ratings=4, useful=2.5, clear=5.0), "recipients find it useful by 2.5 of 5"),
        (Figures(delivered=20, ratings=4, useful=3.0), None),
        (Figures(delivered=20, questions=9, fixed=9, opt_outs=1), None),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_first_wave(figures: Figures, trouble: str | None) -> None:
    found = troubles_in(figures, policy=AFTER_A_DAY)

    assert (found == []) if trouble is None else (len(found) == 1 and found[0].startswith(trouble))


@pytest.mark.parametrize(
    ("waiting", "figures", "policy", "goes"),
    [
        (hold(waited_hours=24), FINE, AFTER_A_DAY, True),
        (hold(waited_hours=23.9), FINE, AFTER_A_DAY, False),
        (hold(waited_hours=None), FINE, AFTER_A_DAY, False),
        (hold(waited_hours=24), FINE, ReleasePolicy(), False),
        (hold(waited_hours=24), Figures(delivered=17, bounced=3), AFTER_A_DAY, False),
        (hold(STOP, waited_hours=240), FINE, AFTER_A_DAY, False),
        (hold(waited_hours=24, state=HoldState.RELEASED), FINE, AFTER_A_DAY, False),
        (hold(waited_hours=24), FINE, msgspec.structs.replace(AFTER_A_DAY, four_eyes=True), True),
    ],
    ids=str,
)
def test_when_a_first_wave_goes_on_by_itself(
    waiting: Hold, figures: Figures, policy: ReleasePolicy, goes: bool
) -> None:
    assert goes_by_itself(waiting, figures, policy=policy, now=NOW) is goes


@given(seen=st.integers(0, 10**6), now=st.integers(0, 10**6))
def test_a_release_covers_a_tenth_more_than_was_seen_and_never_more(seen: int, now: int) -> None:
    assert is_as_seen(seen, now=now) is (now <= 1.1 * seen or now <= seen)


arrivals = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(RecipientKind), st.booleans()), min_size=1, max_size=12
)


@given(batches=arrivals, mails=st.integers(1, 10), share=st.floats(0.01, 1.0))
def test_no_mail_of_a_new_incident_beyond_the_sample_goes_before_a_release(
    batches: list[tuple[int, RecipientKind, bool]], mails: int, share: float
) -> None:
    """Mails come in any portions, rounds draw in between, and whoever may go goes at once."""
    policy = FirstWavePolicy(mails=mails, share=share)
    wave = hold()
    kinds: dict[UUID, RecipientKind] = {}
    sample: set[UUID] = set()
    for portion, kind, draws in batches:
        kinds |= {derived_id("arriving", len(kinds) + each): kind for each in range(portion)}
        if draws:
            chosen = Counter(kinds[each] for each in sample)
            waiting = [Candidate(each, kinds[each]) for each in kinds if each not in sample]
            drawn = choose_sample(waiting, chosen=chosen, total=len(kinds), policy=policy)
            assert sample.isdisjoint(drawn)
            sample.update(drawn)
            assert not kinds or sample, "somebody is told at once"
        gone = {each for each in kinds if not keeping_back(Held(incident="open-smb", is_sample=each in sample), [wave])}
        assert gone == sample
        assert len(gone) <= min(mails, max(len(set(kinds.values())), share * len(kinds) + 1))
    released = msgspec.structs.replace(wave, state=HoldState.RELEASING)
    assert not any(keeping_back(Held(incident="open-smb", is_sample=each in sample), [released]) for each in kinds)


@given(
    partners=st.lists(st.sampled_from(["acme", "demo", "cert"]), unique=True).map(tuple),
    is_sample=st.booleans(),
    others=st.lists(
        st.builds(hold, st.sampled_from(HoldKind), value=st.sampled_from(["a", "b"]), state=st.sampled_from(HoldState))
    ),
)
def test_of_a_stopped_incident_or_partner_nothing_goes_whatever_else_stands(
    partners: tuple[str, ...], is_sample: bool, others: list[Hold]
) -> None:
    mail = Held(incident="open-smb", partners=partners, is_sample=is_sample)

    assert keeping_back(mail, [*others, hold(STOP)])
    for partner in partners:
        assert keeping_back(mail, [hold(STOP, scope=BrakeScope.PARTNER, value=partner), *others])

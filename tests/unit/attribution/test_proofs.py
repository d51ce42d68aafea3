"""How a proof is won, kept and lost."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from libs.common.vocabulary import AssetKind
from services.attribution.domain.proofs import (
    ASKED_BEFORE_THE_END,
    CHALLENGE_LASTS,
    GRACE,
    LASTS,
    Proof,
    ProofMethod,
    ProofState,
    Seen,
    Unproven,
    answered,
    challenged,
    checked,
    ended,
    is_looked_up,
    record_of,
    revoked,
    seen_in,
    vouched,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def by_dns(at: datetime = NOW) -> Proof:
    proof = answered(challenged(Proof(), token="t1", by="ann", at=at), Seen.TOKEN, by="ann", at=at)
    assert isinstance(proof, Proof)
    return proof


def test_a_token_that_is_seen_proves_for_a_year() -> None:
    asked = challenged(Proof(), token="t1", by="ann", at=NOW)
    proof = answered(asked, Seen.TOKEN, by="bob", at=NOW + DAY)

    assert asked.state is ProofState.CHALLENGED
    assert isinstance(proof, Proof)
    assert (proof.state, proof.method, proof.by) == (ProofState.PROVEN, ProofMethod.DNS, "bob")
    assert proof.proven_until == NOW + DAY + LASTS
    assert proof.check_at == NOW + DAY + LASTS - ASKED_BEFORE_THE_END


@pytest.mark.parametrize(
    ("seen", "after", "code"),
    [
        (Seen.NOTHING, DAY, "not-proven"),
        (Seen.NO_ANSWER, DAY, "no-answer"),
        (Seen.TOKEN, CHALLENGE_LASTS, "no-challenge"),
    ],
)
def test_a_look_without_success_proves_nothing(seen: Seen, after: timedelta, code: str) -> None:
    asked = challenged(Proof(), token="t1", by="ann", at=NOW)
    answer = answered(asked, seen, by="ann", at=NOW + after)
    assert isinstance(answer, Unproven)
    assert answer.code == code


def test_without_a_challenge_nothing_is_proven() -> None:
    assert isinstance(answered(Proof(), Seen.TOKEN, by="ann", at=NOW), Unproven)
    assert isinstance(answered(revoked(by_dns(), by="bob", note="sold"), Seen.TOKEN, by="ann", at=NOW), Unproven)


def test_asked_again_the_token_is_the_same_while_it_is_good_or_in_use() -> None:
    asked = challenged(Proof(), token="t1", by="ann", at=NOW)
    assert challenged(asked, token="t2", by="ann", at=NOW + DAY).token == "t1"
    assert challenged(asked, token="t2", by="ann", at=NOW + CHALLENGE_LASTS).token == "t2"
    assert challenged(by_dns(), token="t2", by="ann", at=NOW + 200 * DAY).token == "t1"
    assert challenged(revoked(by_dns(), by="bob", note="sold"), token="t2", by="ann", at=NOW).token == "t2"


def test_what_is_proven_stays_so_while_it_is_challenged() -> None:
    word = vouched(Proof(), by="ann", note="known", at=NOW)
    assert challenged(word, token="t1", by="ann", at=NOW).state is ProofState.PROVEN


def test_a_token_that_is_still_there_proves_for_another_year() -> None:
    later = NOW + LASTS - ASKED_BEFORE_THE_END
    assert checked(by_dns(), Seen.TOKEN, at=later).proven_until == later + LASTS


def test_only_a_token_that_stays_away_for_three_looks_over_three_days_is_lost() -> None:
    proof = by_dns()
    states = []
    for day in (0, 1, 2, 3):
        proof = checked(proof, Seen.NOTHING, at=NOW + day * DAY)
        states.append(proof.state)

    assert states == [ProofState.PROVEN, ProofState.PROVEN, ProofState.PROVEN, ProofState.LAPSED]
    assert proof.check_at is None
    assert proof.note is not None
    assert "2026-11-24" in proof.note


def test_three_misses_within_a_day_are_not_enough() -> None:
    proof = by_dns()
    for hour in range(5):
        proof = checked(proof, Seen.NOTHING, at=NOW + timedelta(hours=hour))
    assert proof.is_proven


def test_a_token_that_came_back_begins_anew() -> None:
    proof = checked(checked(by_dns(), Seen.NOTHING, at=NOW), Seen.NOTHING, at=NOW + DAY)
    proof = checked(proof, Seen.TOKEN, at=NOW + 2 * DAY)
    proof = checked(proof, Seen.NOTHING, at=NOW + 9 * DAY)
    assert (proof.is_proven, proof.misses) == (True, 1)


def test_name_servers_that_do_not_answer_lose_nothing_until_long_after_the_end() -> None:
    proof = by_dns()
    at, waits = NOW + LASTS - ASKED_BEFORE_THE_END, []
    while at < NOW + LASTS + GRACE:
        proof = checked(proof, Seen.NO_ANSWER, at=at)
        assert proof.is_proven
        assert proof.check_at is not None
        waits.append(proof.check_at - at)
        at = proof.check_at

    assert waits[:7] == [timedelta(hours=hours) for hours in (1, 2, 4, 8, 16, 24, 24)]
    assert checked(proof, Seen.NO_ANSWER, at=at).state is ProofState.LAPSED


def test_misses_stay_counted_while_nobody_answers() -> None:
    proof = checked(checked(by_dns(), Seen.NOTHING, at=NOW), Seen.NO_ANSWER, at=NOW + DAY)
    assert (proof.misses, proof.missing_since) == (1, NOW)


def test_a_word_ends_after_a_year_and_one_without_an_end_gets_one() -> None:
    word = vouched(Proof(), by="ann", note="known", at=NOW)
    old = Proof(state=ProofState.PROVEN, method=ProofMethod.DESK)

    assert ended(word, at=NOW + LASTS - DAY).is_proven
    assert ended(word, at=NOW + LASTS).state is ProofState.LAPSED
    assert ended(old, at=NOW).is_proven
    assert ended(old, at=NOW).proven_until == NOW + LASTS


def test_what_is_revoked_can_be_proven_again() -> None:
    lost = revoked(by_dns(), by="bob", note="sold")
    assert (lost.state, lost.note, lost.token, lost.check_at) == (ProofState.REVOKED, "sold", None, None)
    assert vouched(lost, by="ann", note="bought back", at=NOW).is_proven


def test_only_what_the_dns_proved_is_looked_up() -> None:
    assert is_looked_up(by_dns())
    assert not is_looked_up(vouched(by_dns(), by="ann", note="", at=NOW))
    assert not is_looked_up(msgspec.structs.replace(by_dns(), state=ProofState.LAPSED))


@pytest.mark.parametrize(
    ("texts", "seen"),
    [
        (("tocsin-proof=t1",), Seen.TOKEN),
        (("v=spf1 -all", ' "tocsin-proof=t1" '), Seen.TOKEN),
        (("tocsin-proof=t2",), Seen.NOTHING),
        (("t1",), Seen.NOTHING),
        (("tocsin-proof=t11",), Seen.NOTHING),
        ((), Seen.NOTHING),
    ],
)
def test_which_records_hold_the_token(texts: tuple[str, ...], seen: Seen) -> None:
    assert seen_in(texts, "t1") is seen


def test_only_a_domain_has_a_record() -> None:
    assert record_of(AssetKind.DOMAIN, "a.example", "t") == ("_tocsin-challenge.a.example", "tocsin-proof=t")
    assert record_of(AssetKind.IP_RANGE, "192.0.2.0/24", "t") is None

"""What two organisations may claim, and who is warned meanwhile: never somebody of another one's weakness."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import derived_id
from libs.common.vocabulary import AssetKind
from services.attribution.domain.conflicts import Conflict, Held, Keep, Relation, Rivalry, rivalries, ruling, upkeep
from services.attribution.domain.organisations import read_claim

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def held(owner: str, text: str, *, proven: bool = True, minutes: int = 0) -> Held:
    kind = (
        AssetKind.ASN
        if text.upper().startswith("AS")
        else AssetKind.IP_RANGE
        if text[0].isdigit()
        else AssetKind.DOMAIN
    )
    created_at = NOW + timedelta(minutes=minutes)
    return Held(
        derived_id("asset", owner, text), derived_id("owner", owner), read_claim(kind, text), proven, created_at
    )


@pytest.mark.parametrize(
    ("relation", "first", "second", "is_conflict", "who_rests"),
    [
        (Relation.SAME, True, True, True, "both"),
        (Relation.SAME, True, False, True, "second"),
        (Relation.SAME, False, True, True, "first"),
        (Relation.SAME, False, False, True, "both"),
        (Relation.CROSSING, True, True, True, "both"),
        (Relation.CROSSING, True, False, True, "second"),
        (Relation.CROSSING, False, True, True, "first"),
        (Relation.CROSSING, False, False, True, "both"),
        (Relation.NESTED, True, True, False, "nobody"),
        (Relation.NESTED, True, False, False, "nobody"),
        (Relation.NESTED, False, True, False, "nobody"),
        (Relation.NESTED, False, False, True, "both"),
    ],
)
def test_the_table_of_claims(relation: Relation, first: bool, second: bool, is_conflict: bool, who_rests: str) -> None:
    rule = ruling(relation, first_proven=first, second_proven=second)

    assert rule.is_conflict is is_conflict
    assert rule.contests_first is (who_rests in ("first", "both"))
    assert rule.contests_second is (who_rests in ("second", "both"))


@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize("rival_is_proven", [True, False])
def test_what_is_not_proven_never_silences_what_is(relation: Relation, rival_is_proven: bool) -> None:
    rule = ruling(relation, first_proven=True, second_proven=rival_is_proven)
    assert rival_is_proven or not rule.contests_first


@pytest.mark.parametrize(
    ("one", "other", "relation"),
    [
        ("bakery.example", "Bakery.example.", Relation.SAME),
        ("bakery.example", "shop.bakery.example", Relation.NESTED),
        ("bakery.example", "a.b.c.bakery.example", Relation.NESTED),
        ("bakery.example", "mybakery.example", None),
        ("bakery.example", "bakery.example.com", None),
        ("192.0.2.0/24", "192.0.2.0 - 192.0.2.255", Relation.SAME),
        ("192.0.2.0/24", "192.0.2.9", Relation.NESTED),
        ("192.0.2.0/24", "192.0.2.0/25", Relation.NESTED),
        ("192.0.2.0/24", "192.0.2.128/25", Relation.NESTED),
        ("192.0.2.0 - 192.0.2.9", "192.0.2.5 - 192.0.2.20", Relation.CROSSING),
        ("192.0.2.0/25", "192.0.2.128/25", None),
        ("2001:db8::/32", "2001:db8:1::/48", Relation.NESTED),
        ("2001:db8::/48", "192.0.2.0/24", None),
        ("AS64500", "as64500", Relation.SAME),
        ("AS64500", "AS64501", None),
    ],
)
def test_how_two_assets_overlap(one: str, other: str, relation: Relation | None) -> None:
    first, second = held("Bakery", one), held("Butcher", other, minutes=1)
    expected = [] if relation is None else [Rivalry(first, second, relation)]

    assert list(rivalries(frozenset({second.asset_id}), [first, second])) == expected
    assert list(rivalries(frozenset({first.asset_id}), [second, first])) == expected, "whichever has changed"
    assert list(rivalries(frozenset({UUID(int=1)}), [first, second])) == [], "nothing of these has changed"


def test_an_organisation_may_overlap_with_itself() -> None:
    own = [held("Bakery", text) for text in ("bakery.example", "shop.bakery.example", "192.0.2.0/24", "192.0.2.7")]
    assert list(rivalries(frozenset(each.asset_id for each in own), own)) == []


RANGES = st.lists(
    st.tuples(st.sampled_from("ABC"), st.integers(0, 12), st.integers(0, 12)).filter(lambda each: each[1] <= each[2]),
    max_size=9,
    unique=True,
)


@given(RANGES)
def test_the_sweep_finds_what_comparing_each_with_each_finds(spans: list[tuple[str, int, int]]) -> None:
    claims = [held(owner, f"192.0.2.{first} - 192.0.2.{last}") for owner, first, last in spans]
    found = rivalries(frozenset(each.asset_id for each in claims), claims)

    seen = {frozenset((each.first.asset_id, each.second.asset_id)): each.relation for each in found}

    assert seen == {
        frozenset((one.asset_id, other.asset_id)): relation
        for one, other in combinations(claims, 2)
        if one.organisation_id != other.organisation_id
        for relation in (compared(one, other),)
        if relation is not None
    }


def compared(one: Held, other: Held) -> Relation | None:
    a, b = one.claim.interval, other.claim.interval
    assert a is not None
    assert b is not None
    if a.last < b.first or b.last < a.first:
        return None
    if a == b:
        return Relation.SAME
    inside = (a.first <= b.first and b.last <= a.last) or (b.first <= a.first and a.last <= b.last)
    return Relation.NESTED if inside else Relation.CROSSING


def kept(rivalry: Rivalry, keep: Keep | None = None) -> Conflict:
    return Conflict(UUID(int=7), rivalry.relation, NOW, rivalry.first.asset_id, rivalry.second.asset_id, keep)


def same(*, first: bool, second: bool) -> Rivalry:
    one, other = held("Bakery", "a.example", proven=first), held("Butcher", "a.example", proven=second, minutes=1)
    return Rivalry(one, other, Relation.SAME)


def kinds(conflicts: Sequence[Conflict], found: Sequence[Rivalry]) -> tuple[int, int, int]:
    work = upkeep(conflicts, found)
    return len(work.opened), len(work.renewed), len(work.ended)


def test_a_conflict_is_opened_once_and_ends_with_what_it_was_about() -> None:
    rivalry = same(first=True, second=False)
    assert kinds([], [rivalry]) == (1, 0, 0)
    assert kinds([kept(rivalry)], [rivalry]) == (0, 1, 0)
    assert kinds([kept(rivalry)], []) == (0, 0, 1)


def test_nested_claims_settle_themselves_once_one_is_proven() -> None:
    open_one = Rivalry(held("A", "a.example", proven=False), held("B", "b.a.example", proven=False), Relation.NESTED)
    proven = msgspec.structs.replace(open_one, second=msgspec.structs.replace(open_one.second, is_proven=True))
    assert kinds([], [open_one]) == (1, 0, 0)
    assert kinds([kept(open_one)], [proven]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("keep", "first_proven", "second_proven", "open_again"),
    [
        (Keep.FIRST, True, False, False),
        (Keep.FIRST, False, False, False),
        (Keep.FIRST, True, True, True),
        (Keep.SECOND, False, True, False),
        (Keep.SECOND, True, True, True),
        (Keep.BOTH, True, True, False),
    ],
)
def test_a_decision_stands_until_the_one_who_lost_proves_the_asset(
    keep: Keep, first_proven: bool, second_proven: bool, open_again: bool
) -> None:
    rivalry = same(first=first_proven, second=second_proven)
    assert kinds([kept(rivalry, keep)], [rivalry]) == (0, int(open_again), 0)

"""A threat that was closed and comes back: its verdict, its event and its row say so, however often they are asked."""

from libs.common.contracts import FeedbackReceived, Reopened, ThreatVerified
from libs.common.db import Database
from libs.common.ids import new_id
from libs.common.vocabulary import FeedbackKind, Reliability
from services.verifier.api.views import verdict_view
from services.verifier.domain.review import Decision
from services.verifier.handlers import RulesInForce, verdict_of, weigh_feedback
from tests.integration.test_verifier import LATER, database, review, rules, sent, verify
from tests.unit.verifier.builders import NOW, raw

__all__ = ["database", "rules"]

FIXED = Reopened(closed_at=LATER, reason="fixed")


async def fix(database: Database, threat: ThreatVerified) -> None:
    answer = FeedbackReceived(
        feedback_id=new_id(), kind=FeedbackKind.FIXED, incident="open-smb", at=NOW, threat_ids=(threat.threat_id,)
    )
    async with database.transaction() as tx:
        await weigh_feedback([answer], tx=tx, now=LATER)


async def fixed(database: Database, rules: RulesInForce) -> ThreatVerified:
    (first,) = await verify(database, rules, raw(1))
    assert isinstance(first, ThreatVerified)
    assert first.reopened is None
    await fix(database, first)
    return first


async def test_what_was_fixed_and_is_seen_again_says_so_also_when_it_is_told_again(
    database: Database, rules: RulesInForce
) -> None:
    await fixed(database, rules)
    seen_again = raw(2, seen_at=LATER.replace(minute=30))

    (told,) = await verify(database, rules, seen_again, now=LATER.replace(minute=40))
    (told_again,) = await verify(database, rules, seen_again, now=LATER.replace(minute=50))

    assert isinstance(told, ThreatVerified)
    assert told.reopened == FIXED
    assert told_again == told
    async with database.transaction() as tx:
        view = verdict_view(await verdict_of(tx, seen_again.indicator_id))
    assert view.reopened is not None
    assert (view.reopened.closed_at, view.reopened.reason) == (LATER, "fixed")


async def test_what_a_person_verifies_says_that_it_came_back(database: Database, rules: RulesInForce) -> None:
    await fixed(database, rules)
    held = raw(2, seen_at=LATER.replace(minute=30), confidence=0, reliability=Reliability.E)
    await verify(database, rules, held, now=LATER.replace(minute=40))

    await review(database, rules, held, Decision.VERIFY)

    [told] = await sent(database)
    assert isinstance(told, ThreatVerified)
    assert told.reopened == FIXED

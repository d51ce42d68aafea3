"""A partner that wants it is told once of each period what became of its records, and of every record in the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from libs.common.contracts import DigestDue
from libs.common.contracts.wire import encode
from libs.common.db import Database, Transaction, database_of
from libs.common.outbox import waiting_events
from libs.common.security import Role
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import DigestCadence, Outcome
from services.intake.app import digest_office_of
from services.intake.domain.digests.periods import Period, last_end
from services.intake.domain.submissions import Status
from services.intake.handlers.digests import SETTLING, Digests, NoDigest, Office, make_digest, make_now
from services.intake.store import digests, partners
from services.intake.store.digest_fates import MOST_SHOWN, fates_of
from services.intake.store.digests import reasons_of
from tests.integration.receipts.conftest import Intake, Known

DIGEST = "/v1/partners/me/digest"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def ended(intake: Intake) -> datetime:
    """When the last day ended that a digest may be made of by now."""
    return last_end(DigestCadence.DAILY, hour=intake.settings.digest_hour, now=intake.database.now() - SETTLING)


def office(intake: Intake, database: Database | None = None) -> Office:
    return digest_office_of(intake.settings, database or intake.database)


async def wants_digest(intake: Intake, slug: str = "acme") -> Known:
    partner = await intake.partner(slug)
    answer = await partner.client.put(DIGEST, json={"digest": "daily"})
    assert answer.status_code == 200, answer.text
    return partner


async def kept(
    intake: Intake, partner: Known, *, before_end: timedelta, pending: int = 2, status: Status = Status.DONE
) -> UUID:
    """A submission that was kept so long before the end of the last day; one of its records could not be read."""
    submission_id = await intake.submission(partner, pending=pending, status=status)
    await intake.sql(
        "UPDATE submissions SET kept_at = $2, stored_through = $3 WHERE id = $1",
        submission_id,
        ended(intake) - before_end,
        pending + 1,
    )
    return submission_id


async def end_period(intake: Intake, partner: Known) -> None:
    await intake.sql("UPDATE partners SET digest_due_at = $2 WHERE id = $1", partner.id, ended(intake))


async def told(intake: Intake) -> list[DigestDue]:
    async with intake.database.transaction() as tx:
        return [event for event in await waiting_events(tx) if isinstance(event, DigestDue)]


async def make_all(intake: Intake, database: Database | None = None) -> int:
    making, made = Digests(office(intake, database)), 0
    while await making.make_next():
        made += 1
    return made


@asynccontextmanager
async def impatient(intake: Intake) -> AsyncIterator[Database]:
    database = Database(intake.settings.database_url.get_secret_value(), pool_size=2, statement_timeout_seconds=0.5)
    yield database
    await database.close()


async def test_a_partner_asks_for_a_digest_looks_at_it_and_ends_it(intake: Intake) -> None:
    partner = await intake.partner("acme")
    assert (await partner.client.get(DIGEST)).json() == {
        "digest": "none",
        "digest_language": "en",
        "email": "feeds@acme.example",
        "next_at": None,
        "last": None,
    }

    wanted = {"digest": "weekly", "digest_language": "nl"}
    answer = await partner.client.put(DIGEST, json=wanted)
    monday = datetime.fromisoformat(answer.json()["next_at"])
    assert answer.json() | wanted == answer.json() == (await partner.client.get(DIGEST)).json()
    assert (monday.weekday(), monday.hour, monday.minute) == (0, intake.settings.digest_hour, 0)
    assert timedelta(0) < monday - datetime.now(UTC) <= 7 * DAY

    daily = (await partner.client.put(DIGEST, json={"digest": "daily"})).json()
    assert (daily["digest"], daily["digest_language"]) == ("daily", "nl")
    assert datetime.fromisoformat(daily["next_at"]) - datetime.now(UTC) <= DAY

    assert (await partner.client.delete(DIGEST)).status_code == 204
    ended_now = (await partner.client.get(DIGEST)).json()
    assert (ended_now["digest"], ended_now["next_at"]) == ("none", None)


async def test_operators_see_and_set_it_too_and_nobody_sees_it_of_another(intake: Intake) -> None:
    partner, other = await intake.partner("acme"), await intake.partner("other")
    path = f"/v1/partners/{partner.id}"
    admin = intake.operator(Role.ADMIN)

    changed = await admin.patch(path, json={"digest": "daily", "digest_language": "nl"})
    assert (changed.json()["digest"], changed.json()["digest_language"]) == ("daily", "nl")
    seen = (await intake.operator(Role.AUDITOR).get(f"{path}/digest")).json()
    assert seen["digest"] == "daily"
    assert seen["next_at"] is not None
    assert (await admin.patch(path, json={"name": "Acme"})).json()["digest"] == "daily"
    assert (await partner.client.get(DIGEST)).json() == seen
    assert (await admin.put(f"{path}/digest", json={"digest": "weekly"})).json()["digest"] == "weekly"

    assert (await other.client.get(f"{path}/digest")).status_code == 401
    assert (await intake.operator(Role.ANALYST).put(f"{path}/digest", json={"digest": "daily"})).status_code == 403
    assert (await admin.get(f"/v1/partners/{uuid4()}/digest")).status_code == 404
    assert (await admin.delete(f"/v1/partners/{uuid4()}/digest")).status_code == 404
    body = {"slug": "new", "name": "New", "reliability": "B", "contact_email": "x@new.example", "digest": "daily"}
    made = (await admin.post("/v1/partners", json=body)).json()
    assert (await admin.get(f"/v1/partners/{made['id']}/digest")).json()["next_at"] == seen["next_at"]


async def test_all_that_is_wrong_with_a_wish_is_told_at_once(intake: Intake) -> None:
    partner = await intake.partner("acme")
    wrong = {"digest": "none", "digest_language": "fr", "email": "all@example.org"}
    answer = await partner.client.put(DIGEST, json=wrong)
    assert answer.status_code == 422
    assert {error["where"] for error in answer.json()["errors"]} == {f"body.{name}" for name in wrong}


async def test_a_digest_tells_of_what_was_kept_in_its_period_and_of_nothing_else(intake: Intake) -> None:
    partner, other = await wants_digest(intake), await intake.partner("other")
    first = await kept(intake, partner, before_end=DAY)
    last = await kept(intake, partner, before_end=timedelta(microseconds=1), status=Status.FAILED)
    await kept(intake, partner, before_end=timedelta(0))
    await kept(intake, partner, before_end=DAY + timedelta(microseconds=1))
    await kept(intake, other, before_end=HOUR)
    await intake.settle(first, 1)
    await intake.settle(first, 2, outcome=Outcome.REFUTED)
    await end_period(intake, partner)

    assert await make_all(intake) == 1

    [digest] = await told(intake)
    assert (digest.partner, digest.since, digest.until) == ("acme", ended(intake) - DAY, ended(intake))
    assert digest.outcomes == {"notified": 1, "refuted": 1, "pending": 2, "rejected": 2}
    [counted] = digest.formats
    assert (counted.format, counted.submissions, counted.outcomes) == ("tocsin-ndjson", 2, digest.outcomes)
    assert [each.submission_id for each in digest.submissions] == [last, first]
    assert [each.status for each in digest.submissions] == ["failed", "done"]
    assert [each.outcomes for each in digest.submissions] == [
        {"pending": 2, "rejected": 1},
        {"notified": 1, "refuted": 1, "rejected": 1},
    ]
    assert sorted((each.outcome, each.reason, each.records) for each in digest.reasons) == [
        ("refuted", "because", 1),
        ("rejected", "invalid-ip", 2),
    ]
    assert [(each.kind, each.count) for each in digest.troubles] == [("submissions-failed", 1), ("records-rejected", 2)]
    view = (await partner.client.get(DIGEST)).json()
    assert datetime.fromisoformat(view["last"]["until"]) == ended(intake)
    assert view["last"]["told"]
    assert datetime.fromisoformat(view["next_at"]) == ended(intake) + DAY


async def test_two_replicas_and_the_same_one_again_make_one_digest(intake: Intake) -> None:
    partner = await wants_digest(intake)
    await kept(intake, partner, before_end=HOUR)
    others = [database_of(intake.settings) for _ in range(3)]

    for _ in range(2):
        await end_period(intake, partner)
        await asyncio.gather(*(make_all(intake, database) for database in others))

    assert len(await told(intake)) == 1
    for database in others:
        await database.close()


class Crash(Exception):
    """The replica dies."""


async def test_a_replica_that_dies_in_the_middle_leaves_nothing_and_the_next_one_says_the_same(intake: Intake) -> None:
    partner = await wants_digest(intake)
    await kept(intake, partner, before_end=HOUR)
    await end_period(intake, partner)
    with pytest.raises(Crash):
        async with intake.database.transaction() as tx:
            dying = await _make_in(tx, intake, partner)
            raise Crash
    assert await told(intake) == []
    assert (await partner.client.get(DIGEST)).json()["last"] is None

    await make_all(intake)

    [digest] = await told(intake)
    assert digest.digest_id == dying.digest_id
    assert digest.outcomes == dying.outcomes


async def _make_in(tx: Transaction, intake: Intake, partner: Known) -> DigestDue:
    found = await partners.partner(tx, partner.id)
    assert found is not None
    digest = await make_digest(tx, office(intake), found, until=ended(intake))
    assert digest is not None
    return digest


async def test_a_period_without_anything_is_done_and_nobody_is_mailed(intake: Intake) -> None:
    partner = await wants_digest(intake)
    await end_period(intake, partner)

    assert await make_all(intake) == 1

    assert await told(intake) == []
    last = (await partner.client.get(DIGEST)).json()["last"]
    assert (datetime.fromisoformat(last["until"]), last["told"]) == (ended(intake), False)
    assert await make_all(intake) == 0


async def test_what_was_pending_is_told_by_the_digest_after_its_outcome(intake: Intake) -> None:
    partner = await wants_digest(intake)
    submission_id = await kept(intake, partner, before_end=2 * DAY, pending=3)
    settled = await kept(intake, partner, before_end=2 * DAY, pending=1)
    await intake.settle(settled, 1)
    async with intake.database.transaction() as tx:
        found = await partners.partner(tx, partner.id)
        assert found is not None
        first = await make_digest(tx, office(intake), found, until=ended(intake) - DAY)
    assert first is not None
    assert first.outcomes == {"pending": 3, "notified": 1, "rejected": 2}
    await intake.settle(submission_id, 1)
    await intake.settle(submission_id, 2, outcome=Outcome.HELD)
    await end_period(intake, partner)

    await make_all(intake)
    await intake.settle(submission_id, 2, 3)
    async with intake.database.transaction() as tx:
        last = await make_digest(tx, office(intake), found, until=ended(intake) + timedelta(seconds=1))

    [_, second, _] = await told(intake)
    assert (second.submissions_total, second.earlier, second.earlier_pending) == (0, {"notified": 1, "held": 1}, 1)
    assert last is not None
    assert (last.earlier, last.earlier_pending) == ({"notified": 2}, 0)
    rows = await intake.sql("SELECT until FROM digests WHERE open_submissions IS NOT NULL")
    assert len(rows) == 1, "what is open is followed by the newest alone"


async def test_a_disabled_partner_is_told_nothing_and_all_of_it_once_it_is_back(intake: Intake) -> None:
    partner = await wants_digest(intake)
    await kept(intake, partner, before_end=HOUR)
    await end_period(intake, partner)
    admin = intake.operator(Role.ADMIN)
    await admin.patch(f"/v1/partners/{partner.id}", json={"enabled": False})
    assert await make_all(intake) == 0
    assert await make_now(office(intake), "acme") is NoDigest.NOT_WANTED

    await admin.patch(f"/v1/partners/{partner.id}", json={"enabled": True})
    assert await make_all(intake) == 1
    assert [each.submissions_total for each in await told(intake)] == [1]


async def test_one_that_ended_its_digest_gets_none(intake: Intake) -> None:
    partner = await wants_digest(intake)
    await kept(intake, partner, before_end=HOUR)
    await end_period(intake, partner)
    await partner.client.delete(DIGEST)
    assert await make_all(intake) == 0
    assert await make_now(office(intake), "acme") is NoDigest.NOT_WANTED


async def test_a_partner_whose_digest_can_not_be_made_holds_up_no_other(intake: Intake) -> None:
    stuck, other = await wants_digest(intake, "stuck"), await wants_digest(intake, "other")
    for partner, earlier in ((stuck, HOUR), (other, timedelta(0))):
        await kept(intake, partner, before_end=HOUR)
        await intake.sql("UPDATE partners SET digest_due_at = $2 WHERE id = $1", partner.id, ended(intake) - earlier)
    async with impatient(intake) as database, intake.database.transaction() as tx:
        period = Period(ended(intake) - DAY, ended(intake))
        await digests.record_done(tx, stuck.id, period, digest=None, still_open={}, now=ended(intake))
        making = Digests(office(intake, database))
        while await making.make_next():
            pass
        await tx.fetch("DELETE FROM digests")

    assert [each.partner for each in await told(intake)] == ["other"]
    assert await make_all(intake) == 1, "another replica, or this one some minutes later"
    assert sorted(each.partner for each in await told(intake)) == ["other", "stuck"]


async def test_a_submission_that_is_being_kept_at_this_moment_is_in_the_digest_made_now(intake: Intake) -> None:
    partner = await wants_digest(intake)
    await intake.submission(partner, pending=1)
    other = database_of(intake.settings)
    async with other.transaction() as tx:
        await tx.fetch(
            """
            INSERT INTO submissions (id, partner_id, reliability, format, size_bytes, sha256, traceparent, received_at,
                                     status)
            SELECT gen_random_uuid(), partner_id, reliability, 'stix', 1, sha256, '', received_at, 'processing'
            FROM submissions
            """
        )
        making = asyncio.create_task(make_now(office(intake), "acme"))
        await asyncio.sleep(0.3)
        assert not making.done()
    digest = await making
    await other.close()

    assert isinstance(digest, DigestDue)
    assert {each.format: each.submissions for each in digest.formats} == {"tocsin-ndjson": 1, "stix": 1}
    assert await make_now(office(intake), "acme") is NoDigest.NOTHING_TO_TELL
    assert await make_now(office(intake), "nobody") is NoDigest.NO_PARTNER


async def test_nothing_in_a_digest_leads_to_a_recipient(intake: Intake) -> None:
    partner = await wants_digest(intake)
    submission_id = await kept(intake, partner, before_end=HOUR, pending=8)
    for number, outcome in enumerate(set(Outcome) - {Outcome.PENDING}, start=1):
        if number <= 8:
            await intake.settle(submission_id, number, outcome=outcome)
    await intake.sql(
        """
        UPDATE records SET message = 'info@recipient.example', reason = CASE
            WHEN outcome IN ('notified', 'suppressed', 'duplicate') THEN 'TOC-RECIPIENT' ELSE reason END
        """
    )
    await end_period(intake, partner)

    await make_all(intake)

    [digest] = await told(intake)
    assert b"recipient" not in encode(digest).lower()


async def test_of_many_submissions_those_with_trouble_are_shown_first_and_all_are_counted(intake: Intake) -> None:
    partner = await wants_digest(intake)
    failed = await kept(intake, partner, before_end=HOUR, status=Status.FAILED)
    others = [await kept(intake, partner, before_end=HOUR, pending=1) for _ in range(MOST_SHOWN + 2)]
    await intake.sql("DELETE FROM submission_counts WHERE outcome = 'rejected' AND submission_id <> $1", others[0])
    await end_period(intake, partner)

    await make_all(intake)

    [digest] = await told(intake)
    assert digest.submissions_total == MOST_SHOWN + 3
    shown = [each.submission_id for each in digest.submissions]
    assert shown == [failed, others[0], *reversed(others[-(MOST_SHOWN - 2) :])]


@pytest.mark.parametrize("page_submissions", [1, 3, 30, 31])
async def test_however_many_are_read_at_a_time_a_digest_tells_the_same(intake: Intake, page_submissions: int) -> None:
    partner = await wants_digest(intake)
    earlier = await kept(intake, partner, before_end=DAY + HOUR, pending=2)
    for number in range(30):
        await kept(
            intake, partner, before_end=HOUR, pending=number % 4, status=[Status.DONE, Status.FAILED][number % 2]
        )
    period = Period(since=ended(intake) - timedelta(days=1), until=ended(intake))

    async with intake.database.transaction() as tx:
        at_once = await fates_of(tx, partner.id, period, told={earlier: {"pending": 1}})
        paged = await fates_of(
            tx, partner.id, period, told={earlier: {"pending": 1}}, page_submissions=page_submissions
        )

    assert sum(each.submissions for each in at_once.formats) == 30
    assert at_once.earlier == {earlier: {"pending": 2, "rejected": 1}}
    assert earlier in at_once.still_open
    assert len(at_once.still_open) > 20
    assert paged == at_once


@pytest.mark.parametrize("most_records", [1, 2, 3, 100])
async def test_reasons_are_counted_the_same_however_few_records_a_statement_reads(
    intake: Intake, most_records: int
) -> None:
    partner = await wants_digest(intake)
    for pending in (0, 3, 5):
        submission_id = await kept(intake, partner, before_end=HOUR, pending=pending)
        await intake.settle(submission_id, *range(1, pending + 1), outcome=Outcome.EXPIRED)
    period = Period(ended(intake) - DAY, ended(intake))

    async with intake.database.transaction() as tx:
        found = await reasons_of(tx, partner.id, period, most_records=most_records)

    assert {(each.outcome, each.reason): each.records for each in found} == {
        ("rejected", "invalid-ip"): 3,
        ("expired", "because"): 8,
    }


async def test_a_running_service_makes_what_is_due(intake: Intake) -> None:
    partner = await wants_digest(intake)
    await kept(intake, partner, before_end=HOUR)
    await end_period(intake, partner)
    shutdown = Shutdown()
    running = asyncio.create_task(Digests(office(intake)).run(shutdown))
    async with asyncio.timeout(20):
        while not await told(intake):
            await asyncio.sleep(0.05)
    shutdown.request()
    await running

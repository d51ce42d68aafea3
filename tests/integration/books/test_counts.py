"""What a service says of its records: complete, in slices and pages of any size; and how intake asks for it."""

from collections.abc import AsyncIterator
from datetime import date
from uuid import UUID

import httpx
import pytest

from deploy.local.reachability import NOBODY_IS_TRUSTED
from libs.common import bookkeeping
from libs.common.bookkeeping import FIRST, LAST, RecordTable, counts_between
from libs.common.db import Database
from libs.common.errors import Permanent, Transient
from libs.common.ids import new_id, record_id
from services.intake.gateway.siblings import HttpSibling, Sibling, StaticSibling, siblings_of
from tests.integration.books.conftest import RECORDS, World

TABLE = RecordTable(
    name="heard",
    key="id",
    grouped="""SELECT submission_id, 'refuted' AS outcome, NULL AS state, count(*) AS records, NULL AS since FROM heard
               WHERE id > $1 AND id <= $2 AND submission_id > $3 AND submission_id <= $4 GROUP BY submission_id""",
)
FIRST_OF_MILLISECOND = new_id()
SUBMISSIONS = [
    FIRST_OF_MILLISECOND,
    UUID(int=FIRST_OF_MILLISECOND.int ^ 1),
    UUID(int=FIRST_OF_MILLISECOND.int ^ 3),
    UUID(int=FIRST_OF_MILLISECOND.int + (1 << 80)),
    UUID(int=FIRST_OF_MILLISECOND.int + (5 << 80)),
]
"""Three of one millisecond, whose records are in the order of their hashes, and two later ones."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A table of records of several submissions, each with three more than the one before."""
    database = Database(database_url, pool_size=2, statement_timeout_seconds=10)
    async with database.transaction() as tx:
        await tx.fetch("CREATE TABLE heard (id uuid PRIMARY KEY, submission_id uuid)")
        for place, submission in enumerate(SUBMISSIONS):
            rows = [(record_id(submission, record), submission) for record in range(1, 4 + 3 * place)]
            await tx.copy("heard", columns=("id", "submission_id"), rows=rows)
    yield database
    await database.close()


TRUTH = {submission: 3 + 3 * place for place, submission in enumerate(SUBMISSIONS)}


@pytest.mark.parametrize("limit", [1, 2, 50])
@pytest.mark.parametrize("slice_rows", [1, 4, 100])
async def test_pages_and_slices_of_any_size_add_up_to_all(
    database: Database, monkeypatch: pytest.MonkeyPatch, limit: int, slice_rows: int
) -> None:
    monkeypatch.setattr(bookkeeping, "SLICE_ROWS", slice_rows)
    found: dict[UUID, int] = {}
    after = FIRST
    async with database.transaction() as tx:
        while page := await counts_between(tx, TABLE, after=after, through=LAST, limit=limit):
            assert len(page) <= limit
            found |= {each.submission_id: each.heard for each in page}
            after = page[-1].submission_id
    assert list(found.items()) == sorted(TRUTH.items())


async def test_a_range_of_submissions_leaves_its_neighbours_of_the_same_millisecond_out(database: Database) -> None:
    low, middle, high = sorted(SUBMISSIONS[:3])
    async with database.transaction() as tx:
        found = await counts_between(tx, TABLE, after=low, through=middle, limit=50)
    assert [(each.submission_id, each.heard) for each in found] == [(middle, TRUTH[middle])]
    assert high not in {each.submission_id for each in found}


async def test_a_list_of_counts_goes_on_where_its_page_ended(world: World) -> None:
    async with world.client("verifier") as verifier:
        first = (await verifier.get("/v1/counts", params={"limit": 1})).raise_for_status().json()
        second = (await verifier.get("/v1/counts", params={"limit": 1, "cursor": first["next"]})).json()
    assert [item["heard"] for page in (first, second) for item in page["items"]] == [RECORDS, 1]
    assert second["next"] is None
    assert second["items"][0]["ended"] == {"held": 1}


@pytest.fixture(params=["real", "static"])
async def verifier(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Sibling]:
    """The verifier, and what stands for it in tests when it knows the same."""
    async with siblings_of(world.settings) as siblings:
        real = siblings.verifier
        if request.param == "real":
            yield real
        else:
            yield StaticSibling(known=list((await real.counts(after=FIRST, through=LAST)).values()))


async def test_a_sibling_tells_of_the_submissions_that_it_is_asked_for(verifier: Sibling, world: World) -> None:
    everything = await verifier.counts(after=FIRST, through=LAST)
    feed, held = await world.submission("shadowserver-csv"), await world.submission("tocsin-json")
    assert {key: counts.heard for key, counts in everything.items()} == {feed: RECORDS, held: 1}
    assert set(await verifier.counts(after=FIRST, through=feed)) == {feed}
    assert set(await verifier.counts(after=feed, through=LAST)) == {held}


async def test_a_sibling_at_rest_is_past_where_it_stood(verifier: Sibling) -> None:
    mark = await verifier.backlog()
    now = await verifier.backlog()
    assert now.has_read(mark)
    assert now.has_sent(mark)


async def test_the_notifier_and_feedback_count_the_same_mails(world: World) -> None:
    async with siblings_of(world.settings) as siblings:
        sent = await siblings.notifier.sent(since=date.min)
        assert sent == await siblings.feedback.sent(since=date.min)
        assert sum(sent.values()) > 0
        assert await siblings.notifier.sent(since=date.max) == {}


@pytest.mark.parametrize(
    ("url", "token", "error", "said"),
    [
        ("http://127.0.0.1:1", "", Transient, "does not answer"),
        (None, "forged", Permanent, "TOCSIN_INTAKE_AUDITOR_TOKEN"),
    ],
    ids=["nobody there", "token refused"],
)
async def test_a_sibling_that_can_not_be_asked_says_why(
    world: World, url: str | None, token: str, error: type[Exception], said: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=url or world.settings.verifier_url, headers=headers, verify=NOBODY_IS_TRUSTED
    ) as client:
        with pytest.raises(error, match=said):
            await HttpSibling(client).counts(after=FIRST, through=LAST)


async def test_addresses_that_nobody_has_told_are_named(world: World) -> None:
    untold = world.settings.model_copy(update={"notifier_url": "", "feedback_url": ""})
    with pytest.raises(Permanent, match="TOCSIN_INTAKE_NOTIFIER_URL, TOCSIN_INTAKE_FEEDBACK_URL not set"):
        async with siblings_of(untold):
            pass

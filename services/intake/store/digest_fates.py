"""How the submissions of a digest's period stand: read a page at a time, since a partner may push millions of them.

What is told of a submission, and whether it is followed from then on, is of one statement, so no change is lost between
the two. Those of another page may have moved on by then; each is told of once all the same.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

from asyncpg import Record

from libs.common.contracts import DigestFormat, DigestSubmission
from libs.common.db import Transaction
from libs.common.ids import first_id_at
from services.intake.domain.digests.periods import Period
from services.intake.domain.digests.summing import OPEN, Fates, Outcomes
from services.intake.store.digests import IN_EARNEST, KEPT_AT, LONGEST_UPLOAD

MOST_SHOWN = 20
MOST_OPEN = 2000
PAGE_SUBMISSIONS = 20_000
"""In one statement, which takes a second or two then."""

_OUTCOMES = """
    coalesce((SELECT jsonb_object_agg(outcome, records) FROM submission_counts AS counted
              WHERE counted.submission_id = submissions.id AND records > 0), '{}') AS outcomes
"""

_NEW = f"""
    SELECT submissions.id, received_at, status, format, report_type, file_name, {_OUTCOMES} FROM submissions
    WHERE partner_id = $1 AND {IN_EARNEST} AND id > $2 AND {KEPT_AT} >= $3 AND {KEPT_AT} < $4
    ORDER BY id LIMIT $5
"""  # noqa: S608 - constants only

PAGE = f"""
    WITH read AS MATERIALIZED ({_NEW}), shown AS (
        SELECT * FROM read ORDER BY (status = 'failed') DESC, (outcomes ? 'rejected') DESC, id DESC LIMIT $6
    ), open AS (
        SELECT * FROM read WHERE status = 'processing' OR outcomes ?| $7::text[] ORDER BY id DESC LIMIT $8
    )
    SELECT 'format' AS kind, format, report_type, NULL::uuid AS id, NULL::timestamptz AS received_at,
           NULL AS status, NULL AS file_name, '{{}}'::jsonb AS outcomes,
           count(*) AS submissions, count(*) FILTER (WHERE status = 'failed') AS failed
    FROM read GROUP BY format, report_type
    UNION ALL
    SELECT 'outcomes', format, report_type, NULL, NULL, NULL, NULL,
           jsonb_build_object(each.key, sum(each.value::bigint)::bigint), 0, 0
    FROM read CROSS JOIN LATERAL jsonb_each_text(outcomes) AS each GROUP BY format, report_type, each.key
    UNION ALL
    SELECT 'shown', format, report_type, id, received_at, status, file_name, outcomes, 0, 0 FROM shown
    UNION ALL
    SELECT 'open', NULL, NULL, id, NULL, NULL, NULL, outcomes, 0, 0 FROM open
    UNION ALL
    (SELECT 'last', NULL, NULL, id, NULL, NULL, NULL, '{{}}', 0, 0 FROM read ORDER BY id DESC LIMIT 1)
"""  # noqa: S608 - constants only

EARLIER = f"""
    SELECT submissions.id, status = 'processing' AS is_unread, {_OUTCOMES} FROM submissions
    WHERE partner_id = $1 AND id = ANY($2::uuid[]) AND {KEPT_AT} < $3
"""  # noqa: S608 - constants only


async def fates_of(
    tx: Transaction,
    partner_id: UUID,
    period: Period,
    *,
    told: Mapping[UUID, Outcomes],
    page_submissions: int = PAGE_SUBMISSIONS,
) -> Fates:
    """How the submissions of a period stand, and those earlier ones."""
    gathering = _Gathering()
    earlier = await tx.fetch(EARLIER, partner_id, list(told), period.since)
    gathering.follow({row["id"]: row["outcomes"] for row in earlier if row["is_unread"] or _is_open(row["outcomes"])})
    after: UUID | None = first_id_at(period.since - LONGEST_UPLOAD)
    while after is not None:
        page = await tx.fetch(
            PAGE,
            partner_id,
            after,
            period.since,
            period.until,
            page_submissions,
            MOST_SHOWN,
            list(OPEN),
            MOST_OPEN,
        )
        after = gathering.add(page)
    return gathering.fates(told=told, earlier={row["id"]: row["outcomes"] for row in earlier})


def _is_open(outcomes: Outcomes) -> bool:
    return not outcomes.keys().isdisjoint(OPEN)


@dataclass(slots=True)
class _Gathering:
    """What the pages so far come to."""

    submissions: dict[tuple[str, str | None], int] = field(default_factory=lambda: defaultdict(int))
    outcomes: dict[tuple[str, str | None], dict[str, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )
    failed: int = 0
    shown: list[DigestSubmission] = field(default_factory=list)
    still_open: dict[UUID, Outcomes] = field(default_factory=dict)

    def add(self, page: list[Record]) -> UUID | None:
        """The id behind which the next page begins; None behind the last."""
        last: UUID | None = None
        followed: dict[UUID, Outcomes] = {}
        for row in page:
            feed = (row["format"], row["report_type"])
            match row["kind"]:
                case "format":
                    self.submissions[feed] += row["submissions"]
                    self.failed += row["failed"]
                case "outcomes":
                    for outcome, records in row["outcomes"].items():
                        self.outcomes[feed][outcome] += records
                case "shown":
                    self.shown.append(_submission(row))
                case "open":
                    followed[row["id"]] = row["outcomes"]
                case "last":
                    last = row["id"]
        self.shown = sorted(self.shown, key=_urgency, reverse=True)[:MOST_SHOWN]
        self.follow(followed)
        return last

    def follow(self, still_open: Mapping[UUID, Outcomes]) -> None:
        """The newest of those that may still change."""
        newest = sorted((self.still_open | dict(still_open)).items(), key=lambda each: each[0], reverse=True)
        self.still_open = dict(islice(newest, MOST_OPEN))

    def fates(self, *, told: Mapping[UUID, Outcomes], earlier: Mapping[UUID, Outcomes]) -> Fates:
        return Fates(
            formats=[
                DigestFormat(
                    format=name, report_type=report_type, submissions=count, outcomes=self.outcomes[name, report_type]
                )
                for (name, report_type), count in self.submissions.items()
            ],
            failed_submissions=self.failed,
            shown=self.shown,
            told=told,
            earlier=earlier,
            still_open=self.still_open,
        )


def _urgency(submission: DigestSubmission) -> tuple[bool, bool, UUID]:
    """What a partner can mend comes first, then what is newest."""
    return submission.status == "failed", "rejected" in submission.outcomes, submission.submission_id


def _submission(row: Record) -> DigestSubmission:
    return DigestSubmission(
        submission_id=row["id"],
        received_at=row["received_at"],
        status=row["status"],
        format=row["format"],
        report_type=row["report_type"],
        file_name=row["file_name"],
        outcomes=row["outcomes"],
    )

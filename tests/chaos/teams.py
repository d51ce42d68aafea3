"""Copies that teams get beside the recipient of a record: what was kept, what arrived, and what is wrong."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from email import message_from_bytes, policy
from io import BytesIO
from uuid import UUID
from zipfile import ZipFile

import asyncpg

SHOWN = 5
Wanted = tuple[UUID, str]
"""An indicator, and the address of the team that hears of it as well."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One, as the notifier keeps it. `is_continued`: it asked for somebody else in the place of the team."""

    indicator_id: UUID
    email: str
    target_id: UUID
    notification_id: UUID | None
    is_continued: bool


async def copies_made(connection: asyncpg.Connection) -> list[Copy]:
    rows = await connection.fetch(
        """
        SELECT (value ->> 'indicator_id')::uuid AS indicator_id, value #>> '{recipient,email}' AS email, t.target_id,
               t.notification_id, t.given_up_at IS NOT NULL OR EXISTS (
                   SELECT FROM targets c WHERE c.first_target_id = t.target_id
               ) AS is_continued
        FROM targets t CROSS JOIN LATERAL (SELECT convert_from(t.attributed, 'UTF8')::json AS value) AS kept
        WHERE t.copy_of IS NOT NULL
        """
    )
    return [Copy(*row.values()) for row in rows]


def reported_in(mail: bytes) -> set[UUID]:
    """The targets that a mail to a team tells of, from the reports for its machines."""
    message = message_from_bytes(mail, policy=policy.default)
    [file] = [part for part in message.iter_attachments() if ".json" in (part.get_filename() or "")]
    content = file.get_payload(decode=True)
    assert isinstance(content, bytes)
    if file.get_content_type() == "application/zip":
        with ZipFile(BytesIO(content)) as archive:
            content = archive.read(archive.namelist()[0])
    reports = json.loads(content)
    return {UUID(report["report_id"]) for report in (reports if isinstance(reports, list) else [reports])}


def wrong_with_copies(
    made: Sequence[Copy],
    *,
    wanted: AbstractSet[Wanted],
    sent: AbstractSet[UUID],
    reported: Mapping[UUID, AbstractSet[UUID]],
) -> Iterator[str]:
    """Each that attribution has `wanted` is made once, is in one mail and in no other, and has no fate but that mail's.

    `sent` are notifications, `reported` the targets that mails tell of, each with the notifications of those.
    """
    counts = Counter((copy.indicator_id, copy.email) for copy in made)
    yield from _first("copies that only attribution knows", sorted(map(str, wanted - counts.keys())))
    yield from _first("copies that nobody wanted", sorted(map(str, counts.keys() - wanted)))
    yield from _first("copies twice", [f"{each}: {count}" for each, count in counts.items() if count > 1])
    yield from _first("copies that are in no mail", [str(copy) for copy in made if copy.notification_id is None])
    yield from _first("copies that went on to somebody else", [str(copy) for copy in made if copy.is_continued])
    told = [(copy, reported.get(copy.target_id, frozenset())) for copy in made]
    yield from _first(
        "copies that did not arrive", [str(copy) for copy, mails in told if copy.notification_id in sent and not mails]
    )
    yield from _first(
        "copies in another mail", [f"{copy}: {mails}" for copy, mails in told if mails - {copy.notification_id}]
    )


def _first(what: str, found: Sequence[str]) -> Iterator[str]:
    if found:
        yield f"{what} ({len(found)}): " + "; ".join(found[:SHOWN])

"""The status of a push, as TAXII clients ask for it: its payload is read once more, to tell of each object."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from uuid import UUID

from libs.common.errors import Transient
from services.intake.domain.formats.stix.stix import FORMAT, objects_in, readings
from services.intake.domain.hints import Hints
from services.intake.domain.object_fates import (
    MAX_LISTED_RECORDS,
    ObjectFate,
    PushFates,
    fates_of_read,
    fates_of_unread,
    with_outcomes,
)
from services.intake.domain.records import PayloadError
from services.intake.domain.submissions import Status, Submission
from services.intake.handlers.means import Means
from services.intake.handlers.reading import opened_again, whole_bytes
from services.intake.handlers.receipts import Viewer, records_after, submission_of

SMALL_READINGS = 4
LARGE_READINGS = 1
MAX_REMEMBERED = 16
"""Lists of a thousand objects take up to a megabyte."""


@dataclass(frozen=True, slots=True)
class PushStatus:
    """A push with the fates of its objects as they are now."""

    submission: Submission
    fates: PushFates


class PushStatuses:
    """Remembers the last few, as clients ask every second. Large payloads are read one at a time, so that they neither
    fill the memory nor keep small ones waiting.
    """

    def __init__(self, means: Means) -> None:
        self._means = means
        self._small = asyncio.Semaphore(SMALL_READINGS)
        self._large = asyncio.Semaphore(LARGE_READINGS)
        self._remembered: OrderedDict[tuple[UUID, Status], PushFates] = OrderedDict()

    async def find(self, submission_id: UUID, *, viewer: Viewer) -> PushStatus | None:
        """None for what is not there, is another's, or holds no STIX objects."""
        async with self._means.database.transaction() as tx:
            submission = await submission_of(tx, submission_id, viewer=viewer)
        if submission is None or submission.format != FORMAT.name:
            return None
        return await self.status_of(submission)

    async def status_of(self, submission: Submission) -> PushStatus:
        fates = await self._fates(submission)
        listed = fates.successes.listed
        if listed and any(fate.records for fate in listed):
            told = await self._with_outcomes(listed, submission)
            fates = replace(fates, successes=replace(fates.successes, listed=told))
        return PushStatus(submission, fates)

    async def _fates(self, submission: Submission) -> PushFates:
        """What was decided when the payload was read: it holds for good once that is done."""
        place = (submission.id, submission.status)
        if place not in self._remembered:
            small = submission.size_bytes <= self._means.bounds.immediate_max_bytes
            async with self._small if small else self._large:
                await self._read(place, submission)
        return self._remembered[place]

    async def _read(self, place: tuple[UUID, Status], submission: Submission) -> None:
        """Whoever waited for the same may have it by now."""
        if place not in self._remembered:
            self._remembered[place] = await self._read_again(submission)
        while len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)

    async def _read_again(self, submission: Submission) -> PushFates:
        means = self._means
        path, hints = means.payloads.path(submission.id), Hints(content_encoding=submission.content_encoding)
        whole = await asyncio.to_thread(whole_bytes, path, hints, FORMAT, means=means)
        is_small = whole <= means.bounds.immediate_max_bytes  # and so few at a time that they need no room
        async with means.desks.documents_aside.hold(0 if is_small else whole):
            return await asyncio.to_thread(_read, submission, means)

    async def _with_outcomes(self, listed: tuple[ObjectFate, ...], submission: Submission) -> tuple[ObjectFate, ...]:
        own = Viewer(submission.partner_id)
        most = MAX_LISTED_RECORDS
        async with self._means.database.transaction() as tx:
            rows = await records_after(tx, submission.id, 0, viewer=own, outcome=None, limit=most)
        return tuple(with_outcomes(listed, {row.record: row for row in rows or ()}))


def _read(submission: Submission, means: Means) -> PushFates:
    """Raises `Transient` for a payload that can't be read now."""
    unpacked, options = opened_again(submission, means=means)
    try:
        if submission.status is Status.PROCESSING:
            return fates_of_unread(objects_in(unpacked), submission)
        return fates_of_read(readings(unpacked, options), submission)
    except PayloadError as error:
        raise Transient(f"the payload of {submission.id} can't be read again: {error}") from error

"""Cursors of this API's lists, read back; one that is not ours is a 400."""

from datetime import datetime
from uuid import UUID

from libs.common.paging import decode_cursor
from libs.common.problems import Problem


def read_newest_cursor(text: str) -> tuple[datetime, UUID]:
    """Of lists that are sorted newest first."""
    moment, last = decode_cursor(text, length=2)
    try:
        return datetime.fromisoformat(moment), UUID(last)
    except ValueError as error:
        raise Problem(400, "bad-cursor", "This cursor is not one of ours") from error


def read_planned_cursor(text: str) -> tuple[str, str]:
    """Of what waits, by recipient and incident."""
    recipient, incident = decode_cursor(text, length=2)
    return recipient, incident

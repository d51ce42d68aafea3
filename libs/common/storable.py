"""What every column holds: text without U+0000, which PostgreSQL has no room for and no name or word has, and times."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import AfterValidator, AwareDatetime

from libs.common.problems import MAX_PLACE_CHARS, FieldError, Problem
from libs.common.text import plain

NUL = "\0"
MAX_ERRORS = 100


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("in UTC it is not in the years 1 to 9999") from error


StorableTime = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment that somebody names, in UTC."""


async def require_storable_text(request: Request) -> None:
    """Refuse a request with U+0000 in whatever its route reads from path, query or JSON."""
    places = [place async for place in _places(request)][:MAX_ERRORS]
    if places:
        errors = [FieldError(place[:MAX_PLACE_CHARS], "nul-character", "U+0000 can't be kept.") for place in places]
        raise Problem(422, "not-valid", "The request is not valid", f"{len(errors)} things are wrong.", errors=errors)


async def _places(request: Request) -> AsyncIterator[str]:
    """Where it is. All that an ordinary request has to pass is a search for it as it is written."""
    route = request.scope["route"]
    for name, value in request.path_params.items():
        if NUL in str(value):
            yield f"path.{name}"
    if b"%00" in request.scope["query_string"]:
        read = set(_query_names(route.dependant))
        for name, value in request.query_params.multi_items():
            if name in read and NUL in value:
                yield f"query.{name}"
    # In UTF-16, which JSON may come in, there is a zero byte between the characters.
    if isinstance(route, APIRoute) and route.body_field and b"u0000" in (await request.body()).replace(b"\0", b""):
        for place, text in _texts(await _json_of(request)):
            if NUL in text:
                yield place


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for below in dependant.dependencies:
        yield from _query_names(below)


async def _json_of(request: Request) -> object:
    """None for what can't be read, which the route refuses by itself."""
    try:
        return await request.json()
    except (ValueError, RecursionError):
        return None


def _texts(value: object) -> Iterator[tuple[str, str]]:
    """Every text with its place, names included. Not by recursion: JSON may be nested deeper than we may call."""
    waiting = [("body", value)]
    while waiting:
        here, found = waiting.pop()
        match found:
            case str():
                yield here, found
            case list():
                waiting += [(f"{here}.{position}", below) for position, below in enumerate(found)]
            case dict():
                yield from ((here, name) for name in found)
                waiting += [(f"{here}.{plain(name, MAX_PLACE_CHARS)}", below) for name, below in found.items()]

"""What a page's form sends."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request

from libs.common.problems import Problem

MAX_FIELDS = 10_000


def form_body(**fields: str) -> dict[str, Any]:  # Any: a part of the OpenAPI document
    """`openapi_extra` of a route that takes a form, with what each of its fields means."""
    properties = {name: {"type": "string", "description": meaning} for name, meaning in fields.items()}
    schema = {"type": "object", "properties": properties}
    return {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}}


class Form:
    """The fields of a form. One that was not sent is empty."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def first(self, name: str) -> str:
        return next(iter(self._fields.get(name, ())), "")

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(self._fields.get(name, ()))


async def form_of(request: Request) -> Form:
    """Read an `application/x-www-form-urlencoded` body, as our pages send it. Anything else is a 422 problem."""
    body = await request.body()
    try:
        return Form(parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise Problem(422, "not-a-form", "This is not a form", "Send fields as the page does.") from error

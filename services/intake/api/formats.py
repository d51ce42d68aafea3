"""`GET /v1/formats`: what partners may push."""

import json
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, JsonValue

from libs.common.security import public
from services.intake.domain.formats import FORMATS

PACKED = "application/octet-stream"
"""For gzip, zstd and zip, which are recognised by themselves."""


class FormatView(BaseModel):
    """One way to push records, with a payload that shows it and, for our own JSON, the JSON Schema of a record."""

    name: str
    media_types: list[str]
    description: str
    example: str
    json_schema: dict[str, JsonValue] | None = Field(serialization_alias="schema")


class FormatsView(BaseModel):
    items: list[FormatView]


def payloads() -> dict[str, Any]:  # Any: a part of the OpenAPI document
    """The body of a push by media type, with the examples of the formats that come so. Packed, it is any of them."""
    found: dict[str, Any] = {PACKED: {"schema": {"type": "string", "format": "binary"}}}  # Any: the same
    for known in FORMATS.values():
        for media_type in known.media_types:
            is_json = media_type.endswith("json") and not media_type.endswith("ndjson")
            body = found.setdefault(media_type, {"schema": {} if is_json else {"type": "string"}, "examples": {}})
            value = json.loads(known.example) if is_json else known.example
            body["examples"][known.name] = {"summary": known.description, "value": value}
    return found


def routes() -> APIRouter:
    router = APIRouter(prefix="/v1/formats", tags=["formats"])

    @router.get("", dependencies=[Depends(public)])
    async def list_formats() -> FormatsView:
        """All formats, each with a payload that is accepted as it stands."""
        return FormatsView(
            items=[
                FormatView(
                    name=known.name,
                    media_types=list(known.media_types),
                    description=known.description,
                    example=known.example,
                    json_schema=known.schema,
                )
                for known in FORMATS.values()
            ]
        )

    return router

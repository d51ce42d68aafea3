"""`GET /v1/formats`: what partners may push."""

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, JsonValue

from libs.common.security import public
from services.intake.domain.formats import FORMATS


class FormatView(BaseModel):
    """One way to push records, with a payload that shows it and, for our own JSON, the JSON Schema of a record."""

    name: str
    media_types: list[str]
    description: str
    example: str
    json_schema: dict[str, JsonValue] | None = Field(serialization_alias="schema")


class FormatsView(BaseModel):
    items: list[FormatView]


def routes() -> APIRouter:
    router = APIRouter(prefix="/v1/formats", tags=["formats"])

    @router.get("", dependencies=[Depends(public)])
    async def list_formats() -> FormatsView:
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

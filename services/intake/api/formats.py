"""`GET /v1/formats`: what partners may push."""

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from libs.common.security import public
from services.intake.domain.formats import FORMATS


class FormatView(BaseModel):
    """One way to push records, with a payload that shows it."""

    name: str
    media_types: list[str]
    description: str
    example: str


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
                )
                for known in FORMATS.values()
            ]
        )

    return router

"""Style sheet and icon: few and small, so they stay in memory."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from libs.common.problems import not_found
from libs.common.security import public
from services.feedback.api.pages import STATIC

MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    # An icon opened by itself is a document, and gets a document's policy.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


def routes() -> APIRouter:
    router = APIRouter(dependencies=[Depends(public)], tags=["pages"], include_in_schema=False)
    files = {path.name: (path.read_bytes(), MEDIA_TYPES[path.suffix]) for path in STATIC.iterdir()}

    @router.get("/static/{name}")
    async def static(name: Annotated[str, Path(max_length=100)]) -> Response:
        if name not in files:
            raise not_found("file")
        content, media_type = files[name]
        return Response(content, media_type=media_type, headers=HEADERS)

    return router

"""`/docs`: Swagger UI over the API's own document. The browser has all of it from the service, and asks nobody else."""

import base64
import hashlib
import re

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

PATH = "/docs"
FILES = "docs"
"""Relative, like the address of the document: a proxy may serve the API below a path of its own."""


def add_docs_page(api: FastAPI) -> None:
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=api.title,
        swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{FILES}/swagger-ui.css",
        swagger_favicon_url=f"{FILES}/favicon.png",
    )
    content = bytes(page.body)
    headers = {"Content-Security-Policy": _policy(content)}

    async def docs(_: Request) -> HTMLResponse:
        return HTMLResponse(content, headers=headers)

    api.add_route(PATH, docs, include_in_schema=False)
    api.mount(PATH, StaticFiles(packages=[("fastapi_offline", "static")]))


def _policy(page: bytes) -> str:
    """Files of the service, and the page's own script as it is."""
    scripts = " ".join(
        f"'sha256-{_digest(script)}'" for script in re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    )
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _digest(script: bytes) -> str:
    return base64.b64encode(hashlib.sha256(script).digest()).decode()

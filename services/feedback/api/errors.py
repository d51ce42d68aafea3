"""Errors as pages for people; programs, and everything under /v1, keep their problem+json."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from libs.common.errors import Transient
from libs.common.problems import Problem
from services.feedback.api.pages import Pages, wants_page

SECTIONS = {404: "not_found", 429: "too_many", 503: "not_now"}
KEPT_HEADERS = ("retry-after", "ratelimit", "allow")


def answer_with_pages(api: FastAPI, pages: Pages) -> None:
    """Let each error's own handler answer first; for a browser its answer becomes a page with the same status."""
    for kind in (Problem, RequestValidationError, HTTPException, Transient, Exception):
        api.add_exception_handler(kind, _as_page(api.exception_handlers[kind], pages))


def _as_page(
    answer: Callable[[Request, Exception], Response | Awaitable[Response]], pages: Pages
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer_as_page(request: Request, error: Exception) -> Response:
        given = answer(request, error)
        problem = given if isinstance(given, Response) else await given
        if not wants_page(request):
            return problem
        kept = {name: problem.headers[name] for name in KEPT_HEADERS if name in problem.headers}
        section = SECTIONS.get(problem.status_code, "wrong")
        return pages.message(request, section, status=problem.status_code, headers=kept, tone="bad")

    return answer_as_page

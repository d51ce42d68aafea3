"""Pages for people with a browser: in which language, and errors as pages. Programs keep their problem+json."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from libs.common.errors import Transient
from libs.common.languages import Language
from libs.common.problems import Problem

SECTIONS = {404: "not_found", 429: "too_many", 503: "not_now"}
WRONG = "wrong"
KEPT_HEADERS = ("retry-after", "ratelimit", "allow")

ErrorPage = Callable[[Request, str, int, Mapping[str, str]], Response]
"""What a person reads, by the section of its words, with this status and these headers."""


def answer_with_pages(api: FastAPI, page: ErrorPage, *, below: str = "") -> None:
    """Let each error's own handler answer first; for a browser its answer becomes a page with the same status.

    Only of what is `below` a path, or is that path. A part of an address that can't be read leads nowhere: a 404.
    """
    for kind in (Problem, RequestValidationError, HTTPException, Transient, Exception):
        api.add_exception_handler(kind, _as_page(api.exception_handlers[kind], page, below=below))


def _as_page(
    answer: Callable[[Request, Exception], Response | Awaitable[Response]], page: ErrorPage, *, below: str
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer_as_page(request: Request, error: Exception) -> Response:
        given = answer(request, error)
        problem = given if isinstance(given, Response) else await given
        if not (_is_below(request.url.path, below) and wants_page(request)):
            return problem
        kept = {name: problem.headers[name] for name in KEPT_HEADERS if name in problem.headers}
        status = 404 if _is_in_the_address(error) else problem.status_code
        return page(request, SECTIONS.get(status, WRONG), status, kept)

    return answer_as_page


def _is_below(path: str, below: str) -> bool:
    return path == below or path.startswith(f"{below}/")


def _is_in_the_address(error: Exception) -> bool:
    """Whether all that is wrong is in the path, as with a link that was broken on its way."""
    match error:
        case RequestValidationError():
            return all(violation["loc"][0] == "path" for violation in error.errors())
        case Problem(errors=errors):
            return bool(errors) and all(violation.where.startswith("path.") for violation in errors)
        case _:
            return False


def wants_page(request: Request) -> bool:
    """Whether a person with a browser asks, and not a program."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")


def reader_language(request: Request, *, default: Language | None = None) -> Language:
    """As asked for by `?lang=`, else `default`, else as the browser prefers, else Dutch."""
    asked = request.query_params.get("lang", "")
    chosen = next((language for language in Language if language.value == asked), default)
    return chosen or preferred_language(request.headers.get("accept-language", "")) or Language.DUTCH


def preferred_language(accept_language: str) -> Language | None:
    """The language that a browser prefers among ours (RFC 9110, 12.5.4); None when it wants none of them."""
    wishes = [_wish(part) for part in accept_language.split(",")[:20]]
    ours = [(weight, language) for weight, language in wishes if language and weight > 0]
    return max(ours, key=lambda wish: wish[0])[1] if ours else None


def _wish(part: str) -> tuple[float, Language | None]:
    name, _, parameter = part.strip().partition(";")
    code = name.strip().partition("-")[0].lower()
    try:
        weight = float(parameter.strip().removeprefix("q=") or 1)
    except ValueError:
        weight = 0.0
    return weight, next((language for language in Language if language.value == code), None)

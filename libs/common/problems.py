"""RFC 9457 problems: how every API says no, with all violations at once and no secret in them."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from libs.common.errors import Transient
from libs.common.text import plain

log = structlog.get_logger(__name__)

TITLES = {
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    413: "Payload too large",
    422: "Not valid",
    503: "Not available now",
}
RETRY_SECONDS = 5
MAX_PLACE_CHARS = 200
MAX_MESSAGE_CHARS = 500


class FieldError(msgspec.Struct, frozen=True):
    """One violation: where it is, its code, and a sentence."""

    where: str
    code: str
    message: str


class Problem(Exception):
    """Raised by an API to answer with a problem. `code` is the last part of the problem's `type`."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {title}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


Dialect = Callable[[Problem], Response]
"""A problem as clients of a protocol that has its own form of errors read it."""


def not_found(what: str) -> Problem:
    """The same answer for what does not exist and for what is another's."""
    return Problem(404, "not-found", "Not found", f"There is no such {what}, or it is not yours to see.")


def problem_response(problem: Problem, *, instance: str) -> Response:
    """A problem as an HTTP answer."""
    body = {
        "type": f"/problems/{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        "errors": problem.errors,
    }
    return Response(
        msgspec.json.encode(body),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=problem.headers,
    )


def answer_with_problems(api: FastAPI, *, dialects: Mapping[str, Dialect]) -> None:
    """Make every error of an API a problem; below the paths of `dialects` in the form that is usual there."""
    api.state.problem_dialects = dialects
    api.add_exception_handler(Problem, _on_problem)
    api.add_exception_handler(RequestValidationError, _on_invalid_request)
    api.add_exception_handler(HTTPException, _on_http_exception)
    api.add_exception_handler(Transient, _on_transient)
    api.add_exception_handler(Exception, _on_unexpected)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - that is what it is registered for
    return _answer(request, error)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - that is what it is registered for
    errors = [
        FieldError(
            where=_place(violation["loc"]), code=violation["type"], message=plain(violation["msg"], MAX_MESSAGE_CHARS)
        )
        for violation in error.errors()
    ]
    problem = Problem(422, "not-valid", "The request is not valid", f"{len(errors)} things are wrong.", errors=errors)
    return _answer(request, problem)


def _place(parts: Sequence[str | int]) -> str:
    """A name that is too much there is the client's own words: lone surrogates in it can't even be answered."""
    return plain(".".join(map(str, parts)), MAX_PLACE_CHARS)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - that is what it is registered for
    title = TITLES.get(error.status_code, HTTPStatus(error.status_code).phrase)
    problem = Problem(error.status_code, title.lower().replace(" ", "-"), title, headers=error.headers)
    return _answer(request, problem)


async def _on_transient(request: Request, error: Exception) -> Response:
    log.warning("answered 503", reason=str(error))
    detail = f"Something that we need is away or overloaded. Send the same again in {RETRY_SECONDS} seconds."
    problem = Problem(503, "not-available-now", TITLES[503], detail, headers={"Retry-After": str(RETRY_SECONDS)})
    return _answer(request, problem)


async def _on_unexpected(request: Request, error: Exception) -> Response:
    """A bug of ours. The server logs it with its stack; whoever asked learns nothing of it."""
    log.error("unexpected", error=type(error).__name__)
    problem = Problem(500, "unexpected", "Something broke on our side", "It is not your fault. Try again later.")
    return _answer(request, problem)


def _answer(request: Request, problem: Problem) -> Response:
    path = request.url.path
    dialects: Mapping[str, Dialect] = request.app.state.problem_dialects
    dialect = next((own for below, own in dialects.items() if path == below or path.startswith(f"{below}/")), None)
    return dialect(problem) if dialect else problem_response(problem, instance=path)

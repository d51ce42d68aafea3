"""What all HTTP APIs have in common: problems, request ids, traces, bounds and safe headers."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request
from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.docs_page import add_docs_page
from libs.common.ids import new_id
from libs.common.openapi import DocumentedApi
from libs.common.problems import Dialect, Problem, answer_with_problems
from libs.common.security import OperatorTokens
from libs.common.storable import require_storable_text
from libs.common.telemetry import parent_context, traceparent_of, tracer

MAX_BODY_BYTES = 1024 * 1024
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def new_api(
    *,
    title: str,
    description: str,
    routers: Sequence[APIRouter],
    operator_public_key: str,
    streaming_paths: frozenset[str] = frozenset(),
    streaming_pattern: re.Pattern[str] | None = None,
    dialects: Mapping[str, Dialect] | None = None,
) -> FastAPI:
    """An API with the house's manners. Routes in `streaming_paths`, and those whose path is like `streaming_pattern`,
    bound their own bodies; the others take 1 MiB. Problems below the paths of `dialects` are told in that form.
    """
    api = Api(
        title=title,
        description=description,
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(require_storable_text)],
    )
    api.state.operator_tokens = OperatorTokens(operator_public_key)
    for router in routers:
        api.include_router(router)
    add_docs_page(api)
    answer_with_problems(api, dialects=dialects or {})
    api.add_middleware(BoundedBody, streaming_paths=streaming_paths, streaming_pattern=streaming_pattern)
    return api


class Api(DocumentedApi):
    """Its outermost layer is the request's context, so that an answer of 500, and its line in the log, has it too."""

    def build_middleware_stack(self) -> ASGIApp:
        return RequestContext(super().build_middleware_stack())


class RequestContext:
    """Takes up or makes `X-Request-Id` and `traceparent`, answers them, and opens the request's span."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(("/health/", "/metrics")):
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope)
        request_id = _request_id(given.get("x-request-id", ""))
        context = parent_context(given.get("traceparent", ""))
        name = f"{scope['method']} {scope['path'].split('/')[1] or '/'}"
        with (
            tracer.start_as_current_span(name, context=context, kind=SpanKind.SERVER) as span,
            structlog.contextvars.bound_contextvars(request_id=request_id),
        ):
            traceparent = traceparent_of(span)
            scope.setdefault("state", {})["traceparent"] = traceparent

            async def send_with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    headers = MutableHeaders(scope=message)
                    headers["X-Request-Id"] = request_id
                    headers["traceparent"] = traceparent
                    for header, value in SAFE_HEADERS.items():
                        headers.setdefault(header, value)
                await send(message)

            await self._app(scope, receive, send_with_headers)


def _request_id(given: str) -> str:
    return given if REQUEST_ID.fullmatch(given) else str(new_id())


async def bounded_body(request: Request, *, max_bytes: int) -> AsyncIterator[bytes]:
    """The chunks of a body that streams; raises a problem once they are too many."""
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > max_bytes:
            raise Problem(413, "payload-too-large", "This is more than we take here", f"At most {max_bytes} bytes.")
        yield chunk


class BoundedBody:
    """Stops a body that is larger than anything this API asks for, announced or not."""

    def __init__(
        self, app: ASGIApp, *, streaming_paths: frozenset[str], streaming_pattern: re.Pattern[str] | None
    ) -> None:
        self._app = app
        self._streaming_paths = streaming_paths
        self._streaming_pattern = streaming_pattern

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_streaming(scope["path"]):
            await self._app(scope, receive, send)
            return
        received = 0

        async def bounded_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                # Not an exception of our own: FastAPI would take it for a body that can't be parsed, and answer 400.
                raise HTTPException(413)
            return message

        await self._app(scope, bounded_receive, send)

    def _is_streaming(self, path: str) -> bool:
        if path in self._streaming_paths:
            return True
        return self._streaming_pattern is not None and self._streaming_pattern.fullmatch(path) is not None

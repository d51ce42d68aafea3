"""The endpoints of TAXII 2.1. They answer with and without the slash at the end, which clients of the standard send."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.params import Depends as Dependency

from libs.common.problems import Problem, not_found
from libs.common.security import Credential
from services.intake.api.doors import Doors
from services.intake.api.submissions import IdempotencyKey, body_of, problem_of, refuse_at_once
from services.intake.api.taxii.media import STIX_JSON, TAXII_JSON, TaxiiResponse, require_acceptable, require_stix
from services.intake.api.taxii.models import (
    TaxiiApiRoot,
    TaxiiCollection,
    TaxiiCollections,
    TaxiiDiscovery,
    TaxiiEnvelope,
    TaxiiError,
    TaxiiStatus,
    api_root,
    collection_of,
    discovery,
    status_view,
)
from services.intake.domain.formats.stix.stix import FORMAT
from services.intake.domain.hints import Hints
from services.intake.domain.json_documents import MAX_DOCUMENT_BYTES
from services.intake.domain.partners import Caller
from services.intake.handlers.accepting import Push, Refused, Taken
from services.intake.handlers.means import Means
from services.intake.handlers.receipts import Viewer
from services.intake.handlers.receiving import bounded, receive
from services.intake.handlers.taxii import PushStatuses

PATH = "/taxii2"
ROOT = f"{PATH}/intake/"
STREAMING = re.compile(rf"{ROOT}collections/[^/]+/objects/?")

REFUSALS: Mapping[int | str, dict[str, Any]] = {  # Any: FastAPI's own type of responses
    code: {"model": TaxiiError} for code in (401, 403, 404, 406, 422, 429, 503)
}
BODY_REFUSALS: Mapping[int | str, dict[str, Any]] = {  # Any: the same
    **REFUSALS,
    **{code: {"model": TaxiiError} for code in (400, 408, 413, 415)},
}
ENVELOPE = {"schema": TaxiiEnvelope.model_json_schema()}
BODY = {"requestBody": {"required": True, "content": {TAXII_JSON: ENVELOPE, STIX_JSON: ENVELOPE}}}

COLLECTION = "/intake/collections/{collection_id}"


class TaxiiClient:
    """FastAPI dependency: the partner whose client it is, if that reads TAXII 2.1."""

    opens_with: ClassVar = (Credential.PARTNER_KEY,)

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def __call__(self, request: Request, response: Response) -> Caller:
        caller = await self._doors.caller(request, response)
        require_acceptable(request)
        return caller


def routes(means: Means, doors: Doors) -> APIRouter:
    router = APIRouter(prefix=PATH, tags=["taxii"], default_response_class=TaxiiResponse, responses={**REFUSALS})
    known_client = Depends(TaxiiClient(doors))
    max_bytes = min(means.bounds.max_body_bytes, MAX_DOCUMENT_BYTES)
    _add_descriptions(router, known_client, max_bytes=max_bytes)
    _add_pushes(router, known_client, means=means, max_bytes=max_bytes)
    _add_refusals(router, known_client)
    return router


def _add_descriptions(router: APIRouter, known_client: Dependency, *, max_bytes: int) -> None:
    @router.get("", include_in_schema=False, dependencies=[known_client])
    @router.get("/", dependencies=[known_client])
    async def discover() -> TaxiiDiscovery:
        """Where the one API root is."""
        return discovery(ROOT)

    @router.get("/intake", include_in_schema=False, dependencies=[known_client])
    @router.get("/intake/", dependencies=[known_client])
    async def show_api_root() -> TaxiiApiRoot:
        """What it speaks, and how much it takes at once."""
        return api_root(max_content_length=max_bytes)

    @router.get("/intake/collections", include_in_schema=False)
    @router.get("/intake/collections/")
    async def list_collections(caller: Annotated[Caller, known_client]) -> TaxiiCollections:
        """A partner's own one."""
        return TaxiiCollections(collections=[collection_of(caller.partner)])

    @router.get(COLLECTION, include_in_schema=False)
    @router.get(f"{COLLECTION}/")
    async def show_collection(collection_id: str, caller: Annotated[Caller, known_client]) -> TaxiiCollection:
        """The partner's own one; there is no other to see."""
        _require_own(collection_id, caller)
        return collection_of(caller.partner)


def _add_pushes(router: APIRouter, known_client: Dependency, *, means: Means, max_bytes: int) -> None:
    statuses = PushStatuses(means)

    @router.post(f"{COLLECTION}/objects", include_in_schema=False, status_code=202, response_model_exclude_none=True)
    @router.post(
        f"{COLLECTION}/objects/",
        status_code=202,
        response_model_exclude_none=True,
        responses={**BODY_REFUSALS},
        openapi_extra=BODY,
    )
    async def add_objects(
        collection_id: str,
        request: Request,
        response: Response,
        caller: Annotated[Caller, known_client],
        idempotency_key: IdempotencyKey = None,
    ) -> TaxiiStatus:
        """Push objects: kept before the answer, and if few also read before it. The same again is no second push."""
        _require_own(collection_id, caller)
        require_stix(request)
        refuse_at_once(request, means=means, max_bytes=max_bytes)
        push = Push(
            partner=caller.partner,
            hints=_hints(request),
            idempotency_key=idempotency_key,
            dry_run=False,
            traceparent=request.state.traceparent,
            takes_context=True,
            test_mails_to=caller.key.mails_to,
        )
        body = bounded(body_of(request), max_bytes=max_bytes)
        answer = await receive(body, push, means=means, now=means.database.now())
        if isinstance(answer, Refused):
            raise problem_of(answer)
        status = status_view(await statuses.status_of(answer.receipt.submission))
        response.headers["Location"] = f"{ROOT}status/{status.id}/"
        if answer.taken is Taken.REPLAYED:
            response.headers["Idempotent-Replayed"] = "true"
        return status

    @router.get("/intake/status/{status_id}", include_in_schema=False, response_model_exclude_none=True)
    @router.get("/intake/status/{status_id}/", response_model_exclude_none=True)
    async def show_status(status_id: str, caller: Annotated[Caller, known_client]) -> TaxiiStatus:
        """What became of the objects of a push, by now."""
        wanted = _uuid(status_id)
        found = await statuses.find(wanted, viewer=Viewer(caller.partner.id)) if wanted else None
        if found is None:
            raise not_found("status")
        return status_view(found)


def _add_refusals(router: APIRouter, known_client: Dependency) -> None:
    async def refuse_to_read(collection_id: str, caller: Annotated[Caller, known_client]) -> TaxiiError:
        """Nobody reads here."""
        raise _refused_read(collection_id, caller)

    async def refuse_one(collection_id: str, object_id: str, caller: Annotated[Caller, known_client]) -> TaxiiError:
        """Nobody reads an object here, or takes it back."""
        raise _refused_read(collection_id, caller)

    for path, method, endpoint in (
        ("/objects", "GET", refuse_to_read),
        ("/manifest", "GET", refuse_to_read),
        ("/objects/{object_id}", "GET", refuse_one),
        ("/objects/{object_id}", "DELETE", refuse_one),
        ("/objects/{object_id}/versions", "GET", refuse_one),
    ):
        whole = f"{COLLECTION}{path}"
        router.add_api_route(f"{whole}/", endpoint, methods=[method], status_code=403)
        router.add_api_route(whole, endpoint, methods=[method], status_code=403, include_in_schema=False)


def _require_own(collection_id: str, caller: Caller) -> None:
    if _uuid(collection_id) != caller.partner.id:
        raise not_found("collection")


def _refused_read(collection_id: str, caller: Caller) -> Problem:
    _require_own(collection_id, caller)
    detail = "Objects are added to this collection, and that is all. Their status and receipt say what became of them."
    return Problem(403, "write-only", "Nothing can be read from here, or taken back", detail)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _hints(request: Request) -> Hints:
    headers = request.headers
    return Hints(
        format_name=FORMAT.name,
        content_type=headers.get("content-type"),
        content_encoding=headers.get("content-encoding"),
    )

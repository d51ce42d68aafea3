"""`/v1/organisations/{id}/assets/{id}/…`: a claim is put to the contact that the registry has for the asset."""

from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.security import Operator, Role, operator
from services.attribution.api.assets import ONE, AssetView, asset_view
from services.attribution.api.views import refuse
from services.attribution.domain.contact_proofs import ContactProof, RequestState
from services.attribution.domain.registry_contacts import ContactSource
from services.attribution.handlers import Refusal, confirm_claim, contact_proofs_of, refuse_claim

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]
LONGEST_CODE = 100


class AskContact(Protocol):
    """Has the registry's contact of an asset mailed a code."""

    async def __call__(self, organisation_id: UUID, asset_id: UUID, *, by: str) -> ContactProof | Refusal: ...


class CodeBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: str = Field(max_length=LONGEST_CODE, description="As the mail has it; case, blanks and hyphens don't matter")


class ContactProofView(BaseModel):
    """One question. An `open` one can be answered until `expires_at`, or until no tries are left.

    `contact` is the address that was mailed, `source` where it is from; nobody can choose it.
    """

    request_id: UUID
    contact: str
    source: ContactSource
    state: RequestState
    asked_at: datetime
    asked_by: str
    expires_at: datetime
    tries_left: int
    answered_at: datetime | None
    answered_by: str | None


class ContactProofs(BaseModel):
    items: list[ContactProofView]


def routes(database: Database, ask_contact: AskContact) -> APIRouter:
    router = APIRouter(tags=["assets"], responses=refusals(410))

    @router.post(ONE + "/ask-contact", status_code=202, responses=refusals(409))
    async def post_question(organisation_id: UUID, asset_id: UUID, analyst: Analyst) -> ContactProofView:
        """Have the contact that the registry has for it mailed a code, good for a week.

        At most three mails a day to one contact, whoever claims what; never to an address that the organisation gave.
        An older code for the same asset is worth nothing from then on.
        """
        asked = await ask_contact(organisation_id, asset_id, by=analyst.name)
        if isinstance(asked, Refusal):
            refuse(asked, what="asset")
        return _view(asked)

    @router.get(ONE + "/contact-proofs", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def list_questions(organisation_id: UUID, asset_id: UUID) -> ContactProofs:
        """The last fifty questions about this asset, the newest first."""
        async with database.transaction() as tx:
            found = await contact_proofs_of(tx, organisation_id, asset_id)
        if isinstance(found, Refusal):
            refuse(found, what="asset")
        return ContactProofs(items=[_view(each) for each in found])

    _answer_routes(router, database)
    return router


def _answer_routes(router: APIRouter, database: Database) -> None:
    @router.post(ONE + "/confirm", responses=refusals(409))
    async def post_code(organisation_id: UUID, asset_id: UUID, body: CodeBody, analyst: Analyst) -> AssetView:
        """The code that the contact was mailed: it proves the asset for a year. A wrong one uses up a try of five."""
        async with database.transaction() as tx:
            asset = await confirm_claim(
                organisation_id, asset_id, body.code, by=analyst.name, tx=tx, now=database.now()
            )
        # After the transaction: a wrong code has used up a try.
        if isinstance(asset, Refusal):
            refuse(asset, what="asset")
        return asset_view(asset)

    @router.post(ONE + "/refuse", responses=refusals(409))
    async def post_no(organisation_id: UUID, asset_id: UUID, analyst: Analyst) -> AssetView:
        """The contact has told you that the claim is wrong: it is refused, as if it had said so on its page."""
        async with database.transaction() as tx:
            asset = await refuse_claim(organisation_id, asset_id, by=analyst.name, tx=tx, now=database.now())
            if isinstance(asset, Refusal):
                refuse(asset, what="asset")
        return asset_view(asset)


def _view(request: ContactProof) -> ContactProofView:
    return ContactProofView(
        request_id=request.request_id,
        contact=request.contact,
        source=request.source,
        state=request.state,
        asked_at=request.asked_at,
        asked_by=request.asked_by,
        expires_at=request.expires_at,
        tries_left=request.tries_left,
        answered_at=request.answered_at,
        answered_by=request.answered_by,
    )

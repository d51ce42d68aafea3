"""`/v1/rules`: the file of rules in force, those before it, and how another takes its place."""

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from libs.common.db import Database
from libs.common.http_api import bounded_body
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.problems import Problem
from libs.common.security import Operator, Role, operator
from services.verifier import handlers
from services.verifier.handlers import RulesInForce

PATH = "/v1/rules"
MAX_RULES_BYTES = 256 * 1024
RULES_BODY = {"requestBody": {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}}
Approver = Annotated[Operator, Depends(operator(at_least=Role.APPROVER))]


class RuleFileView(BaseModel):
    """A file of rules. Revision 0 comes with the release; `put_at` is empty there."""

    revision: int
    text: str
    note: str
    put_at: datetime | None
    put_by: str


class RulesView(RuleFileView):
    """The file in force. `version` is what verdicts of now show: it also changes with incidents and imported lists."""

    version: str


def routes(database: Database, rules: RulesInForce) -> APIRouter:
    router = APIRouter(tags=["rules"])
    readers = [Depends(operator(at_least=Role.VIEWER))]

    @router.get(PATH, dependencies=readers)
    async def read_rules() -> RulesView:
        """The rules in force, as they were written."""
        async with database.transaction() as tx:
            rule_file = await handlers.rule_file_in_force(tx)
        return RulesView(version=rules.current.version, **msgspec.structs.asdict(rule_file))

    @router.get(f"{PATH}/history", dependencies=readers)
    async def list_rule_files(limit: PageLimit = 50, cursor: PageCursor = None) -> Page[RuleFileView]:
        """All that people have put in force, newest first."""
        before = read_cursor(cursor, tuple[int])[0] if cursor else None
        async with database.transaction() as tx:
            found = await handlers.rule_files_page(tx, before=before, limit=limit)
        following = encode_cursor(found[limit - 1].revision) if len(found) > limit else None
        return Page(items=[_view(each) for each in found[:limit]], next=following)

    @router.put(PATH, responses=refusals(409, 413), openapi_extra=RULES_BODY)
    async def put_rules(
        request: Request,
        approver: Approver,
        note: Annotated[str, Query(max_length=500, description="Why; kept with the file")] = "",
        revision: Annotated[int | None, Query(ge=0, description="What was read: no later one is replaced")] = None,
    ) -> RuleFileView:
        """Put a file in force, within seconds. One with an error changes nothing: each is named with its line."""
        body = b"".join([chunk async for chunk in bounded_body(request, max_bytes=MAX_RULES_BYTES)])
        async with database.transaction() as tx:
            put = await handlers.put_rule_file(
                tx,
                text_of(body),
                rules.settled,
                read_revision=revision,
                note=note,
                by=approver.name,
                now=database.now(),
            )
        return _view(put)

    return router


def text_of(body: bytes) -> str:
    """Raises a problem for what is no UTF-8, or has a NUL in it, which no database keeps."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Problem(422, "broken-rules", "These rules have errors", f"They are not UTF-8: {error.reason}.") from error
    if "\0" in text:
        raise Problem(422, "broken-rules", "These rules have errors", "There is a NUL character in them.")
    return text


def _view(rule_file: handlers.RuleFile) -> RuleFileView:
    return RuleFileView(**msgspec.structs.asdict(rule_file))

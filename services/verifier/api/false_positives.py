"""`/v1/false-positives`: what is known to be wrong."""

from datetime import datetime
from ipaddress import ip_network
from typing import Annotated, Any, Self
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from libs.common.addresses import canonical_domain
from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator, require
from libs.common.storable import StorableTime
from services.verifier import handlers
from services.verifier.domain import FalsePositive, StoredFalsePositive
from services.verifier.domain.detected_by import RULE_FIELDS

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]
WIDEST_IPV4, WIDEST_IPV6 = 16, 32
Approver = Annotated[Operator, Depends(operator(at_least=Role.APPROVER))]
Name = Annotated[str | None, Field(None, min_length=1, max_length=200)]
Days = Annotated[int, Query(ge=1, le=400, description="How far back to look")]

_FIELDS = ", ".join(RULE_FIELDS)


class FalsePositiveBody(BaseModel):
    """What is wrong: whatever fits each condition that is given, and at least one is.

    Without an asset, a domain, or a range of at most a /16 (IPv6: /32), it reaches far, and an approver has to say it.
    """

    model_config = ConfigDict(extra="forbid")

    asset: str | None = Field(
        None, min_length=1, max_length=2048, description="In canonical form, as verdicts and threats show it"
    )
    ip_range: str | None = Field(None, max_length=50, description="CIDR, of either family")
    domain: str | None = Field(None, max_length=253, description="With all names below it")
    identifier: Name = None
    partner: Name = None
    incident: Name = None
    rule: str | None = Field(
        None,
        min_length=1,
        max_length=500,
        description=f"By which its source found it, as the record has it: a tag, the malware, or in `extra`: {_FIELDS}",
    )
    reason: str = Field(min_length=3, max_length=500)
    expires_at: StorableTime

    @field_validator("ip_range")
    @classmethod
    def _canonical_range(cls, text: str | None) -> str | None:
        if text is not None and "%" in text:
            raise ValueError("a zone means nothing to anybody else")
        return str(ip_network(text)) if text is not None else None

    @field_validator("domain")
    @classmethod
    def _canonical_domain(cls, text: str | None) -> str | None:
        if text is not None and (text := canonical_domain(text)) is None:
            raise ValueError("not a domain")
        return text

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.conditions:
            raise ValueError("give at least one of asset, ip_range, domain, identifier, partner, incident and rule")
        return self

    @property
    def conditions(self) -> dict[str, Any]:  # Any: fields of FalsePositive, each of its own type
        return self.model_dump(exclude={"reason", "expires_at"}, exclude_none=True)

    def false_positive(self) -> FalsePositive:
        return FalsePositive(reason=self.reason, expires_at=self.expires_at, **self.conditions)

    @property
    def reaches_far(self) -> bool:
        if self.asset is not None or self.domain is not None:
            return False
        if self.ip_range is None:
            return True
        network = ip_network(self.ip_range)
        return network.prefixlen < (WIDEST_IPV4 if network.version == 4 else WIDEST_IPV6)


class FalsePositiveView(BaseModel):
    """`threat_id` is set where a recipient said so: only that threat is wrong, not all that is found at the asset."""

    id: UUID
    asset: str | None
    ip_range: str | None
    domain: str | None
    identifier: str | None
    partner: str | None
    incident: str | None
    rule: str | None
    threat_id: UUID | None
    reason: str
    expires_at: datetime
    added_at: datetime
    added_by: str


class ReachView(BaseModel):
    """What was believed before the entry was there: verified records, their threats, and how many of these are open.

    `warned` counts those of which somebody was warned: what a correction would be about. A team that was handed one
    does not count.
    """

    records: int
    threats: int
    open: int
    warned: int


class CorrectionsView(BaseModel):
    """How many threats were withdrawn; at most 5,000 a call, so call again while `more` is true."""

    withdrawn: int
    more: bool


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/false-positives", tags=["false positives"])
    readers = [Depends(operator(at_least=Role.VIEWER))]

    @router.get("", dependencies=readers)
    async def list_false_positives(limit: PageLimit = 50, cursor: PageCursor = None) -> Page[FalsePositiveView]:
        """All entries, those that have expired as well."""
        after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        async with database.transaction() as tx:
            entries = await handlers.false_positives_page(tx, after=after, limit=limit)
        following = encode_cursor(entries[limit - 1].id) if len(entries) > limit else None
        return Page(items=[_view(entry) for entry in entries[:limit]], next=following)

    @router.post("", status_code=201)
    async def add_false_positive(body: FalsePositiveBody, analyst: Analyst) -> FalsePositiveView:
        """From now on such a finding is refuted, until the entry expires. What it means for before: `/reach`."""
        if body.reaches_far:
            require(analyst, Role.APPROVER)
        async with database.transaction() as tx:
            added = await handlers.remember_false_positive(
                tx, body.false_positive(), by=analyst.name, now=database.now()
            )
        return _view(added)

    @router.get("/{false_positive_id}/reach", dependencies=readers, responses=refusals(404))
    async def read_reach(false_positive_id: UUID, days: Days = 90) -> ReachView:
        """What was verified before that the entry covers: who may have been told something wrong."""
        async with database.transaction() as tx:
            reach = await handlers.reach_of(tx, false_positive_id, days=days, now=database.now())
        return _reach_view(reach)

    @router.post("/reach", dependencies=[Depends(operator(at_least=Role.ANALYST))])
    async def try_reach(body: FalsePositiveBody, days: Days = 90) -> ReachView:
        """The same of an entry that is only thought of, or stands in a file of rules. Nothing is changed."""
        async with database.transaction() as tx:
            reach = await handlers.reach_of_entry(tx, body.false_positive(), days=days, now=database.now())
        return _reach_view(reach)

    @router.post("/{false_positive_id}/corrections", responses=refusals(404))
    async def correct(false_positive_id: UUID, approver: Approver, days: Days = 90) -> CorrectionsView:
        """Withdraw what `/reach` counts: what was not mailed yet is not, and who was told gets a mail that says so."""
        async with database.transaction() as tx:
            withdrawn, more = await handlers.correct_false_positive(
                tx, false_positive_id, days=days, by=approver.name, now=database.now()
            )
        return CorrectionsView(withdrawn=withdrawn, more=more)

    @router.delete("/{false_positive_id}", status_code=204)
    async def forget_false_positive(false_positive_id: UUID, _: Analyst) -> None:
        """Such a finding counts again."""
        async with database.transaction() as tx:
            await handlers.forget_false_positive(tx, false_positive_id)

    return router


def _view(stored: StoredFalsePositive) -> FalsePositiveView:
    return FalsePositiveView(
        id=stored.id, added_at=stored.added_at, added_by=stored.added_by, **msgspec.structs.asdict(stored.entry)
    )


def _reach_view(reach: handlers.Reach) -> ReachView:
    return ReachView(records=reach.records, threats=len(reach.threats), open=len(reach.open), warned=len(reach.warned))

"""`/v1/partners`: who may push, and what is agreed with them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from libs.common.addresses import canonical_email, canonical_network
from libs.common.ids import new_id
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.problems import Problem, not_found
from libs.common.security import Operator, Role, operator
from libs.common.vocabulary import DigestCadence, Language, Reliability, Tlp
from services.intake.api.doors import Doors, Self, SelfOrOperator
from services.intake.api.own_tables import OwnTable, own_table, stored_reading
from services.intake.domain.csv_reading import CsvReading
from services.intake.domain.digests.periods import next_end
from services.intake.domain.formats import FORMATS
from services.intake.domain.partners import AssetsAre, Partner
from services.intake.handlers import partners
from services.intake.handlers.digests import Office, timed
from services.intake.handlers.quotas import records_today

log = structlog.get_logger(__name__)

Administrator = Annotated[Operator, Depends(operator(at_least=Role.ADMIN))]
MAX_REQUESTS = 1_000_000
MAX_RECORDS = 1_000_000_000


def _email(text: str) -> str:
    email = canonical_email(text)
    if email is None:
        raise ValueError("this is not one e-mail address")
    return email


def _format(name: str) -> str:
    if name not in FORMATS:
        raise ValueError("there is no such format; GET /v1/formats lists all")
    return name


def _network(text: str) -> str:
    network = canonical_network(text)
    if network is None:
        raise ValueError("this is neither a network, such as 192.0.2.0/24, nor an address")
    return network


Email = Annotated[str, Field(max_length=254), AfterValidator(_email)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Formats = Annotated[list[Annotated[str, AfterValidator(_format)]], Field(min_length=1, max_length=len(FORMATS))]
Networks = Annotated[
    list[Annotated[str, Field(max_length=50), AfterValidator(_network)]], Field(min_length=1, max_length=100)
]


class Agreement(BaseModel):
    """What is agreed with a partner; what is null is not bounded, or as the settings have it for everybody."""

    model_config = ConfigDict(extra="forbid")

    allowed_formats: Formats | None = Field(None, description="The formats that are taken from them; null: all")
    allowed_networks: Networks | None = Field(None, description="Where their keys open from; null: from anywhere")
    requests_per_minute: int | None = Field(
        None, ge=1, le=MAX_REQUESTS, description="Requests each key may make on average"
    )
    requests_burst: int | None = Field(None, ge=1, le=MAX_REQUESTS, description="Requests each key may make at once")
    records_per_day: int | None = Field(
        None, ge=1, le=MAX_RECORDS, description="Records taken from midnight to midnight UTC; null: without limit"
    )
    tlp_default: Tlp | None = Field(None, description="The TLP label of records that have none of their own")
    upstream: str | None = Field(
        None,
        pattern="^[a-z0-9][a-z0-9-]{1,39}$",
        description="Whose findings it passes on, if not its own: two partners with the same do not confirm each other",
    )
    csv_reading: OwnTable | None = Field(None, description="How tables of their own are read; null: as tocsin-csv says")


class PartnerBody(Agreement):
    slug: str = Field(pattern="^[a-z0-9][a-z0-9-]{0,49}$", description="How receipts and events name the partner")
    name: Name
    reliability: Reliability = Field(description="How much the partner is to be believed: the Admiralty scale's letter")
    contact_email: Email
    assets_are: AssetsAre = Field(
        AssetsAre.ABUSED, description="Whose the assets are in their STIX and MISP, where a record does not say so"
    )
    digest: DigestCadence = Field(
        DigestCadence.NONE, description="How often `contact_email` gets a mail of what became of their records"
    )
    digest_language: Language = Field(Language.ENGLISH, description="The language of that mail")


class PartnerChanges(Agreement):
    """What is left out stays as it is; what is agreed beyond that is lifted by null."""

    name: Name | None = None
    reliability: Reliability | None = None
    contact_email: Email | None = None
    enabled: bool | None = None
    assets_are: AssetsAre | None = None
    digest: DigestCadence | None = None
    digest_language: Language | None = None

    def changes(self) -> dict[str, object]:
        """By column."""
        given = self.model_dump(exclude_unset=True, mode="json", exclude={"csv_reading"})
        if "csv_reading" in self.model_fields_set:
            given["csv_reading"] = stored_reading(self.csv_reading)
        return {name: value for name, value in given.items() if value is not None or name in Agreement.model_fields}


class PartnerView(PartnerBody):
    id: UUID
    enabled: bool
    created_at: datetime


class WholePartnerView(PartnerView):
    records_today: int = Field(description="Records accepted since midnight UTC")


def routes(office: Office, doors: Doors) -> APIRouter:
    router = APIRouter(prefix="/v1/partners", tags=["partners"])
    _add_listing_routes(router, office)
    _add_single_routes(router, office, Depends(SelfOrOperator(doors, Role.AUDITOR)))
    return router


def _add_listing_routes(router: APIRouter, office: Office) -> None:
    database = office.database

    @router.post("", status_code=201, responses=refusals(409))
    async def add_partner(body: PartnerBody, administrator: Administrator) -> PartnerView:
        """A partner without a key can do nothing yet: `POST …/keys` is next."""
        async with database.transaction() as tx:
            partner = await partners.add_partner(tx, _partner(body, office, now=database.now()))
        if partner is None:
            raise Problem(409, "slug-taken", "There is a partner of this slug already", f"'{body.slug}' is taken.")
        log.info("partner added", partner=partner.slug, operator=administrator.name)
        return _partner_view(partner)

    @router.get("")
    async def list_partners(_: Administrator, limit: PageLimit = 50, cursor: PageCursor = None) -> Page[PartnerView]:
        """In the order of their slugs."""
        after = read_cursor(cursor, tuple[str])[0] if cursor else ""
        async with database.transaction() as tx:
            found = await partners.partners_after(tx, after, limit=limit + 1)
        following = encode_cursor(found[limit - 1].slug) if len(found) > limit else None
        return Page(items=[_partner_view(partner) for partner in found[:limit]], next=following)


def _add_single_routes(router: APIRouter, office: Office, reading: object) -> None:
    database = office.database

    @router.get("/{whose}")
    async def show_partner(whose: Annotated[Self, reading]) -> WholePartnerView:
        """What is agreed, and how many records came today."""
        async with database.transaction() as tx:
            partner = await partners.partner_of(tx, whose.partner_id)
            today = await records_today(tx, whose.partner_id, now=database.now())
        if partner is None:
            raise not_found("partner")
        return WholePartnerView(**_partner_view(partner).model_dump(), records_today=today)

    @router.patch("/{partner_id}")
    async def change_partner(partner_id: UUID, body: PartnerChanges, administrator: Administrator) -> PartnerView:
        """Change what is agreed. It holds for the next request, at every replica within seconds."""
        changes = body.changes()
        async with database.transaction() as tx:
            partner = await partners.change_partner(tx, partner_id, timed(changes, office))
        if partner is None:
            raise not_found("partner")
        log.info("partner changed", partner=partner.slug, fields=sorted(changes), operator=administrator.name)
        return _partner_view(partner)


def _partner(body: PartnerBody, office: Office, *, now: datetime) -> Partner:
    return Partner(
        id=new_id(),
        slug=body.slug,
        name=body.name,
        reliability=body.reliability,
        contact_email=body.contact_email,
        enabled=True,
        created_at=now,
        allowed_formats=tuple(body.allowed_formats) if body.allowed_formats else None,
        allowed_networks=tuple(body.allowed_networks) if body.allowed_networks else None,
        requests_per_minute=body.requests_per_minute,
        requests_burst=body.requests_burst,
        records_per_day=body.records_per_day,
        tlp_default=body.tlp_default,
        upstream=body.upstream,
        assets_are=body.assets_are,
        digest=body.digest,
        digest_language=body.digest_language,
        digest_due_at=next_end(body.digest, hour=office.hour, now=now),
        csv_reading=body.csv_reading.reading() if body.csv_reading else CsvReading(),
    )


def _partner_view(partner: Partner) -> PartnerView:
    return PartnerView(
        id=partner.id,
        slug=partner.slug,
        name=partner.name,
        reliability=partner.reliability,
        contact_email=partner.contact_email,
        enabled=partner.enabled,
        created_at=partner.created_at,
        allowed_formats=list(partner.allowed_formats) if partner.allowed_formats else None,
        allowed_networks=list(partner.allowed_networks) if partner.allowed_networks else None,
        requests_per_minute=partner.requests_per_minute,
        requests_burst=partner.requests_burst,
        records_per_day=partner.records_per_day,
        tlp_default=partner.tlp_default,
        upstream=partner.upstream,
        assets_are=partner.assets_are,
        digest=partner.digest,
        digest_language=partner.digest_language,
        csv_reading=own_table(partner.csv_reading),
    )

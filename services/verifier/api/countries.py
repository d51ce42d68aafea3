"""`/v1/countries`: where the registries say that holders of addresses and AS numbers are registered."""

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from libs.common.db import Database
from libs.common.openapi import BINARY_BODY, refusals
from libs.common.security import Role, operator
from services.verifier import handlers
from services.verifier.api.lists import Admin, EditionFields, body_of, edition_fields
from services.verifier.domain.countries import Registry
from services.verifier.domain.lists import Edition
from services.verifier.handlers import RulesInForce

PREFIX = "/v1/countries"
STREAMING_PATHS = frozenset(f"{PREFIX}/{registry}" for registry in Registry)


class RegistryView(EditionFields):
    """`entries` are records with a holder and a country. `is_stale` once it is older than the rules allow."""

    registry: Registry


class CountriesView(BaseModel):
    """The registries whose file there is."""

    items: list[RegistryView]


def routes(database: Database, rules: RulesInForce) -> APIRouter:
    router = APIRouter(prefix=PREFIX, tags=["countries"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def list_registries() -> CountriesView:
        """Which files are in force, and whether they are too old."""
        async with database.transaction() as tx:
            editions = await handlers.country_editions(tx)
        return CountriesView(items=[_view(edition, database, rules) for edition in editions.values()])

    @router.put("/{registry}", responses=refusals(409, 413), openapi_extra=BINARY_BODY)
    async def put_registry(registry: Registry, request: Request, admin: Admin) -> RegistryView:
        """Replace a registry's delegated-extended file by a newer one, plain or gzip.

        It is in force within seconds. What was judged before stays as it was judged.
        """
        edition = await handlers.import_countries(database, registry, await body_of(request), by=admin.name)
        return _view(edition, database, rules)

    return router


def _view(edition: Edition[Registry], database: Database, rules: RulesInForce) -> RegistryView:
    fields = edition_fields(edition, now=database.now(), greatest_age=rules.greatest_holders_age)
    return RegistryView(registry=edition.source, **dict(fields))

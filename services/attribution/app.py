"""Where attribution's objects meet."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial

import msgspec
from fastapi import APIRouter, FastAPI

from libs.common import bookkeeping, overdue
from libs.common.db import Database, database_of
from libs.common.dns import Dns, NameServers
from libs.common.http_api import new_api
from libs.common.overdue import Watched, watch_of
from libs.common.pages import answer_with_pages
from libs.common.publisher import Publisher
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from services.attribution import api, consumer, jobs
from services.attribution.api.claim_pages import BELOW, ClaimPages
from services.attribution.domain.enquiries import Patience
from services.attribution.domain.sources import AGING, PARTS, Ages
from services.attribution.gateway import companies
from services.attribution.gateway.companies import CompanyFile, CompanyRegistries, KvkRegistry
from services.attribution.gateway.connections import PublicTransport
from services.attribution.gateway.guard import Limits, Sources
from services.attribution.gateway.mail_exchange import DnsMailExchange
from services.attribution.gateway.sources import OutsideSource
from services.attribution.gateway.verifier import HttpVerifier
from services.attribution.handlers import (
    Customs,
    Decider,
    Enquirer,
    Importer,
    ImportQueue,
    LiveDirectory,
    Outside,
    ProofRounds,
    Proving,
    Registries,
    SelfRegistrations,
    UntoldRegistrations,
    Verifier,
    ask_contact,
    ladder_of,
    prove_by_dns,
)
from services.attribution.settings import AttributionSettings
from services.attribution.store import books

DECIDED_WITHIN = timedelta(minutes=5)
"""After its time is over, a threat that waited for an answer is decided within a second."""
TAKEN_UP_WITHIN = timedelta(minutes=30)
"""Ten a second are: either more than tens of thousands have come, or it does not go on."""

SITES_PER_SECOND = 10.0
LEASES = 2
"""A question is left to whoever asks it for so many times as long as it may take."""


def build(
    settings: AttributionSettings,
    *,
    outside: Outside | None = None,
    dns: Dns | None = None,
    verifier: Verifier | None = None,
) -> Service:
    """Instead of what the settings name: `outside` of its sources, `dns` of its name servers, `verifier` of that."""
    database = database_of(settings)
    outside = outside or sources_of(settings)
    dns = dns or (resolver_of(settings) if settings.dns_proofs_enabled else None)
    directory = LiveDirectory(database, refresh_seconds=settings.directory_refresh_seconds)
    imports = ImportWorker(settings, directory)
    ladder = ladder_of(settings.ladder_file, constituency=settings.constituency_countries)
    decider = Decider(directory, ladder=ladder, online=outside.enabled, patience=patience_of(settings))
    enquirer = Enquirer(database, outside, decider, lease=LEASES * timedelta(seconds=settings.source_seconds))
    subscriptions = consumer.subscriptions(decider, asked=enquirer.asked)
    watch = watch_of(
        "attribution", settings, database=database, subscriptions=subscriptions, states=states_of(settings, ladder.ages)
    )
    registries = Registries(database, decider, outside)
    pages = ClaimPages()
    routers = (
        *api.routers(
            database,
            decider,
            imports.queue,
            max_import_bytes=settings.max_import_bytes,
            ages=ladder.ages,
            prove=partial(prove_by_dns, database=database, dns=dns),
            ask_contact=partial(
                ask_contact,
                database=database,
                registries=registries,
                claims_url=settings.claims_url,
            ),
            verifier=verifier or verifier_of(settings),
            pages=pages,
        ),
        bookkeeping.counts_routes(database, books.ATTRIBUTIONS),
        overdue.routes(watch),
    )
    return Service(
        name="attribution",
        settings=settings,
        api=_api(settings, routers, pages),
        database=database,
        publisher=Publisher(settings=settings, service="attribution"),
        subscriptions=subscriptions,
        tasks=(
            directory.keep_fresh,
            imports.work,
            UntoldRegistrations(database).tell,
            ProofRounds(database, dns).run,
            enquirer.run,
            _self_registrations(settings, database, dns, registries).run,
            watch.run,
        ),
        checks={"directory": directory.check},
    )


def _self_registrations(
    settings: AttributionSettings, database: Database, dns: Dns | None, registries: Registries
) -> SelfRegistrations:
    proving = Proving(
        database,
        dns=dns,
        registries=registries,
        claims_url=settings.claims_url,
        looks_at_first=timedelta(seconds=settings.dns_proofs_seconds),
    )
    return SelfRegistrations(database, proving, Customs(settings.constituency_countries, sees_records=dns is not None))


def _api(settings: AttributionSettings, routers: Sequence[APIRouter], pages: ClaimPages) -> FastAPI:
    """With pages for people where they come: whoever answers for a registry."""
    made = new_api(
        title="Tocsin attribution",
        description="Whom a threat hits: organisations, registries, look-ups, and what is left to a person.",
        routers=routers,
        operator_public_key=settings.operator_public_key,
        streaming_paths=api.STREAMING_PATHS,
    )
    answer_with_pages(made, pages.error, below=BELOW)
    return made


def states_of(settings: AttributionSettings, ages: Ages) -> tuple[Watched, ...]:
    """In which what waits or grows old is watched."""
    return (
        Watched(
            state="unattributed",
            greatest_age=timedelta(hours=settings.unattributed_overdue_hours),
            rows=books.UNATTRIBUTED,
        ),
        Watched(state="waiting-for-answer", greatest_age=DECIDED_WITHIN, rows=books.WAITING_FOR_ANSWER),
        Watched(state="conflict", greatest_age=timedelta(hours=settings.conflicts_overdue_hours), rows=books.CONFLICTS),
        Watched(state="registration-waiting", greatest_age=TAKEN_UP_WITHIN, rows=books.WAITING_REGISTRATIONS),
        Watched(
            state="claim-without-contact",
            greatest_age=timedelta(hours=settings.conflicts_overdue_hours),
            rows=books.WITHOUT_CONTACT,
        ),
        Watched(
            state="claim-refused",
            greatest_age=timedelta(hours=settings.conflicts_overdue_hours),
            rows=books.REFUSED_CLAIMS,
        ),
        *(
            Watched(
                state=f"source-{name}",
                greatest_age=timedelta(days=days),
                rows=books.source_rows((*together, *PARTS.get(name, ()))),
            )
            for name, together in AGING.items()
            if (days := ages.warned_of(together[0])) is not None
        ),
    )


def verifier_of(settings: AttributionSettings) -> Verifier | None:
    """Whom a look-up asks about the list; nobody, unless the operator says where it is."""
    return HttpVerifier(settings.verifier_url) if settings.verifier_url else None


def resolver_of(settings: AttributionSettings) -> Dns:
    return NameServers(settings.dns_nameservers, seconds=settings.source_seconds)


def sources_of(settings: AttributionSettings) -> Sources:
    """Whom outside may be asked: nobody, unless the operator says so."""
    dns = resolver_of(settings)
    limits = Limits(
        per_second=settings.source_questions_per_second,
        seconds=settings.source_seconds,
        rest_seconds=settings.source_rest_seconds,
    )
    configured = (
        *_security_txt(settings, dns, limits),
        *_rdap(settings, dns, limits),
        *_companies(settings, dns, limits),
        *(((DnsMailExchange(dns), limits),) if settings.mail_exchange_enabled else ()),
    )
    return Sources.of(configured)


Configured = Iterator[tuple[OutsideSource, Limits]]


def _security_txt(settings: AttributionSettings, dns: Dns, limits: Limits) -> Configured:
    """Each question goes to another host, so more of them may be under way."""
    if settings.security_txt_enabled:
        from services.attribution.gateway import security_txt  # only here: 5 MB for who asks no host

        transport = PublicTransport(dns, most_bytes=security_txt.MOST_BYTES)
        source = security_txt.HttpSecurityTxt(transport, seconds=settings.source_seconds, contact=settings.contact_url)
        many = {"at_once": 16, "per_second": max(SITES_PER_SECOND, limits.per_second), "known_for": timedelta(days=7)}
        yield source, msgspec.structs.replace(limits, **many)


def _rdap(settings: AttributionSettings, dns: Dns, limits: Limits) -> Configured:
    if settings.rdap_bootstrap_dir is not None:
        from services.attribution.gateway import rdap  # only here: 8 MB for who asks no registry

        registries = rdap.Registries(settings.rdap_bootstrap_dir)
        transport = PublicTransport(dns, most_bytes=rdap.MOST_BYTES)
        client = rdap.RdapClient(transport, registries, seconds=settings.source_seconds, contact=settings.contact_url)
        yield rdap.RdapDomains(client), limits
        yield rdap.RdapNetworks(client), limits


def _companies(settings: AttributionSettings, dns: Dns, limits: Limits) -> Configured:
    registries: list[KvkRegistry | CompanyFile] = []
    if settings.company_file is not None:
        registries.append(CompanyFile(settings.company_file))
    if settings.kvk_base_url:
        kvk = KvkRegistry(
            PublicTransport(dns, most_bytes=companies.MOST_BYTES),
            base_url=settings.kvk_base_url,
            api_key=settings.kvk_api_key.get_secret_value(),
            seconds=settings.source_seconds,
            contact=settings.contact_url,
        )
        registries.append(kvk)
    if registries:
        yield CompanyRegistries(registries), msgspec.structs.replace(limits, known_for=timedelta(days=30))


def patience_of(settings: AttributionSettings) -> Patience:
    return Patience(
        critical=timedelta(seconds=settings.patience_critical_seconds),
        other=timedelta(seconds=settings.patience_seconds),
        silent=frozenset(settings.silent_categories),
    )


class ImportWorker:
    """The queue of imports with connections of its own, whose statements may take long, and which close with it."""

    def __init__(self, settings: AttributionSettings, directory: LiveDirectory) -> None:
        self._database = jobs.import_database(settings)
        importer = Importer(
            self._database, max_organisations_bytes=settings.max_organisations_bytes, after=directory.refresh
        )
        self.queue = ImportQueue(importer, work_apart=jobs.apart(settings))

    async def work(self, shutdown: Shutdown) -> None:
        try:
            await self.queue.work(shutdown)
        finally:
            await self._database.close()

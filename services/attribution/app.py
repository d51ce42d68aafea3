"""Where attribution's objects meet."""

from datetime import timedelta
from functools import partial

from libs.common import bookkeeping, overdue
from libs.common.db import Database, database_of
from libs.common.http_api import new_api
from libs.common.overdue import Watched, watch_of
from libs.common.publisher import Publisher
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from services.attribution import api, consumer
from services.attribution.gateway.dns import Dns
from services.attribution.handlers import (
    Importer,
    ImportQueue,
    LiveDirectory,
    ProofRounds,
    UntoldRegistrations,
    prove_by_dns,
)
from services.attribution.settings import AttributionSettings
from services.attribution.store import books

IMPORT_POOL_SIZE = 2
"""One connection for the import, one to tell how far it is."""


def build(settings: AttributionSettings, *, dns: Dns | None = None) -> Service:
    """`dns`: whom to ask for the records that prove domains; None: nobody."""
    database = database_of(settings)
    directory = LiveDirectory(database, refresh_seconds=settings.directory_refresh_seconds)
    imports = ImportWorker(settings, directory)
    subscriptions = consumer.subscriptions(directory, constituency=settings.constituency_countries)
    unattributed = Watched(
        state="unattributed",
        greatest_age=timedelta(hours=settings.unattributed_overdue_hours),
        rows=books.UNATTRIBUTED,
    )
    conflicts = Watched(
        state="conflict",
        greatest_age=timedelta(hours=settings.conflicts_overdue_hours),
        rows=books.CONFLICTS,
    )
    states = (unattributed, conflicts)
    watch = watch_of("attribution", settings, database=database, subscriptions=subscriptions, states=states)
    return Service(
        name="attribution",
        settings=settings,
        api=new_api(
            title="Tocsin attribution",
            description="Whom a threat hits: organisations, registries, look-ups, and what is left to a person.",
            routers=(
                *api.routers(
                    database,
                    directory,
                    imports.queue,
                    constituency=settings.constituency_countries,
                    max_import_bytes=settings.max_import_bytes,
                    prove=partial(prove_by_dns, database=database, dns=dns),
                ),
                bookkeeping.counts_routes(database, books.ATTRIBUTIONS),
                overdue.routes(watch),
            ),
            operator_public_key=settings.operator_public_key,
            streaming_paths=api.STREAMING_PATHS,
        ),
        database=database,
        publisher=Publisher(settings=settings, service="attribution"),
        subscriptions=subscriptions,
        tasks=(
            directory.keep_fresh,
            imports.work,
            UntoldRegistrations(database).tell,
            ProofRounds(database, dns).run,
            watch.run,
        ),
        checks={"directory": directory.check},
    )


class ImportWorker:
    """The queue of imports with connections of its own, whose statements may take long, and which close with it."""

    def __init__(self, settings: AttributionSettings, directory: LiveDirectory) -> None:
        self._database = Database(
            settings.database_url.get_secret_value(),
            pool_size=IMPORT_POOL_SIZE,
            statement_timeout_seconds=settings.import_statement_timeout_seconds,
        )
        importer = Importer(
            self._database, max_organisations_bytes=settings.max_organisations_bytes, after=directory.refresh
        )
        self.queue = ImportQueue(importer)

    async def work(self, shutdown: Shutdown) -> None:
        try:
            await self.queue.work(shutdown)
        finally:
            await self._database.close()

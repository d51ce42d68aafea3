"""Where attribution's objects meet."""

from datetime import datetime, timedelta

from libs.common import bookkeeping, overdue
from libs.common.db import Database, database_of
from libs.common.http_api import new_api
from libs.common.overdue import Watched, watch_of
from libs.common.publisher import Publisher
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from services.attribution import api, consumer
from services.attribution.domain.answers import Answer, Enquiry, Source
from services.attribution.domain.enquiries import Patience
from services.attribution.handlers import (
    Decider,
    Enquirer,
    Importer,
    ImportQueue,
    LiveDirectory,
    Outside,
    UntoldRegistrations,
    ladder_of,
)
from services.attribution.settings import AttributionSettings
from services.attribution.store import books

DECIDED_WITHIN = timedelta(minutes=5)
"""After its time is over, a threat that waited for an answer is decided within a second."""
IMPORT_POOL_SIZE = 2
"""One connection for the import, one to tell how far it is."""


def build(settings: AttributionSettings, *, outside: Outside | None = None) -> Service:
    """`outside` instead of the sources that the settings name."""
    database = database_of(settings)
    outside = outside or sources_of(settings)
    directory = LiveDirectory(database, refresh_seconds=settings.directory_refresh_seconds)
    imports = ImportWorker(settings, directory)
    ladder = ladder_of(settings.ladder_file, constituency=settings.constituency_countries)
    decider = Decider(directory, ladder=ladder, online=outside.enabled, patience=patience_of(settings))
    enquirer = Enquirer(database, outside, decider)
    subscriptions = consumer.subscriptions(decider, asked=enquirer.asked)
    unattributed = Watched(
        state="unattributed",
        greatest_age=timedelta(hours=settings.unattributed_overdue_hours),
        rows=books.UNATTRIBUTED,
    )
    waiting = Watched(state="waiting-for-answer", greatest_age=DECIDED_WITHIN, rows=books.WAITING_FOR_ANSWER)
    states = (unattributed, waiting)
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
                    decider,
                    imports.queue,
                    max_import_bytes=settings.max_import_bytes,
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
        tasks=(directory.keep_fresh, imports.work, UntoldRegistrations(database).tell, enquirer.run, watch.run),
        checks={"directory": directory.check},
    )


class _Nobody:  # TEMP
    enabled: frozenset[Source] = frozenset()

    def room(self, source: Source) -> int:
        return 0

    async def ask(self, enquiry: Enquiry, *, at: datetime) -> Answer:
        raise NotImplementedError


def sources_of(settings: AttributionSettings) -> Outside:  # TEMP
    return _Nobody()


def patience_of(settings: AttributionSettings) -> Patience:
    return Patience(
        critical=timedelta(seconds=settings.patience_critical_seconds),
        other=timedelta(seconds=settings.patience_seconds),
        silent=settings.silent_categories,
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

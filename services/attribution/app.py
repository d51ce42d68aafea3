"""Where attribution's objects meet."""

from datetime import timedelta

from libs.common import bookkeeping, overdue
from libs.common.db import database_of
from libs.common.http_api import new_api
from libs.common.overdue import Watched, watch_of
from libs.common.publisher import Publisher
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from services.attribution import api, consumer, jobs
from services.attribution.domain.sources import AGING, GREATEST_AGE_DAYS, PARTS
from services.attribution.handlers import Importer, ImportQueue, LiveDirectory, UntoldRegistrations
from services.attribution.settings import AttributionSettings
from services.attribution.store import books


def build(settings: AttributionSettings) -> Service:
    database = database_of(settings)
    directory = LiveDirectory(database, refresh_seconds=settings.directory_refresh_seconds)
    imports = ImportWorker(settings, directory)
    subscriptions = consumer.subscriptions(directory, constituency=settings.constituency_countries)
    unattributed = Watched(
        state="unattributed",
        greatest_age=timedelta(hours=settings.unattributed_overdue_hours),
        rows=books.UNATTRIBUTED,
    )
    sources = tuple(
        Watched(
            state=f"source-{name}",
            greatest_age=timedelta(days=GREATEST_AGE_DAYS[together[0]]),
            rows=books.source_rows((*together, *PARTS.get(name, ()))),
        )
        for name, together in AGING.items()
    )
    watch = watch_of(
        "attribution", settings, database=database, subscriptions=subscriptions, states=(unattributed, *sources)
    )
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
                    greatest_age_days=GREATEST_AGE_DAYS,
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
        tasks=(directory.keep_fresh, imports.work, UntoldRegistrations(database).tell, watch.run),
        checks={"directory": directory.check},
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

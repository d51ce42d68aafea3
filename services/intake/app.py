"""Where intake's objects meet."""

from itertools import cycle, islice

from libs.common.db import Database, database_of
from libs.common.http_api import new_api
from libs.common.publisher import Publisher
from libs.common.service import Service
from services.intake import api, consumer
from services.intake.api.doors import Doors
from services.intake.domain.rates import Rate
from services.intake.gateway import KafkaBacklog
from services.intake.handlers.keys import KeyRing, RateLimits
from services.intake.handlers.means import Bounds, Means
from services.intake.handlers.pressure import Pressure, PressureLimits
from services.intake.handlers.processing import Processing
from services.intake.handlers.upkeep import Bootstrap, PendingCount, Sweep
from services.intake.settings import IntakeSettings
from services.intake.store.payloads import PayloadFiles
from services.intake.store.submissions import Order


def build(settings: IntakeSettings) -> Service:
    means = means_of(settings)
    pending = PendingCount(means.database, refresh_seconds=settings.pending_refresh_seconds)
    bootstrap = Bootstrap(means.database, key=settings.bootstrap_partner_key)
    # Some take the oldest and some the smallest: a huge payload neither holds up all others nor waits for ever.
    orders = islice(cycle((Order.OLDEST, Order.SMALLEST)), settings.parallel_submissions)
    workers = [Processing(means, order=order, retry_max_seconds=settings.retry_max_seconds).run for order in orders]
    return Service(
        name="intake",
        settings=settings,
        api=new_api(
            title="Tocsin intake",
            description="Push what you know about exposed, vulnerable or hacked systems, and see what became of it.",
            routers=api.routers(means, doors_of(settings, means.database)),
            operator_public_key=settings.operator_public_key,
            streaming_paths=frozenset({api.submissions.PATH}),
        ),
        database=means.database,
        publisher=means.publisher,
        subscriptions=consumer.subscriptions(),
        tasks=(*workers, means.pressure.keep_measuring, pending.run, Sweep(means).run, bootstrap.run),
        checks={"partners": bootstrap.check},
    )


def means_of(settings: IntakeSettings) -> Means:
    database = database_of(settings)
    return Means(
        database=database,
        publisher=Publisher(settings=settings, service="intake"),
        payloads=PayloadFiles(settings.payload_dir),
        pressure=Pressure(database, KafkaBacklog(settings), limits=pressure_limits_of(settings)),
        bounds=bounds_of(settings),
    )


def pressure_limits_of(settings: IntakeSettings) -> PressureLimits:
    return PressureLimits(
        backlog_target_records=settings.backlog_target_records,
        backlog_limit_records=settings.backlog_limit_records,
        unread_limit_bytes=settings.unread_limit_bytes,
    )


def bounds_of(settings: IntakeSettings) -> Bounds:
    return Bounds(
        max_body_bytes=settings.max_body_bytes,
        max_unpacked_bytes=settings.max_unpacked_bytes,
        body_idle_seconds=settings.body_idle_seconds,
        immediate_max_bytes=settings.immediate_max_bytes,
        immediate_max_records=settings.immediate_max_records,
        slice_records=settings.slice_records,
        lease_seconds=settings.lease_seconds,
        publish_wait_seconds=settings.publish_wait_seconds,
        repeat_window_hours=settings.repeat_window_hours,
    )


def doors_of(settings: IntakeSettings, database: Database) -> Doors:
    rate = Rate(burst=settings.requests_burst, per_second=settings.requests_per_minute / 60)
    return Doors(keys=KeyRing(database, remember_seconds=settings.partner_cache_seconds), rates=RateLimits(rate))

"""Where intake's objects meet."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import cycle, islice

from libs.common import overdue
from libs.common.books import Backlog
from libs.common.db import Database, database_of
from libs.common.http_api import new_api
from libs.common.lmtp import LmtpServer
from libs.common.overdue import Watched, watch_of
from libs.common.publisher import Publisher
from libs.common.service import Service, Task
from services.intake import api, consumer
from services.intake.api.doors import Doors
from services.intake.api.letterbox import Letterbox
from services.intake.api.taxii import routes as taxii
from services.intake.api.taxii.media import taxii_error
from services.intake.domain.mime import MAX_MAIL_BYTES
from services.intake.domain.rates import Rate
from services.intake.domain.reconciliation.timetable import Timetable
from services.intake.domain.webhooks.targets import Rules
from services.intake.gateway.backlog import KafkaBacklog
from services.intake.gateway.siblings import addresses, siblings_of
from services.intake.gateway.webhooks import HttpWebhooks
from services.intake.handlers.delivering import Courier, Delivering, DisabledCount
from services.intake.handlers.desks import Desks
from services.intake.handlers.digests import Digests
from services.intake.handlers.digests import Office as DigestOffice
from services.intake.handlers.feeds import FeedWatch
from services.intake.handlers.keys import KeyRing, RateLimits
from services.intake.handlers.means import Bounds, Means
from services.intake.handlers.nightly import Nightly
from services.intake.handlers.pressure import Pressure, PressureLimits
from services.intake.handlers.processing import Processing
from services.intake.handlers.quotas import Quotas
from services.intake.handlers.upkeep import Bootstrap, PendingCount, Sweep
from services.intake.handlers.webhooks import Office
from services.intake.settings import IntakeSettings
from services.intake.store import digests, reconciliation
from services.intake.store.payloads import PayloadFiles
from services.intake.store.submissions import Order
from services.intake.store.webhooks import sending

WEBHOOK_AGE = timedelta(minutes=15)
"""An event is attempted within a second, and behind a crowd of others of its partner within minutes."""

DIGEST_AGE = timedelta(hours=1)
"""From the end of a period; one partner's takes seconds."""


def build(settings: IntakeSettings) -> Service:
    means = means_of(settings)
    pending = PendingCount(means.database, refresh_seconds=settings.pending_refresh_seconds)
    bootstrap = Bootstrap(means.database, key=settings.bootstrap_partner_key)
    office = office_of(settings, means.database)
    digest_office = digest_office_of(settings, means.database)
    # Some take the oldest and some the smallest: a huge payload neither holds up all others nor waits for ever.
    orders = islice(cycle((Order.OLDEST, Order.SMALLEST)), settings.parallel_submissions)
    workers = [Processing(means, order=order, retry_max_seconds=settings.retry_max_seconds).run for order in orders]
    subscriptions = consumer.subscriptions()
    doors = doors_of(settings, means.database)
    watch = watch_of(
        "intake", settings, database=means.database, subscriptions=subscriptions, states=_watched(settings)
    )
    return Service(
        name="intake",
        settings=settings,
        api=new_api(
            title="Tocsin intake",
            description="Push what you know about exposed, vulnerable or hacked systems, and see what became of it.",
            routers=(
                *api.routers(means, doors, office, digest_office, mail_domain=settings.mail_domain),
                overdue.routes(watch),
            ),
            operator_public_key=settings.operator_public_key,
            streaming_paths=frozenset({api.submissions.PATH}),
            streaming_pattern=taxii.STREAMING,
            dialects={taxii.PATH: taxii_error},
        ),
        database=means.database,
        publisher=means.publisher,
        subscriptions=subscriptions,
        tasks=(
            *workers,
            means.pressure.keep_measuring,
            pending.run,
            Sweep(means).run,
            bootstrap.run,
            watch.run,
            FeedWatch(means.database, refresh_seconds=settings.overdue_refresh_seconds).run,
            delivering_of(settings, office).run,
            DisabledCount(means.database).run,
            Digests(digest_office).run,
            *_nightly(settings, means.database, watch.backlog),
            *_door_for_mail(settings, means, doors),
        ),
        checks={"partners": bootstrap.check, "payloads": means.payloads.check},
    )


def _watched(settings: IntakeSettings) -> Sequence[Watched]:
    processing = timedelta(minutes=settings.processing_overdue_minutes)
    pending = timedelta(hours=settings.pending_overdue_hours)
    return (
        Watched(state="processing", greatest_age=processing, rows=reconciliation.PROCESSING),
        Watched(state="pending", greatest_age=pending, rows=reconciliation.PENDING),
        Watched(state="webhook-due", greatest_age=WEBHOOK_AGE, rows=sending.DUE),
        Watched(state="digest-due", greatest_age=DIGEST_AGE, rows=digests.DUE),
    )


def _nightly(settings: IntakeSettings, database: Database, backlog: Callable[[], Awaitable[Backlog]]) -> Iterator[Task]:
    """The comparison with the siblings, where the settings say where they are."""
    if all(addresses(settings).values()):
        yield Nightly(
            database,
            partial(siblings_of, settings),
            backlog=backlog,
            timetable=Timetable(settings.reconcile_hour, started_at=database.now()),
            reach=timedelta(days=settings.reconcile_days),
            wait_seconds=settings.reconcile_wait_seconds,
        ).run


def _door_for_mail(settings: IntakeSettings, means: Means, doors: Doors) -> Iterator[Task]:
    """Where a mail server brings partners' mails, if there is to be one."""
    if settings.lmtp_port:
        yield LmtpServer(
            Letterbox(means, doors),
            host=settings.lmtp_host,
            port=settings.lmtp_port,
            max_mail_bytes=min(settings.max_body_bytes, MAX_MAIL_BYTES),
        ).run


def office_of(settings: IntakeSettings, database: Database) -> Office:
    ports = frozenset(map(int, filter(None, settings.webhook_ports.split(","))))
    rules = Rules(ports=ports, insecure=settings.webhook_insecure)
    door = HttpWebhooks(rules=rules, seconds=settings.webhook_seconds)
    return Office(database, door, Courier(database, door, write=api.webhooks.write_event))


def digest_office_of(settings: IntakeSettings, database: Database) -> DigestOffice:
    return DigestOffice(database=database, hour=settings.digest_hour, public_url=settings.public_url)


def delivering_of(settings: IntakeSettings, office: Office) -> Delivering:
    return Delivering(office.database, office.courier, lease=timedelta(seconds=2 * settings.webhook_seconds + 30))


def means_of(settings: IntakeSettings) -> Means:
    database = database_of(settings)
    return Means(
        database=database,
        publisher=Publisher(settings=settings, service="intake"),
        payloads=PayloadFiles(settings.payload_dir),
        pressure=Pressure(database, KafkaBacklog(settings), limits=pressure_limits_of(settings)),
        desks=Desks(room_bytes=settings.immediate_room_bytes),
        bounds=bounds_of(settings),
        quotas=Quotas(remember_seconds=settings.partner_cache_seconds),
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
    return Doors(
        keys=KeyRing(database, remember_seconds=settings.partner_cache_seconds),
        rates=RateLimits(rate),
        certificate_header=settings.client_certificate_header,
    )

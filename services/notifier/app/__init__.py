"""Where the notifier's objects meet."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from libs.common import bookkeeping, overdue
from libs.common.db import Database, database_of
from libs.common.dns import NameServers
from libs.common.http_api import new_api
from libs.common.links import Links
from libs.common.metrics import SIGNING_CERTIFICATE_ENDS
from libs.common.overdue import Watched, watch_of
from libs.common.publisher import Publisher
from libs.common.service import Service
from libs.common.verp import return_address
from services.notifier import api, consumer
from services.notifier.api.previews import Foresight
from services.notifier.app.policies import (
    brake_policy,
    grouping_policy,
    house,
    link_key,
    planning_policy,
    retry_policy,
)
from services.notifier.gateway.certificate import signing_certificate_of
from services.notifier.gateway.dkim import SigningRelay, dkim_keys_of
from services.notifier.gateway.mx import CarefulRelay
from services.notifier.gateway.press import Press
from services.notifier.gateway.relay import Relay, RelayAddress, SmtpRelay
from services.notifier.gateway.sender import sender_setup_of
from services.notifier.gateway.simulator import SimulatingRelay
from services.notifier.handlers.checking_sender import SenderChecker
from services.notifier.handlers.digests import DigestSender
from services.notifier.handlers.keeper import Keeper
from services.notifier.handlers.planner import Planner
from services.notifier.handlers.sampling import Desk
from services.notifier.handlers.scribe import Scribe
from services.notifier.handlers.sealing import Sealer
from services.notifier.handlers.sender import Sender, SenderLimits
from services.notifier.settings import NotifierSettings
from services.notifier.store import books

TIME_LIMITS_IN_A_DIALOGUE = 12
"""Connect, greeting, TLS, log in, envelope, content: each may take one time limit of the relay."""


PLANNER_MAY_TAKE = timedelta(minutes=5)
"""From the end of a mail's window; it looks four times a second, so by then it does not run or does not keep up."""

KEEPER_MAY_TAKE = timedelta(minutes=10)
"""For what was released, cancelled or approved in bulk; it moves some thousand mails a second."""

SENDER_MAY_TAKE = timedelta(minutes=30)
"""From the moment that a mail may go out: tens of thousands at once keep a slow relay busy for as long."""

LOSS_IS_NOTICED_WITHIN = timedelta(minutes=1)
"""From the end of a lease; every sender looks for lost mails ten times a second."""

NEXT_CONTACT_WITHIN = timedelta(minutes=30)
"""From a refusal: attribution answers within seconds whether there is another contact."""

HELD_BACK_AT_MOST = timedelta(hours=24)
"""By a brake or by an incident that is not approved: after that, somebody has forgotten it."""


def build(settings: NotifierSettings) -> Service:
    database = database_of(settings)
    press = Press()
    scribe = Scribe(
        house=house(settings),
        press=press,
        links=Links(link_key(settings)),
        return_address=_return_address(settings),
        mail_bytes=settings.mail_bytes_max,
        full_at=settings.targets_per_mail_max,
    )
    certificate = signing_certificate_of(settings)
    SIGNING_CERTIFICATE_ENDS.set(certificate.certificate.not_valid_after_utc.timestamp() if certificate else 0)
    checker = SenderChecker(
        sender_setup_of(settings),
        NameServers(settings.nameserver_list),
        certificate=certificate,
        from_address=settings.from_address,
        now=database.now,
    )
    sealer = Sealer(database, certificate=certificate, policy=settings.encrypt, subjects=press.sealed_subjects)
    queued = asyncio.Event()
    sender = _sender(settings, database, scribe, queued, sealer)
    brakes = brake_policy(settings)
    subscriptions = consumer.subscriptions(
        planning_policy(settings), grouping_policy(settings), brakes.first_wave, queued
    )
    watch = watch_of("notifier", settings, database=database, subscriptions=subscriptions, states=_watched(settings))
    return Service(
        name="notifier",
        settings=settings,
        api=new_api(
            title="Tocsin notifier",
            description="Notifications, previews, the brake, and who is not written to.",
            routers=(
                *api.routers(
                    database,
                    scribe,
                    checker,
                    brakes.release,
                    desk=_desk(settings, database, sealer),
                    foresight=_foresight(settings),
                ),
                bookkeeping.counts_routes(database, books.TARGETS),
                bookkeeping.sent_routes(database, books.SENT),
                overdue.routes(watch),
            ),
            operator_public_key=settings.operator_public_key,
        ),
        database=database,
        publisher=Publisher(settings=settings, service="notifier"),
        subscriptions=subscriptions,
        tasks=(
            _planner(settings, database, queued).run,
            Keeper(database=database, policy=brakes, pause_seconds=settings.planner_pause_seconds).run,
            sender.run,
            _digest_sender(settings, database, scribe, sealer).run,
            watch.run,
        ),
        checks={"relay": sender.check},
    )


def _watched(settings: NotifierSettings) -> Sequence[Watched]:
    """What waits for the planner, for the sender, and for people, who may take longer."""
    approval = timedelta(hours=settings.approval_overdue_hours)
    return (
        Watched(state="planned", greatest_age=PLANNER_MAY_TAKE, rows=books.PLANNED),
        Watched(state="queued", greatest_age=SENDER_MAY_TAKE, rows=books.may_go_out("queued", since=books.QUEUED_AT)),
        Watched(state="deferred", greatest_age=SENDER_MAY_TAKE, rows=books.may_go_out("deferred", since=books.DUE_AT)),
        Watched(state="in-doubt", greatest_age=SENDER_MAY_TAKE, rows=books.may_go_out("in-doubt", since=books.DUE_AT)),
        Watched(state="sending", greatest_age=LOSS_IS_NOTICED_WITHIN, rows=books.SENDING),
        Watched(state="bounced", greatest_age=NEXT_CONTACT_WITHIN, rows=books.WITHOUT_NEXT_CONTACT),
        Watched(state="returned", greatest_age=SENDER_MAY_TAKE, rows=books.RETURNS_TO_HEED),
        Watched(state="awaiting-approval", greatest_age=approval, rows=books.AWAITING_APPROVAL),
        Watched(state="incident-not-approved", greatest_age=HELD_BACK_AT_MOST, rows=books.WITHOUT_APPROVED_INCIDENT),
        Watched(state="hold", greatest_age=timedelta(hours=settings.release_overdue_hours), rows=books.HOLDS),
        Watched(state="bulk-order", greatest_age=KEEPER_MAY_TAKE, rows=books.BULK_ORDERS),
        Watched(state="digest-to-send", greatest_age=SENDER_MAY_TAKE, rows=books.DIGESTS_TO_SEND),
        Watched(state="digest-sending", greatest_age=LOSS_IS_NOTICED_WITHIN, rows=books.DIGESTS_SENDING),
        Watched(
            state="over-cap", greatest_age=timedelta(hours=settings.cap_overdue_hours), rows=books.WAITING_FOR_ROOM
        ),
        Watched(state="brake", greatest_age=HELD_BACK_AT_MOST, rows=books.ENGAGED_BRAKES),
    )


def _planner(settings: NotifierSettings, database: Database, queued: asyncio.Event) -> Planner:
    return Planner(
        database=database,
        approval_confidence=settings.approval_confidence,
        groups_per_round=settings.groups_per_round,
        amounts=settings.amounts,
        pause_seconds=settings.planner_pause_seconds,
        queued=queued,
    )


def _sender(
    settings: NotifierSettings, database: Database, scribe: Scribe, queued: asyncio.Event, sealer: Sealer
) -> Sender:
    return Sender(
        database=database,
        relay=_relay(settings, database),
        scribe=scribe,
        policy=retry_policy(settings),
        limits=SenderLimits(
            connections=settings.smtp_connections,
            per_domain=settings.smtp_connections_per_domain,
            start=timedelta(seconds=settings.claim_start_seconds),
            lease=_lease(settings),
            pause_seconds=settings.sender_pause_seconds,
            refusals=settings.refusals_per_domain,
            is_dry=settings.dry_run,
            amounts=settings.amounts,
        ),
        news=queued,
        sealer=sealer,
    )


def _digest_sender(settings: NotifierSettings, database: Database, scribe: Scribe, sealer: Sealer) -> DigestSender:
    return DigestSender(
        database=database,
        relay=sealer.before(_relay(settings, database)),
        scribe=scribe,
        policy=retry_policy(settings),
        lease=_lease(settings),
    )


def _desk(settings: NotifierSettings, database: Database, sealer: Sealer) -> Desk:
    return Desk(settings.sample_domain_list, lambda: sealer.before(_relay(settings, database)))


def _relay(settings: NotifierSettings, database: Database) -> Relay:
    """A pool of connections of its own for whoever sends."""
    address = RelayAddress(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.relay_security,
        ca_file=settings.smtp_ca_file,
        client_certificate_file=settings.smtp_client_certificate_file,
        client_key_file=settings.smtp_client_key_file,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value(),
        helo_name=settings.smtp_helo_name,
        timeout_seconds=settings.smtp_timeout_seconds,
        mails_per_connection=settings.smtp_mails_per_connection,
        connection_seconds=settings.smtp_connection_seconds,
        dry_run=settings.dry_run,
    )
    relay: Relay = SmtpRelay(address)
    if (keys := dkim_keys_of(settings)) is not None:
        relay = SigningRelay(relay, keys, now=database.now)
    if settings.check_mx:
        relay = CarefulRelay(relay, NameServers(settings.nameserver_list))
    return SimulatingRelay(relay, dry_run=settings.dry_run)


def _lease(settings: NotifierSettings) -> timedelta:
    return timedelta(seconds=settings.smtp_timeout_seconds * TIME_LIMITS_IN_A_DIALOGUE)


def _foresight(settings: NotifierSettings) -> Foresight:
    return Foresight(amounts=settings.amounts, approval_confidence=settings.approval_confidence)


def _return_address(settings: NotifierSettings) -> Callable[[UUID], str] | None:
    if not settings.bounce_domain:
        return None
    return partial(return_address, domain=settings.bounce_domain, key=link_key(settings))

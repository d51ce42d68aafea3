"""Where the notifier's objects meet."""

import hashlib
import hmac
from datetime import timedelta

from libs.common.db import Database, database_of
from libs.common.http_api import new_api
from libs.common.links import Links
from libs.common.publisher import Publisher
from libs.common.service import Service
from libs.common.vocabulary import Severity
from services.notifier import api, consumer
from services.notifier.domain.grouping import GroupingPolicy
from services.notifier.domain.letter import House
from services.notifier.domain.planning import PlanningPolicy
from services.notifier.domain.replies import RetryPolicy
from services.notifier.gateway.press import Press
from services.notifier.gateway.relay import RelayAddress, SmtpRelay
from services.notifier.handlers.planner import Planner
from services.notifier.handlers.sender import Sender, SenderLimits
from services.notifier.handlers.sending import Scribe
from services.notifier.settings import NotifierSettings

TIME_LIMITS_IN_A_DIALOGUE = 12
"""Connect, greeting, TLS, log in, envelope, content: each may take one time limit of the relay."""


def build(settings: NotifierSettings) -> Service:
    database = database_of(settings)
    scribe = Scribe(house=_house(settings), press=Press(), links=Links(_link_key(settings)))
    sender = _sender(settings, database, scribe)
    return Service(
        name="notifier",
        settings=settings,
        api=new_api(
            title="Tocsin notifier",
            description="Notifications, previews, the brake, and who is not written to.",
            routers=api.routers(database, scribe),
            operator_public_key=settings.operator_public_key,
        ),
        database=database,
        publisher=Publisher(settings=settings, service="notifier"),
        subscriptions=consumer.subscriptions(_planning_policy(settings)),
        # Two rounds of sending: while one waits for the relay, the other claims and records.
        tasks=(_planner(settings, database).run, sender.run, sender.run),
        checks={"relay": sender.check},
    )


def _planner(settings: NotifierSettings, database: Database) -> Planner:
    return Planner(
        database=database,
        policy=GroupingPolicy(approval_confidence=settings.approval_confidence, reference_key=_reference_key(settings)),
        groups_per_round=settings.groups_per_round,
        targets_per_mail=settings.targets_per_mail_max,
        pause_seconds=settings.planner_pause_seconds,
    )


def _sender(settings: NotifierSettings, database: Database, scribe: Scribe) -> Sender:
    return Sender(
        database=database,
        relay=SmtpRelay(
            RelayAddress(
                host=settings.smtp_host,
                port=settings.smtp_port,
                security=settings.smtp_security,
                ca_file=settings.smtp_ca_file,
                username=settings.smtp_username,
                password=settings.smtp_password.get_secret_value(),
                timeout_seconds=settings.smtp_timeout_seconds,
            )
        ),
        scribe=scribe,
        policy=RetryPolicy(
            shortest=timedelta(minutes=settings.retry_shortest_minutes),
            longest=timedelta(minutes=settings.retry_longest_minutes),
            greatest_age=timedelta(hours=settings.retry_greatest_age_hours),
        ),
        limits=SenderLimits(
            connections=settings.smtp_connections,
            claim_size=settings.claim_size,
            start=timedelta(seconds=settings.claim_start_seconds),
            lease=timedelta(seconds=settings.smtp_timeout_seconds * TIME_LIMITS_IN_A_DIALOGUE),
            pause_seconds=settings.sender_pause_seconds,
        ),
    )


def _planning_policy(settings: NotifierSettings) -> PlanningPolicy:
    return PlanningPolicy(
        windows={
            Severity.CRITICAL: timedelta(seconds=settings.window_critical_seconds),
            Severity.HIGH: timedelta(seconds=settings.window_high_seconds),
            Severity.MEDIUM: timedelta(seconds=settings.window_medium_seconds),
            Severity.LOW: timedelta(seconds=settings.window_low_seconds),
            Severity.INFO: timedelta(seconds=settings.window_info_seconds),
        },
        repeat_interval=timedelta(days=settings.repeat_interval_days),
        daily_cap=settings.recipient_daily_cap,
    )


def _house(settings: NotifierSettings) -> House:
    return House(
        name=settings.from_name,
        from_address=settings.from_address,
        desk_address=settings.desk_address,
        envelope_sender=settings.envelope_sender or settings.from_address,
        public_url=settings.public_url,
    )


def _link_key(settings: NotifierSettings) -> bytes:
    return settings.link_key.get_secret_value().encode()


def _reference_key(settings: NotifierSettings) -> bytes:
    """A key of its own, or one that follows from the other: who knows a reference key can't sign links with it."""
    chosen = settings.reference_key.get_secret_value().encode()
    return chosen or hmac.digest(_link_key(settings), b"references", hashlib.sha256)

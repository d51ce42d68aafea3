"""Where the objects of the feedback service meet."""

from collections.abc import Iterator
from datetime import timedelta

import structlog
from fastapi import APIRouter

from libs.common import bookkeeping, overdue
from libs.common.db import Database, database_of
from libs.common.http_api import new_api
from libs.common.links import Links
from libs.common.lmtp import LmtpServer
from libs.common.overdue import watch_of
from libs.common.pages import answer_with_pages
from libs.common.publisher import Publisher
from libs.common.service import Service, Task
from services.feedback.api import (
    feedback,
    incoming,
    rating,
    recipient,
    registration,
    static,
    statistics,
    verification,
)
from services.feedback.api.letterbox import Letterbox, MaildirReader
from services.feedback.api.pages import House, Pages
from services.feedback.api.turns import Turns
from services.feedback.api.wording import read_wordings
from services.feedback.consumer import SUBSCRIPTIONS
from services.feedback.domain.allowance import Allowance
from services.feedback.domain.incoming.recognised import House as MailHouse
from services.feedback.domain.registration.policy import RegistrationPolicy
from services.feedback.handlers import Forgetter
from services.feedback.settings import FeedbackSettings
from services.feedback.store.notifications import SENT

log = structlog.get_logger(__name__)


def build(settings: FeedbackSettings) -> Service:
    """The whole service, not started."""
    database = database_of(settings)
    house = House(
        settings.service_name,
        settings.desk_address,
        settings.public_url,
        takes_registrations=settings.register_open,
    )
    pages = Pages(house=house, wordings=read_wordings())
    watch = watch_of("feedback", settings, database=database, subscriptions=SUBSCRIPTIONS)
    api = new_api(
        title="Tocsin feedback",
        description="Pages for recipients and the public, the public counters, and what came back.",
        routers=(
            *_routers(settings, database=database, pages=pages),
            bookkeeping.sent_routes(database, SENT),
            overdue.routes(watch),
        ),
        operator_public_key=settings.operator_public_key,
    )
    answer_with_pages(api, pages.error)
    return Service(
        name="feedback",
        settings=settings,
        api=api,
        database=database,
        publisher=Publisher(settings=settings, service="feedback"),
        subscriptions=SUBSCRIPTIONS,
        tasks=(watch.run, Forgetter(database).run, *_doors_for_mail(settings, database)),
    )


def _routers(settings: FeedbackSettings, *, database: Database, pages: Pages) -> list[APIRouter]:
    links = Links(settings.link_key.get_secret_value().encode())
    remembered = settings.verify_remembered_addresses
    looking_up = Allowance(burst=settings.verify_burst, per_minute=settings.verify_per_minute, remembered=remembered)
    registering = Allowance(
        burst=settings.register_burst, per_minute=settings.register_per_minute, remembered=remembered
    )
    return [
        statistics.routes(database=database, pages=pages, small_number=settings.small_number),
        verification.routes(database=database, pages=pages, turns=Turns("verify", looking_up)),
        registration.routes(
            database=database,
            links=links,
            pages=pages,
            turns=Turns("register", registering),
            policy=_registration_policy(settings),
        ),
        rating.routes(database=database, links=links, pages=pages),
        recipient.routes(database=database, links=links, pages=pages),
        feedback.routes(database=database),
        incoming.routes(database=database),
        static.routes(),
    ]


def _registration_policy(settings: FeedbackSettings) -> RegistrationPolicy:
    if settings.allow_documentation_ranges:
        log.warning("documentation addresses can be registered: this is for demonstrations and tests only")
    return RegistrationPolicy(
        most_assets=settings.register_most_assets,
        kept_for=timedelta(days=settings.register_kept_days),
        mails_to_one_a_day=settings.register_mails_to_one_a_day,
        mails_a_day=settings.register_mails_a_day,
        changes_a_day=settings.register_changes_a_day,
        allow_documentation=settings.allow_documentation_ranges,
    )


def _doors_for_mail(settings: FeedbackSettings, database: Database) -> Iterator[Task]:
    """Where mails come back, if anybody brings them."""
    domain = settings.mail_domain or settings.desk_address.rpartition("@")[2].lower()
    letterbox = Letterbox(
        database,
        house=MailHouse(key=settings.link_key.get_secret_value().encode(), domain=domain),
        desk_address=settings.desk_address,
    )
    if settings.lmtp_port:
        yield LmtpServer(
            letterbox, host=settings.lmtp_host, port=settings.lmtp_port, max_mail_bytes=settings.max_mail_bytes
        ).run
    if settings.maildir:
        yield MaildirReader(letterbox, settings.maildir).run

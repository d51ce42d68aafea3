"""HTTP edge of the notifier: models and status codes; the deciding is done elsewhere."""

from collections.abc import Sequence

from fastapi import APIRouter

from libs.common.db import Database
from services.notifier.api import (
    brake_decisions,
    brakes,
    claim_mails,
    digests,
    holds,
    notifications,
    previews,
    registration_mails,
    sender_check,
    suppressions,
    waiting,
)
from services.notifier.domain.brakes.release import ReleasePolicy
from services.notifier.handlers.checking_sender import SenderChecker
from services.notifier.handlers.sampling import Desk
from services.notifier.handlers.scribe import Scribe


def routers(
    database: Database,
    scribe: Scribe,
    checker: SenderChecker,
    releases: ReleasePolicy,
    *,
    desk: Desk,
    foresight: previews.Foresight,
) -> Sequence[APIRouter]:
    return (
        notifications.routes(database),
        previews.routes(database, scribe, desk, foresight),
        digests.routes(database, scribe),
        claim_mails.routes(database),
        registration_mails.routes(database, scribe),
        brakes.routes(database),
        holds.routes(database, releases),
        waiting.routes(database),
        brake_decisions.routes(database),
        suppressions.routes(database),
        sender_check.routes(checker),
    )

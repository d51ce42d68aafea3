"""`digest`: a partner's digest at once, instead of at the end of its period."""

import argparse
import asyncio
import sys

from libs.common.contracts import DigestDue
from libs.common.db import database_of
from libs.common.errors import TocsinError
from libs.common.settings import read_settings
from libs.common.telemetry import configure_logs
from services.intake.handlers.digests import NoDigest, Office, make_now
from services.intake.settings import IntakeSettings

MADE, NOT_MADE, FAILED = 0, 1, 2
"""Exit codes."""

SUMMARY = "mail a partner its digest now; exit code 0: it is on its way, 1: there is none to send, 2: it failed"

WORDS = {
    NoDigest.NO_PARTNER: "There is no such partner.",
    NoDigest.NOT_WANTED: "This partner is disabled, or wants no digest: PATCH /v1/partners/{id} with digest.",
    NoDigest.NOTHING_TO_TELL: "There is nothing to tell that was not told before.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "It tells of what came since the last one, and the next one begins where it ends."
    parser.add_argument("partner", metavar="SLUG", help="how receipts name the partner")


def run(arguments: argparse.Namespace) -> int:
    try:
        settings = read_settings(IntakeSettings)
        configure_logs(level="warning", form=settings.log_format)
        found = asyncio.run(_make(settings, arguments.partner))
    except TocsinError as error:
        sys.stderr.write(f"No digest. {error}\n")
        return FAILED
    if isinstance(found, NoDigest):
        sys.stderr.write(f"{WORDS[found]}\n")
        return NOT_MADE
    sys.stdout.write(f"Digest {found.digest_id} of {sum(found.outcomes.values()):,} records is on its way.\n")
    return MADE


async def _make(settings: IntakeSettings, slug: str) -> DigestDue | NoDigest:
    database = database_of(settings)
    try:
        return await make_now(
            Office(database=database, hour=settings.digest_hour, public_url=settings.public_url), slug
        )
    finally:
        await database.close()

"""`python -m services.notifier.jobs check-sender`: whether the world will believe that our mails are ours."""

import argparse
import asyncio
import sys

from rich.console import Console

from libs.common.dns import NameServers
from libs.common.errors import Fatal
from libs.common.settings import read_settings
from services.notifier.domain.sender_check import Finding, Verdict, worst_of
from services.notifier.gateway.certificate import signing_certificate_of
from services.notifier.gateway.sender import sender_setup_of
from services.notifier.handlers.checking_sender import SenderChecker
from services.notifier.settings import NotifierSettings

GOOD_ENOUGH = (Verdict.RIGHT, Verdict.UNKNOWN)
COLOURS = {
    Verdict.RIGHT: "green",
    Verdict.UNKNOWN: "cyan",
    Verdict.WEAK: "yellow",
    Verdict.MISSING: "red",
    Verdict.WRONG: "red",
}


def main() -> int:
    """Exit code 0 when nothing has to be mended, as far as can be seen; 1 when something has; 2 when it failed."""
    parser = argparse.ArgumentParser(prog="python -m services.notifier.jobs", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="JOB")
    text = "SPF, DKIM, DMARC, the MX for bounces, the relay's name, and the certificate that signs"
    commands.add_parser("check-sender", help=text, description=text)
    parser.parse_args()
    console = Console()
    try:
        settings = read_settings(NotifierSettings)
        checker = SenderChecker(
            sender_setup_of(settings),
            NameServers(settings.nameserver_list),
            certificate=signing_certificate_of(settings),
            from_address=settings.from_address,
        )
        findings = asyncio.run(checker.findings())
    except Fatal as error:
        console.print(f"Nothing was checked: {error}", markup=False)
        return 2
    for finding in findings:
        _tell(finding, console)
    return 0 if worst_of(findings) in GOOD_ENOUGH else 1


def _tell(finding: Finding, console: Console) -> None:
    console.print(f"{finding.subject} {finding.verdict}", style=COLOURS[finding.verdict], end="  ")
    console.print(finding.sentence, markup=False, highlight=False)
    if finding.record is not None:
        record = finding.record
        console.print(
            f"    put: {record.name} {record.type} {record.value}", markup=False, highlight=False, soft_wrap=True
        )


if __name__ == "__main__":
    sys.exit(main())

"""Which made-up mail somebody wants to see, and what goes with what."""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

import msgspec

from libs.common.contracts import IncidentChanged
from libs.common.vocabulary import Language, RecipientKind, Severity
from services.notifier.domain.amount.policy import ROUNDED_UP
from services.notifier.domain.amount.repeats import Again

DATA_LEAK = "information-content-security/data-leak"
"""The category of incidents that are about stolen credentials."""


class SampleMail(StrEnum):
    """What a mail is to its recipient. To a team a `warning` is a hand-over, or a copy of what another is told."""

    WARNING = "warning"
    REMINDER = "reminder"
    ROUND_UP = "round-up"
    CORRECTION = "correction"


class Found(StrEnum):
    """What the made-up findings are of: `mixed` takes all others in turn."""

    ADDRESSES = "addresses"
    HOSTS = "hosts"
    DOMAINS = "domains"
    PAGES = "pages"
    MAILBOXES = "mailboxes"
    ACCOUNTS = "accounts"
    MIXED = "mixed"


class Closed(StrEnum):
    """Why the threat had been closed that was seen again."""

    FIXED = "fixed"
    FALSE_POSITIVE = "false-positive"
    NOT_SEEN_AGAIN = "not-seen-again"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to look at. What is None or empty is made up as it is most often.

    `others` are the further incidents of a round-up. `again` and `mails` are a reminder's, or those of a round-up that
    reminds; `in_part` and `perhaps_told` a correction's; `handed_over_because` and `organisations` a team's. The first
    `reopened_findings` had been closed. `evidence` says in turn how it is known whose they are.
    """

    incident: str
    mail: SampleMail = SampleMail.WARNING
    kind: RecipientKind = RecipientKind.ORGANISATION
    language: Language = Language.DUTCH
    severity: Severity | None = None
    findings: int = 1
    found: Found | None = None
    is_first: bool = False
    is_test: bool = False
    others: tuple[str, ...] = ()
    again: Again | None = None
    mails: int | None = None
    in_part: bool = False
    perhaps_told: bool = False
    handed_over_because: str = ""
    organisations: int | None = None
    reopened: Closed | None = None
    reopened_findings: int | None = None
    evidence: tuple[str, ...] = ()
    grade: str = "B2"
    seen_once: bool = False
    advice_language: Language | None = None

    @property
    def is_reminder(self) -> bool:
        """Whether it tells of nothing new; what a round-up tells can be old as well."""
        in_round_up = self.mail is SampleMail.ROUND_UP and (self.again is not None or self.mails is not None)
        return self.mail is SampleMail.REMINDER or in_round_up

    def severity_of(self, incident: IncidentChanged) -> Severity:
        """That of the incident, unless another is wanted; a round-up has what is of low severity."""
        if self.severity is not None:
            return self.severity
        is_low = incident.severity in ROUNDED_UP or self.mail is not SampleMail.ROUND_UP
        return incident.severity if is_low else Severity.LOW

    def found_in(self, incident: IncidentChanged) -> Found:
        """What is wanted, or what such an incident is about."""
        return self.found or (Found.ACCOUNTS if incident.category == DATA_LEAK else Found.ADDRESSES)


class Misfit(msgspec.Struct, frozen=True):
    """Something wanted that no such mail has: which, and what would fit."""

    option: str
    message: str


def misfits(wish: Wish, incidents: Mapping[str, IncidentChanged], *, sources: Collection[str]) -> list[Misfit]:
    """All that does not go together. `incidents` are the known ones of the wish, `sources` those of evidence."""
    return [
        *_of_another_mail(wish),
        *_of_another_recipient(wish),
        *_in_the_round_up(wish, incidents),
        *_in_the_findings(wish),
        *_in_the_words(wish, incidents, sources),
    ]


def _of_another_mail(wish: Wish) -> Iterator[Misfit]:
    reminding = (SampleMail.REMINDER, SampleMail.ROUND_UP)
    belongs = {
        "again": (wish.again is not None, reminding),
        "mails": (wish.mails is not None, reminding),
        "others": (bool(wish.others), (SampleMail.ROUND_UP,)),
        "in_part": (wish.in_part, (SampleMail.CORRECTION,)),
        "perhaps_told": (wish.perhaps_told, (SampleMail.CORRECTION,)),
    }
    for option, (is_wanted, mails) in belongs.items():
        if is_wanted and wish.mail not in mails:
            yield Misfit(option, f"It belongs to a {' or a '.join(mails)}, not to a {wish.mail}.")
    if wish.is_first and (wish.is_reminder or wish.mail is SampleMail.CORRECTION):
        yield Misfit("first", "Who is reminded or corrected has had mail from us: it fits a warning, or new things.")


def _of_another_recipient(wish: Wish) -> Iterator[Misfit]:
    is_team = wish.kind is RecipientKind.NATIONAL_CERT
    teams_own = {"handed_over_because": bool(wish.handed_over_because), "organisations": wish.organisations is not None}
    for option, is_wanted in teams_own.items():
        if is_wanted and not is_team:
            yield Misfit(option, f"It belongs to a hand-over: it fits the kind {RecipientKind.NATIONAL_CERT}.")
    if is_team and wish.mail is SampleMail.ROUND_UP:
        fitting = ", ".join(kind for kind in RecipientKind if kind is not RecipientKind.NATIONAL_CERT)
        yield Misfit("kind", f"What is handed over goes at once; a round-up fits the kinds {fitting}.")


def _in_the_round_up(wish: Wish, incidents: Mapping[str, IncidentChanged]) -> Iterator[Misfit]:
    if wish.mail is not SampleMail.ROUND_UP:
        return
    if not wish.others:
        yield Misfit("others", "A round-up is about several incidents: name at least one other.")
    if len({wish.incident, *wish.others}) <= len(wish.others):
        yield Misfit("others", "Each incident is in a round-up once: name others.")
    if unknown := [slug for slug in wish.others if slug not in incidents]:
        yield Misfit("others", f"There is no incident {', '.join(unknown)}.")
    if wish.severity is not None and wish.severity not in ROUNDED_UP:
        yield Misfit("severity", f"A round-up has what is {' or '.join(ROUNDED_UP)}.")


def _in_the_findings(wish: Wish) -> Iterator[Misfit]:
    if wish.reopened_findings is None:
        return
    if wish.reopened is None:
        yield Misfit("reopened_findings", f"Say why they had been closed: `reopened` is {', '.join(Closed)}.")
    if wish.reopened_findings > wish.findings:
        yield Misfit("reopened_findings", f"There are not so many: at most {wish.findings}, or more `findings`.")


def _in_the_words(wish: Wish, incidents: Mapping[str, IncidentChanged], sources: Collection[str]) -> Iterator[Misfit]:
    if unknown := [source for source in wish.evidence if source not in sources]:
        yield Misfit("evidence", f"There are no words for {', '.join(unknown)}; there are for {', '.join(sources)}.")
    lacking = [slug for slug, each in incidents.items() if wish.advice_language not in (None, *each.advisory)]
    for slug in lacking:
        languages = ", ".join(incidents[slug].advisory) or "no language"
        yield Misfit("advice_language", f"There is advice about {slug} in {languages}.")

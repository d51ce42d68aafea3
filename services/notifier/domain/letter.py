"""What a mail says, before it has a shape: words, values and findings, in the recipient's language."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from libs.common.contracts import Advisory, IncidentChanged
from libs.common.errors import Permanent
from libs.common.text import plain
from libs.common.vocabulary import Language, RecipientKind, Severity
from services.notifier.domain.findings import Finding, findings_of, spreadsheet_of
from services.notifier.domain.notification import Consignment, Notification
from services.notifier.domain.words import KindWords, Words

FINDINGS_IN_MAIL = 10
NAME_CHARACTERS = 70
TITLE_CHARACTERS = 120


class House(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends: the same in every mail, so that people come to know it."""

    name: str
    from_address: str
    desk_address: str
    envelope_sender: str
    public_url: str

    @property
    def verify_address(self) -> str:
        """What a recipient types to see whether a mail is ours."""
        return self.public_url.partition("://")[2] + "/verify"

    @property
    def mail_domain(self) -> str:
        return self.from_address.rpartition("@")[2]


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets in a mail's links: one that names nobody, for the rating; one that names the notification."""

    rating: str
    recipient: str


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One mail's content. Templates put it in its place and add no word of their own.

    `findings` are the first ten; `spreadsheet` holds them all, when there are more. `sources_in_words` and `because`
    say what holds for any of them, each once. One place may have several findings. `test_notice` stands first in what a
    partner tries out, and is empty in all other mails. `again` stands at the top where all findings came back and the
    same is to be said of each; otherwise each has its own.
    """

    notification: Notification
    words: Words
    kind: KindWords
    values: Mapping[str, str]
    subject: str
    urgency: str
    advisory: Advisory
    findings: Sequence[Finding]
    places_total: int
    sources_in_words: Sequence[str]
    because: Sequence[str]
    page_url: str
    rating_url: str
    unsubscribe_url: str
    spreadsheet: bytes | None
    test_notice: str = ""
    again: str = ""

    @property
    def language(self) -> Language:
        return self.notification.recipient.language

    @property
    def recipient_kind(self) -> RecipientKind:
        return self.notification.recipient.kind

    @property
    def answers(self) -> Notification | None:
        """The mail that this one belongs to: a warning stands alone."""
        return None

    @property
    def spreadsheet_name(self) -> str:
        return self.say(self.words.phrases.attachment_name)

    def say(self, sentence: str) -> str:
        """A sentence with its values filled in. They are plain text still: whoever prints them has to escape them."""
        return sentence.format_map(self.values)


def letter_of(consignment: Consignment, *, words: Words, house: House, tokens: Tokens) -> Letter:
    """Write the letter. Values from partners, registries and recipients come out as plain, defanged, bounded text."""
    notification = consignment.notification
    kind = words.kinds[notification.recipient.kind]
    advisory = advisory_in(consignment.incident, notification.recipient.language)
    findings = findings_of(consignment.targets, words)
    values = _values(notification, findings=findings, advisory=advisory, words=words, house=house)
    subject = (kind.subject_urgent if notification.severity is Severity.CRITICAL else kind.subject).format_map(values)
    return Letter(
        notification=notification,
        words=words,
        kind=kind,
        values=values,
        subject=words.phrases.test_subject.format(subject=subject) if notification.is_test else subject,
        urgency=words.urgency[notification.severity],
        advisory=advisory,
        findings=findings[:FINDINGS_IN_MAIL],
        places_total=places_of(findings),
        sources_in_words=_distinct(finding.source for finding in findings),
        because=_distinct(reason for finding in findings for reason in finding.because),
        page_url=f"{house.public_url}/r/{tokens.recipient}",
        rating_url=f"{house.public_url}/f/{tokens.rating}",
        unsubscribe_url=f"{house.public_url}/u/{tokens.recipient}",
        spreadsheet=spreadsheet_of(findings, words) if len(findings) > FINDINGS_IN_MAIL else None,
        test_notice=kind.test_notice.format_map(values) if notification.is_test else "",
        again=_shared({finding.again for finding in findings}),
    )


def advisory_in(incident: IncidentChanged, language: Language) -> Advisory:
    """The advisory in this language, or in English, or in any that there is: a foreign word is better than none.

    Raises `Permanent` where there is none at all.
    """
    for wanted in (language, Language.ENGLISH, *incident.advisory):
        if (advisory := incident.advisory.get(wanted)) is not None:
            return advisory
    raise Permanent(f"incident {incident.slug} has no advisory in any language")


def _values(
    notification: Notification, *, findings: Sequence[Finding], advisory: Advisory, words: Words, house: House
) -> dict[str, str]:
    title = plain(advisory.title, TITLE_CHARACTERS)
    places = places_of(findings)
    recipient = notification.recipient
    name = words.kinds[recipient.kind].stand_in if notification.is_test else recipient.name
    return {
        "name": plain(name, NAME_CHARACTERS),
        "partner": recipient.test_of or "",
        "title": title,
        "title_lowered": words.lowered_start(title),
        "incident": notification.incident,
        "reference": notification.reference,
        "first_act": advisory.act[0] if advisory.act else "",
        "where": findings[0].where if findings else "",
        "count": str(len(findings)),
        "places": str(places),
        "addresses": words.addresses.for_count(places).format(count=places),
        "rest": str(max(0, len(findings) - FINDINGS_IN_MAIL)),
        "last_seen": words.at(max(finding.last_seen_at for finding in findings)) if findings else "",
        "sender": house.name,
        "from_address": house.from_address,
        "desk_address": house.desk_address,
        "verify_address": house.verify_address,
    }


def places_of(findings: Sequence[Finding]) -> int:
    """In how many places something was found."""
    return len({finding.where for finding in findings})


def _shared(sentences: set[str]) -> str:
    """What is said of all findings; empty where there is more than one thing to say."""
    return next(iter(sentences)) if len(sentences) == 1 else ""


def _distinct(sentences: Iterable[str]) -> list[str]:
    """Each sentence once, as first met; as many as a reader will read."""
    return list(dict.fromkeys(sentences))[:FINDINGS_IN_MAIL]

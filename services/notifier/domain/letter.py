"""What a mail says, before it has a shape: words, values and findings, in the recipient's language."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from libs.common.contracts import Advisory, IncidentChanged
from libs.common.errors import Permanent
from libs.common.languages import CUSTOMS
from libs.common.text import plain
from libs.common.vocabulary import Language, RecipientKind, Severity, Tlp
from services.notifier.domain.attachments.attachment import ROOM_BYTES, Attachment
from services.notifier.domain.attachments.enclosed import enclosed_in
from services.notifier.domain.findings import FINDINGS_IN_MAIL, Finding, findings_of, hand_over_told, tlp_of
from services.notifier.domain.house import House
from services.notifier.domain.notification import Consignment, Notification
from services.notifier.domain.words import KindWords, Words

NAME_CHARACTERS = 70
TITLE_CHARACTERS = 120


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets in a mail's links: one that names nobody, for the rating; one that names the notification."""

    rating: str
    recipient: str


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One mail's content. Templates put it in its place and add no word of their own.

    `findings` are the first ten; where there are more, one of the `attachments` holds them all. `attached` says in a
    sentence what there is for machines. `facts` stand first in a hand-over, and nowhere else, with a label each; where
    several organisations are concerned, each finding names its own.
    `sources_in_words` and `because` say what holds for any of them, each once. One place may have several findings.
    `test_notice` stands first in what a partner tries out, and is empty in all other mails. `again` stands at the top
    where all findings came back and the same is to be said of each; otherwise each has its own. So it is with how sure
    we are and why it is theirs: `is_same_for_all`. `introduction` is there in the first mail to a recipient, and
    `advice_language` where there is no advice in theirs, with a `notice_of_language` that says so. A `reminder` says
    first that it is one, and belongs to the first mail about the same, which it `answers`.
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
    attachments: Sequence[Attachment]
    is_in_part: bool
    attached: str
    facts: Sequence[tuple[str, str]] = ()
    concerned_total: int = 0
    is_same_for_all: bool = True
    advice_language: Language
    notice_of_language: str = ""
    introduction: str = ""
    test_notice: str = ""
    again: str = ""
    reminder: str = ""
    answers: Notification | None = None

    @property
    def language(self) -> Language:
        return self.notification.recipient.language

    @property
    def recipient_kind(self) -> RecipientKind:
        return self.notification.recipient.kind

    def say(self, sentence: str) -> str:
        """A sentence with its values filled in. They are plain text still: whoever prints them has to escape them."""
        return sentence.format_map(self.values)


def letter_of(
    consignment: Consignment,
    *,
    words: Words,
    house: House,
    tokens: Tokens,
    room: int = ROOM_BYTES,
    is_full: bool = False,
) -> Letter:
    """Write the letter. Values from partners, registries and recipients come out as plain, defanged, bounded text.

    `room`: how large its files may be together. `is_full`: it tells of as much as one mail may, so there may be more.
    """
    notification = consignment.notification
    kind = words.kinds[notification.recipient.kind]
    language = notification.recipient.language
    advisory, advice_language = advisory_in(consignment.incident, language)
    findings = findings_of(consignment.targets, words)
    values = _values(consignment, findings=findings, advisory=advisory, words=words, house=house)
    concerned = sorted({finding.concerns for finding in findings} - {""})
    enclosed = enclosed_in(notification, findings, words=words, house=house, room=room)
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
        rating_url=f"{house.public_url}/f/{tokens.rating}" if asks_for_rating(notification) else "",
        unsubscribe_url=f"{house.public_url}/u/{tokens.recipient}",
        attachments=enclosed.attachments,
        is_in_part=len(findings) > FINDINGS_IN_MAIL,
        attached=" ".join(filter(None, (enclosed.sentence, words.phrases.full if is_full else ""))),
        facts=_facts(consignment, concerned, words=words, values=values),
        concerned_total=len(concerned),
        is_same_for_all=len({(finding.source, finding.because) for finding in findings}) <= 1,
        advice_language=advice_language,
        notice_of_language="" if advice_language == language else _notice_of(advice_language, words),
        introduction=kind.introduction.format_map(values) if notification.is_first_to_recipient else "",
        test_notice=kind.test_notice.format_map(values) if notification.is_test else "",
        again=_shared({finding.again for finding in findings}),
    )


def _notice_of(language: Language, words: Words) -> str:
    return words.phrases.advice_in_other_language.format(language=CUSTOMS[language].name)


def advisory_in(incident: IncidentChanged, language: Language) -> tuple[Advisory, Language]:
    """The advisory in this language, or in English, or in any that there is: a foreign word is better than none.

    Raises `Permanent` where there is none at all.
    """
    for wanted in (language, Language.ENGLISH, *incident.advisory):
        if (advisory := incident.advisory.get(wanted)) is not None:
            return advisory, wanted
    raise Permanent(f"incident {incident.slug} has no advisory in any language")


def _values(
    consignment: Consignment, *, findings: Sequence[Finding], advisory: Advisory, words: Words, house: House
) -> dict[str, str]:
    notification = consignment.notification
    title = plain(advisory.title, TITLE_CHARACTERS)
    places = places_of(findings)
    recipient = notification.recipient
    name = words.kinds[recipient.kind].stand_in if notification.is_test else recipient.name
    return {
        "name": plain(name, NAME_CHARACTERS),
        "partner": recipient.test_of or "",
        "title": title,
        "title_lowered": words.lowered_start(title),
        "urgency": words.urgency_in_subject[notification.severity],
        "incident": notification.incident,
        "reference": notification.reference,
        "first_act": advisory.act[0] if advisory.act else "",
        "where": findings[0].where if findings else "",
        "count": str(len(findings)),
        "places": str(places),
        "addresses": words.addresses.for_count(places).format(count=places),
        "rest": str(max(0, len(findings) - FINDINGS_IN_MAIL)),
        "tlp": tlp_of_all(findings).value.upper(),
        "last_seen": words.at(max(finding.last_seen_at for finding in findings)) if findings else "",
        "sender": house.name,
        "from_address": house.from_address,
        "desk_address": house.desk_address,
        "verify_address": house.verify_address,
    }


def tlp_of_all(findings: Sequence[Finding]) -> Tlp:
    """The strictest that holds for any of them."""
    return max(map(tlp_of, findings), key=list(Tlp).index, default=Tlp.AMBER)


def asks_for_rating(notification: Notification) -> bool:
    """A team is asked nothing: it gets many hand-overs, and tells us on their pages what is wrong with them."""
    return notification.recipient.kind is not RecipientKind.NATIONAL_CERT


def _facts(
    consignment: Consignment, concerned: Sequence[str], *, words: Words, values: Mapping[str, str]
) -> Sequence[tuple[str, str]]:
    """Of a hand-over: whom it concerns, why it goes to this team, and with whom that may share it."""
    if consignment.notification.recipient.kind is not RecipientKind.NATIONAL_CERT:
        return ()
    names = {0: words.facts.unknown, 1: "".join(concerned[:1])}
    several = words.facts.several.format(count=len(concerned))
    return (
        (words.facts.concerns, names.get(len(concerned), several)),
        *((words.facts.reason, sentence) for sentence in _reasons(consignment, words)),
        (words.facts.sharing, f"TLP:{values['tlp']}"),
    )


def _reasons(consignment: Consignment, words: Words) -> list[str]:
    """Why it goes to this team, each reason once."""
    told = {handed_over.reason for handed_over in map(hand_over_told, consignment.targets) if handed_over}
    return [
        words.handed_over.get(reason, words.handed_over["other"]).format(reason=plain(reason, NAME_CHARACTERS))
        for reason in sorted(told)
    ][:FINDINGS_IN_MAIL]


def places_of(findings: Sequence[Finding]) -> int:
    """In how many places something was found."""
    return len({finding.where for finding in findings})


def _shared(sentences: set[str]) -> str:
    """What is said of all findings; empty where there is more than one thing to say."""
    return next(iter(sentences)) if len(sentences) == 1 else ""


def _distinct(sentences: Iterable[str]) -> list[str]:
    """Each sentence once, as first met; as many as a reader will read."""
    return list(dict.fromkeys(sentences))[:FINDINGS_IN_MAIL]

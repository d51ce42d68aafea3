"""Mails as they leave: the notifier's own, about the widest assets that a record holds, with advice that we ship."""

import email
import email.policy
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import msgspec

from libs.common.contracts import Asset, HandOver, IncidentChanged, Product, Recipient, Reopened, TargetAttributed
from libs.common.ids import derived_id
from libs.common.links import Links
from libs.common.vocabulary import Language, NotificationKind, RecipientKind, Transport
from services.notifier.domain.corrections.letter import CorrectionLetter, correction_of
from services.notifier.domain.letter import Letter, Tokens, letter_of
from services.notifier.domain.message import mail_of
from services.notifier.domain.notification import Notification
from services.notifier.gateway.press import Press
from services.verifier.handlers.shipped import read_shipped
from tests.unit.notifier.builders import HOUSE, NOW, consignment, notification, recipient, target

PRESS = Press()
LINKS = Links(b"a key of sixteen or more characters")
FIXED = Reopened(closed_at=NOW - timedelta(days=20), reason="fixed")
ASSETS = (
    Asset(ip="192.0.2.14", port=445, transport=Transport.TCP),
    Asset(ip="2001:db8:1111:2222:3333:4444:5555:6666", port=65535, transport=Transport.UDP),
    Asset(ip="198.51.100.200", hostname="host-198-51-100-200.static.customers.of-a-provider-with-a-long-name.example"),
    Asset(domain="een-lange-domeinnaam-van-een-bakkerij-met-veel-filialen.example"),
    Asset(url="https://www.bakkerij-jansen.example/wp-content/uploads/2026/02/" + "abcdefghij" * 12 + "/index.php"),
    Asset(email="de.administratie.en.de.verkoop@bakkerij-jansen-en-dochters.example"),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that left, and the letter that it was."""

    letter: Letter
    text: str
    html: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Corrected:
    """A correction that left."""

    letter: CorrectionLetter
    text: str
    html: str
    content: bytes


def corrected(
    *, language: Language, kind: RecipientKind = RecipientKind.ORGANISATION, findings: int = 1, in_part: bool = False
) -> Corrected:
    """The correction of a mail that was wrong about so much."""
    to = recipient(name="Bakkerij Jansen & Dochters", kind=kind, language=language)
    original = notification(to=to, sent_at=NOW)
    about = msgspec.structs.replace(original, kind=NotificationKind.CORRECTION, corrects=original.id)
    wrong = [_found(number, incident="open-smb", to=to) for number in range(findings)]
    made = consignment(*wrong, about=about, of=catalogue()["open-smb"])
    letter = correction_of(
        msgspec.structs.replace(made, original=original, rest_holds=in_part),
        words=PRESS.correction_words(language),
        common=PRESS.words(language),
        house=HOUSE,
        tokens=_tokens(about),
    )
    content = mail_of(letter, PRESS.print_correction(letter), house=HOUSE, now=NOW).content
    text, html = _parts(content)
    return Corrected(letter=letter, text=text, html=html, content=content)


def sent(
    *,
    language: Language,
    kind: RecipientKind = RecipientKind.ORGANISATION,
    findings: int = 1,
    incident: str = "open-smb",
    came_back: int = 0,
    first: bool = False,
    without_advice_in: Language | None = None,
) -> Sent:
    """About so many findings, of which the first few had been fixed before; or the `first` that this recipient gets."""
    to = recipient(name="Bakkerij Jansen & Dochters", kind=kind, language=language)
    found = [_found(number, incident=incident, to=to) for number in range(findings)]
    found[:came_back] = [msgspec.structs.replace(each, reopened=FIXED) for each in found[:came_back]]
    about = msgspec.structs.replace(notification(to=to), incident=incident, is_first_to_recipient=first)
    campaign = catalogue()[incident]
    told = {language: text for language, text in campaign.advisory.items() if language is not without_advice_in}
    made = consignment(*found, about=about, of=msgspec.structs.replace(campaign, advisory=told))
    letter = letter_of(
        made,
        words=PRESS.words(language),
        house=HOUSE,
        tokens=_tokens(about),
    )
    content = mail_of(letter, PRESS.print(letter), house=HOUSE, now=NOW).content
    text, html = _parts(content)
    return Sent(letter=letter, text=text, html=html, content=content)


def _parts(content: bytes) -> tuple[str, str]:
    message = email.message_from_bytes(content, policy=email.policy.default)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


def _found(number: int, *, incident: str, to: Recipient) -> TargetAttributed:
    """The assets in turn; from the second round on, of other versions, so that each is a finding of its own.

    With the same ids in every run, so that a mail is the same.
    """
    found = target(asset=ASSETS[number % len(ASSETS)], to=to, incident=incident, hours_ago=1 + number % 5)
    product = Product(vendor="Voorbeeld", name="Kassa", version=f"4.{number}")
    return msgspec.structs.replace(
        found,
        target_id=derived_id("found", number),
        threat_id=derived_id("found-threat", number),
        indicator_id=derived_id("found-indicator", number),
        record=number + 1,
        indicator=msgspec.structs.replace(found.indicator, product=product),
        handed_over=_hand_over(number) if to.kind is RecipientKind.NATIONAL_CERT else None,
    )


def _hand_over(number: int) -> HandOver:
    organisation = "Stichting Ziekenhuisgroep Voorbeeldstad & Omstreken" if number % 2 else "Waterschap Voorbeeld"
    return HandOver(reason="vital-organisation", organisation=organisation)


def _tokens(about: Notification) -> Tokens:
    """As long as real ones."""
    return Tokens(
        rating=LINKS.rating_token(about.incident, bytes(range(12))), recipient=LINKS.recipient_token(about.id)
    )


@cache
def catalogue() -> dict[str, IncidentChanged]:
    """The incidents that come with a release, by slug."""
    return {
        incident.slug: IncidentChanged(
            slug=incident.slug,
            revision=1,
            category=incident.category,
            severity=incident.severity,
            state=incident.state,
            advisory=incident.advisory,
        )
        for incident in read_shipped()
    }

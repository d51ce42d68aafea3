"""Writes the mails: of a notification or several, of a correction, and those beside them."""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import wraps
from secrets import token_bytes
from typing import ParamSpec, assert_never
from uuid import UUID

import msgspec

from libs.common.errors import Permanent
from libs.common.links import NONCE_BYTES, Links
from libs.common.vocabulary import Language, NotificationKind
from services.notifier.domain.amount.reminding import as_reminder
from services.notifier.domain.amount.round_up import round_up_of
from services.notifier.domain.attachments.attachment import MAIL_BYTES, ROOM_BYTES, room_in
from services.notifier.domain.claims.letter import claim_letter_of
from services.notifier.domain.claims.message import claim_mail_of
from services.notifier.domain.corrections.letter import correction_of
from services.notifier.domain.digests.digest import (
    AnyRegistrationMail,
    AnySideMail,
    ClaimMail,
    Digest,
    RegistrationMail,
    RegistrationNews,
)
from services.notifier.domain.digests.letter import digest_letter_of
from services.notifier.domain.digests.message import digest_mail_of
from services.notifier.domain.house import House
from services.notifier.domain.letter import Letter, Tokens, letter_of
from services.notifier.domain.message import Mail, is_writable, mail_of
from services.notifier.domain.notification import Consignment, Notification
from services.notifier.domain.registrations.letters import confirm_letter_of, news_letter_of
from services.notifier.domain.registrations.message import registration_mail_of
from services.notifier.gateway.press import Press

P = ParamSpec("P")
TokensOf = Callable[[Notification], Tokens]

INERT = Tokens(rating="preview", recipient="preview")


def inert(_: Notification) -> Tokens:
    """Links in a preview lead nowhere: who may look at a mail may not answer in its recipient's name."""
    return INERT


def whole(write: Callable[P, Mail]) -> Callable[P, Mail]:
    """A mail is written in full or not at all: a word or a template that asks what is not there makes `Permanent`."""

    @wraps(write)
    def written(*args: P.args, **kwargs: P.kwargs) -> Mail:
        try:
            return write(*args, **kwargs)
        except (LookupError, ValueError) as error:
            raise Permanent(f"the words ask for what is not there: {error!r}") from error

    return written


class Scribe:
    """Writes mails: knows the house, its words and its keys.

    `return_address` is where bounces of a notification go; without one, all go to the house's envelope sender. No mail
    is larger than `mail_bytes`: files have as many findings as there is room for. One with `full_at` targets says that
    there may be another.
    """

    def __init__(
        self,
        *,
        house: House,
        press: Press,
        links: Links,
        return_address: Callable[[UUID], str] | None = None,
        mail_bytes: int = MAIL_BYTES,
        full_at: int | None = None,
    ) -> None:
        self._house = house
        self._press = press
        self._links = links
        self._return_address = return_address
        self._mail_bytes = mail_bytes
        self._full_at = full_at

    def sample_name(self, language: Language) -> str:
        """Who is written to in a sample."""
        return self._press.words(language).sample_name

    def evidence_sources(self, language: Language) -> Collection[str]:
        """Of which sources we can say how they know whose something is."""
        return self._press.words(language).evidence

    def write(self, consignment: Consignment, *, now: datetime, most_bytes: int | None = None) -> Mail:
        """Takes half a millisecond, and 20 µs for each target. Raises `Permanent` for what can't be written.

        `most_bytes`: of a mail that has to be smaller than others.
        """
        return self.compose(consignment, tokens=self._tokens, now=now, most_bytes=most_bytes)

    def _tokens(self, notification: Notification) -> Tokens:
        nonce = token_bytes(NONCE_BYTES)
        return Tokens(
            rating=self._links.rating_token(notification.incident, nonce, is_test=notification.is_test),
            recipient=self._links.recipient_token(notification.id),
        )

    def compose(
        self, consignment: Consignment, *, tokens: TokensOf, now: datetime, most_bytes: int | None = None
    ) -> Mail:
        """The mail with these tokens in its links, each notification's own. Raises `Permanent` as `write` does."""
        mail = self._compose(consignment, tokens=tokens, now=now, most_bytes=most_bytes)
        if self._return_address is None:
            return mail
        return msgspec.structs.replace(mail, sender=self._return_address(consignment.notification.id))

    @whole
    def _compose(
        self, consignment: Consignment, *, tokens: TokensOf, now: datetime, most_bytes: int | None = None
    ) -> Mail:
        recipient = consignment.notification.recipient
        if not is_writable(recipient.email):
            raise Permanent("the address can't be written to")
        if not consignment.targets:
            raise Permanent("nothing is left to tell of")
        again = consignment.notification.doubts > 0
        common = self._press.words(recipient.language)
        rooms = _rooms(consignment, min(self._mail_bytes, most_bytes or self._mail_bytes))
        if consignment.notification.kind is NotificationKind.CORRECTION:
            words = self._press.correction_words(recipient.language)
            own = tokens(consignment.notification)
            correction = correction_of(
                consignment, words=words, common=common, house=self._house, tokens=own, room=rooms[0]
            )
            printed = self._press.print_correction(correction)
            return mail_of(correction, printed, house=self._house, now=now, again=again)
        letter, *others = (
            self._letter(each, tokens=tokens(each.notification), room=room)
            for each, room in zip(consignment.parts, rooms, strict=True)
        )
        if not others:
            return mail_of(letter, self._press.print(letter), house=self._house, now=now, again=again)
        round_up = round_up_of([letter, *others], words=self._press.amount_words(recipient.language), common=common)
        return mail_of(round_up, self._press.print_round_up(round_up), house=self._house, now=now, again=again)

    def _letter(self, consignment: Consignment, *, tokens: Tokens, room: int = ROOM_BYTES) -> Letter:
        language = consignment.notification.recipient.language
        common, words = self._press.words(language), self._press.amount_words(language)
        is_full = self._full_at is not None and len(consignment.targets) >= self._full_at
        letter = letter_of(consignment, words=common, house=self._house, tokens=tokens, room=room, is_full=is_full)
        return as_reminder(letter, consignment, words=words.reminder, common=common)

    def write_sample(self, consignment: Consignment, *, now: datetime) -> Mail:
        """One whose links lead nowhere, and whose bounces are nobody's notification's."""
        return self._compose(consignment, tokens=inert, now=now)

    def write_beside(self, mail: AnySideMail, *, now: datetime) -> Mail:
        """One that is no notification. Raises `Permanent` for what can't be written."""
        match mail:
            case Digest():
                return self.write_digest(mail, now=now)
            case ClaimMail():
                return self.write_claim(mail, now=now)
            case RegistrationMail() | RegistrationNews():
                token = self._links.registration_token(mail.registration_id)
                return self.write_registration(mail, token=token, now=now)
            case _ as never:
                assert_never(never)

    def write_sample_beside(self, mail: AnySideMail, *, now: datetime) -> Mail:
        """The same, with a link that leads nowhere. Raises `Permanent` as `write_beside` does."""
        if isinstance(mail, RegistrationMail | RegistrationNews):
            return self.write_registration(mail, token=INERT.recipient, now=now)
        return self.write_beside(mail, now=now)

    @whole
    def write_registration(self, mail: AnyRegistrationMail, *, token: str, now: datetime) -> Mail:
        """What an organisation that registers by itself is asked or told, with this token in its link."""
        if not is_writable(mail.email):
            raise Permanent("the address can't be written to")
        house, url = self._house, f"{self._house.public_url}/register/{token}"
        language = mail.asked.language if isinstance(mail, RegistrationMail) else mail.followed.language
        words, common = self._press.registration_words(language), self._press.words(language)
        again = mail.doubts > 0
        if isinstance(mail, RegistrationMail):
            asked = confirm_letter_of(mail.asked, url=url, words=words, common=common, house=house)
            printed = self._press.print_confirmation(asked)
            return registration_mail_of(mail, asked, printed, house=house, now=now, again=again)
        told = news_letter_of(mail.followed, url=url, words=words, common=common, house=house)
        printed = self._press.print_registration_news(told)
        return registration_mail_of(mail, told, printed, house=house, now=now, again=again)

    @whole
    def write_claim(self, mail: ClaimMail, *, now: datetime) -> Mail:
        """What a registry's contact reads of a claim. Raises `Permanent` for what can't be written."""
        claim = mail.claim
        if not is_writable(claim.email):
            raise Permanent("the address can't be written to")
        words, common = self._press.claim_words(claim.language), self._press.words(claim.language)
        letter = claim_letter_of(claim, words=words, common=common, house=self._house)
        printed = self._press.print_claim(letter)
        return claim_mail_of(mail, letter, printed, house=self._house, now=now, again=mail.doubts > 0)

    @whole
    def write_digest(self, digest: Digest, *, now: datetime) -> Mail:
        """The mail of a digest. Raises `Permanent` for what can't be written."""
        due = digest.due
        if not is_writable(due.email):
            raise Permanent("the address can't be written to")
        words, common = self._press.digest_words(due.language), self._press.words(due.language)
        letter = digest_letter_of(due, words=words, common=common, house=self._house)
        printed = self._press.print_digest(letter)
        return digest_mail_of(digest, letter, printed, house=self._house, now=now, again=digest.doubts > 0)


def _rooms(consignment: Consignment, mail_bytes: int) -> list[int]:
    """For the files of each notification in a mail: a share by how much it tells."""
    parts = consignment.parts
    is_encrypted = any(part.notification.recipient.encryption is not None for part in parts)
    room = room_in(mail_bytes, letters=len(parts), is_encrypted=is_encrypted)
    total = sum(len(part.targets) for part in parts)
    return [room * len(part.targets) // max(1, total) for part in parts]

"""A side mail, and a digest, as a mail. Its headers say that it is none of the notifications."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from libs.common.vocabulary import Language
from services.notifier.domain.digests.digest import Digest, SideMail
from services.notifier.domain.digests.letter import DigestLetter
from services.notifier.domain.house import House
from services.notifier.domain.message import Cover, Mail, Printed, both_forms, put_in_envelope

Headers = Sequence[tuple[str, str]]


def digest_mail_of(
    digest: Digest, letter: DigestLetter, printed: Printed, *, house: House, now: datetime, again: bool = False
) -> Mail:
    """Put the letter in its envelope. `again` marks a mail whose first copy may have arrived."""
    cover = Cover(name=digest.due.name, email=digest.due.email, subject=letter.subject, answers_to=house.desk_address)
    own = _declarations(digest, house)
    return side_mail_of(digest, cover, printed, house=house, now=now, own=own, language=letter.language, again=again)


def _declarations(digest: Digest, house: House) -> Headers:
    """`List-Unsubscribe` has no address for one click: that would silence what else we write to this mailbox."""
    stop = f"<mailto:{house.desk_address}?subject=unsubscribe%20digest%20{digest.due.partner}>"
    return (
        ("List-Id", f"<digests.{house.mail_domain}>"),
        ("List-Unsubscribe", stop),
        ("X-Tocsin-Digest", str(digest.id)),
    )


def side_mail_of(
    mail: SideMail,
    cover: Cover,
    printed: Printed,
    *,
    house: House,
    now: datetime,
    own: Headers,
    language: Language,
    again: bool,
) -> Mail:
    """Put what was printed in its envelope, with the headers of every side mail and its `own`."""
    return put_in_envelope(
        cover,
        house=house,
        now=now,
        declarations=_all_declarations(mail, house, own, language, again),
        body=both_forms(printed, mark=mail.id.hex),
    )


def _all_declarations(
    mail: SideMail, house: House, own: Headers, language: Language, again: bool
) -> Iterator[tuple[str, str]]:
    yield "Message-ID", f"<{mail.id}@{house.mail_domain}>"
    yield "Auto-Submitted", "auto-generated"
    yield from own
    yield "Content-Language", language
    if again:
        yield "X-Tocsin-Resend", "in-doubt"
    yield "MIME-Version", "1.0"

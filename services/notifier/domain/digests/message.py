"""A digest as a mail. Its headers say that it is none of the notifications, and where to stop it."""

from collections.abc import Iterator
from datetime import datetime

from services.notifier.domain.digests.digest import Digest
from services.notifier.domain.digests.letter import DigestLetter
from services.notifier.domain.house import House
from services.notifier.domain.message import Cover, Mail, Printed, both_forms, put_in_envelope


def digest_mail_of(
    digest: Digest, letter: DigestLetter, printed: Printed, *, house: House, now: datetime, again: bool = False
) -> Mail:
    """Put the letter in its envelope. `again` marks a mail whose first copy may have arrived."""
    cover = Cover(name=digest.due.name, email=digest.due.email, subject=letter.subject, answers_to=house.desk_address)
    return put_in_envelope(
        cover,
        house=house,
        now=now,
        declarations=_declarations(digest, letter, house, again),
        body=both_forms(printed, mark=digest.id.hex),
    )


def _declarations(digest: Digest, letter: DigestLetter, house: House, again: bool) -> Iterator[tuple[str, str]]:
    """`List-Unsubscribe` has no address for one click: that would silence what else we write to this mailbox."""
    yield "Message-ID", f"<{digest.id}@{house.mail_domain}>"
    yield "Auto-Submitted", "auto-generated"
    yield "List-Id", f"<digests.{house.mail_domain}>"
    yield "List-Unsubscribe", f"<mailto:{house.desk_address}?subject=unsubscribe%20digest%20{digest.due.partner}>"
    yield "X-Tocsin-Digest", str(digest.id)
    yield "Content-Language", letter.language
    if again:
        yield "X-Tocsin-Resend", "in-doubt"
    yield "MIME-Version", "1.0"

"""A claim as a mail. Its headers say that it is none of the notifications."""

from collections.abc import Iterator
from datetime import datetime

from services.notifier.domain.claims.letter import ClaimLetter
from services.notifier.domain.digests.digest import ClaimMail
from services.notifier.domain.house import House
from services.notifier.domain.message import Cover, Mail, Printed, both_forms, put_in_envelope


def claim_mail_of(
    mail: ClaimMail, letter: ClaimLetter, printed: Printed, *, house: House, now: datetime, again: bool = False
) -> Mail:
    """Put the letter in its envelope. `again` marks a mail whose first copy may have arrived."""
    email = mail.claim.email
    cover = Cover(name=email, email=email, subject=letter.subject, answers_to=house.desk_address)
    return put_in_envelope(
        cover,
        house=house,
        now=now,
        declarations=_declarations(mail, letter, house, again),
        body=both_forms(printed, mark=mail.id.hex),
    )


def _declarations(mail: ClaimMail, letter: ClaimLetter, house: House, again: bool) -> Iterator[tuple[str, str]]:
    """It is one question to one person, on no list: there is nothing to unsubscribe from."""
    yield "Message-ID", f"<{mail.id}@{house.mail_domain}>"
    yield "Auto-Submitted", "auto-generated"
    yield "X-Tocsin-Claim", str(mail.id)
    yield "Content-Language", letter.language
    if again:
        yield "X-Tocsin-Resend", "in-doubt"
    yield "MIME-Version", "1.0"

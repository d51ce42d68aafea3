"""A claim as a mail. Its headers say that it is none of the notifications."""

from datetime import datetime

from services.notifier.domain.claims.letter import ClaimLetter
from services.notifier.domain.digests.digest import ClaimMail
from services.notifier.domain.digests.message import side_mail_of
from services.notifier.domain.house import House
from services.notifier.domain.message import Cover, Mail, Printed


def claim_mail_of(
    mail: ClaimMail, letter: ClaimLetter, printed: Printed, *, house: House, now: datetime, again: bool = False
) -> Mail:
    """Put the letter in its envelope. `again` marks a mail whose first copy may have arrived.

    It is one question to one person, on no list: there is nothing to unsubscribe from.
    """
    email = mail.claim.email
    cover = Cover(name=email, email=email, subject=letter.subject, answers_to=house.desk_address)
    own = (("X-Tocsin-Claim", str(mail.id)),)
    return side_mail_of(mail, cover, printed, house=house, now=now, own=own, language=letter.language, again=again)

"""A registration's mails as mails. Their headers say that they are none of the notifications."""

from datetime import datetime

from services.notifier.domain.digests.digest import AnyRegistrationMail
from services.notifier.domain.digests.message import side_mail_of
from services.notifier.domain.house import House
from services.notifier.domain.message import Cover, Mail, Printed
from services.notifier.domain.registrations.letters import RegistrationLetter


def registration_mail_of(
    mail: AnyRegistrationMail,
    letter: RegistrationLetter,
    printed: Printed,
    *,
    house: House,
    now: datetime,
    again: bool = False,
) -> Mail:
    """Put the letter in its envelope. `again` marks a mail whose first copy may have arrived.

    It answers what its reader has asked for, and is on no list: who withdraws the registration gets no more.
    """
    cover = Cover(name=mail.email, email=mail.email, subject=letter.subject, answers_to=house.desk_address)
    own = (("X-Tocsin-Registration", str(mail.id)),)
    return side_mail_of(mail, cover, printed, house=house, now=now, own=own, language=letter.language, again=again)

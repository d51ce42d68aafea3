"""Mails as partners send them, and as their mail servers bring them."""

import smtplib
from email.message import EmailMessage

SENDER = "anybody@example.org"


def mail_with_table(content: bytes, *, file_name: str, message_id: str | None = None) -> EmailMessage:
    """A mail with a file of comma-separated text."""
    mail = EmailMessage()
    mail["From"], mail["Subject"] = SENDER, "Our report of today"
    if message_id is not None:
        mail["Message-ID"] = message_id
    mail.set_content("See the file.")
    mail.add_attachment(content, maintype="text", subtype="csv", filename=file_name)
    return mail


def brought(host: str, port: int, mail: bytes, *, recipient: str, seconds: float = 60.0) -> tuple[int, str]:
    """What the door for mail servers (LMTP) answers, to the recipient or else to the mail."""
    with smtplib.LMTP(host, port, timeout=seconds) as server:
        server.ehlo_or_helo_if_needed()
        server.mail(SENDER)
        code, text = server.rcpt(recipient)
        if code == 250:
            code, text = server.data(mail)
    return code, text.decode()

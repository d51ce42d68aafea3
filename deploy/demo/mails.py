"""The mails as their recipients find them: files in a Maildir, with links in their text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

_LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One file of the Maildir. `text` is its plain part."""

    path: Path
    recipient: str
    reference: str
    subject: str
    text: str

    def link(self, page: str) -> str:
        """The link to one of the public pages: `f` to rate the mail, `r` to answer it. Raises StopIteration."""
        return next(found[0] for found in _LINK.finditer(self.text) if f"/{page}/" in found[0])


def read_maildir(folder: Path) -> list[Mail]:
    """All mails, in the order in which they came."""
    return [_mail(path) for path in sorted((folder / "new").iterdir())]


def count_mails(folder: Path) -> int:
    return sum(1 for _ in (folder / "new").iterdir())


def mail_to(mails: Sequence[Mail], *, recipient: str, reference: str) -> Mail | None:
    return next((mail for mail in mails if (mail.recipient, mail.reference) == (recipient, reference)), None)


def _mail(path: Path) -> Mail:
    message = BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())
    body = message.get_body(("plain",))
    return Mail(
        path=path,
        recipient=str(message["Delivered-To"]),
        reference=str(message["X-Tocsin-Reference"]),
        subject=str(message["Subject"]),
        text=body.get_content() if body is not None else "",
    )

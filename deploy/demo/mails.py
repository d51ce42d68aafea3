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
    """One file of the Maildir. `text` is its plain part; `is_second` if it says that it may be a second copy.

    `attached` are the names of its files.
    """

    path: Path
    recipient: str
    reference: str
    subject: str
    text: str
    is_second: bool = False
    attached: tuple[str, ...] = ()

    @property
    def has_files_for_machines(self) -> bool:
        """A table and reports, as a hand-over has them."""
        return {name.partition("-")[0] for name in self.attached} >= {"findings", "xarf"}

    def link(self, page: str) -> str:
        """The link to one of the public pages: `f` to rate the mail, `r` to answer it. Raises StopIteration."""
        return next(found[0] for found in _LINK.finditer(self.text) if f"/{page}/" in found[0])


def read_maildir(folder: Path) -> list[Mail]:
    """All mails, in the order in which they came."""
    return [_mail(path) for path in sorted((folder / "new").iterdir())]


def without_second_copies(mails: Sequence[Mail]) -> tuple[list[Mail], list[Mail]]:
    """Each mail once, and apart from them those that say that they are second copies, if there is a first one."""
    first = {mail.reference for mail in mails if not mail.is_second}
    copies = [mail for mail in mails if mail.is_second and mail.reference in first]
    return [mail for mail in mails if mail not in copies], copies


def so_many_mails(number: int) -> str:
    return "one mail" if number == 1 else f"{number} mails"


def count_mails(folder: Path) -> int:
    """How many there are, each once."""
    return len(without_second_copies(read_maildir(folder))[0])


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
        is_second=message["X-Tocsin-Resend"] is not None,
        attached=tuple(part.get_filename() or "" for part in message.iter_attachments()),
    )

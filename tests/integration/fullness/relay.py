"""A mail relay that can be slow: it takes its time over each mail, and then keeps it."""

import asyncio

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.mail_sink import Maildir, MailSink


class SlowRelay(MailSink):
    """aiosmtpd's handler. `delay_seconds` may change at any time; `waiting` counts mails that wait for their answer."""

    def __init__(self, maildir: Maildir) -> None:
        super().__init__(maildir)
        self.delay_seconds = 0.0
        self.waiting = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        self.waiting += 1
        await asyncio.sleep(self.delay_seconds)
        self.waiting -= 1
        return await super().handle_DATA(server, session, envelope)


def controller_of(relay: SlowRelay, *, host: str, port: int) -> Controller:
    return Controller(relay, hostname=host, port=port, ready_timeout=30)

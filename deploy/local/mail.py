"""The mail sink as a part."""

import sys

from deploy.local.layout import HOST, PROJECT, Layout
from deploy.local.parts import Part
from deploy.local.reachability import accepts_connections


def prepare_mail(layout: Layout) -> Part:
    port = layout.port("mail")
    arguments = ("--host", HOST, "--port", str(port), "--maildir", str(layout.mail))
    return Part(
        name="mail",
        command=(sys.executable, "-m", "deploy.local.mail_sink", *arguments),
        folder=PROJECT,
        port=port,
        is_ready=lambda: accepts_connections(HOST, port),
    )

"""The mail sink as a part, or the relay that takes its place when it is to misbehave."""

import sys

from deploy.local.layout import HOST, PROJECT, Layout
from deploy.local.parts import Part
from deploy.local.reachability import accepts_connections


def prepare_mail(layout: Layout) -> Part:
    port = layout.port("mail")
    return Part(
        name="mail",
        command=(sys.executable, "-m", *_program(layout), "--port", str(port), "--maildir", str(layout.mail)),
        folder=PROJECT,
        port=port,
        is_ready=lambda: accepts_connections(HOST, port),
    )


def _program(layout: Layout) -> tuple[str, ...]:
    if layout.relay_faults:
        return ("deploy.doubles.relay", "--faults", layout.relay_faults, "--tally", str(layout.relay_tally))
    return ("deploy.local.mail_sink", "--host", HOST)

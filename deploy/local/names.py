"""The name server as a part, in which whoever tries the stack puts the records that prove a domain."""

import sys

from deploy.local.layout import HOST, NAMES, PROJECT, Layout
from deploy.local.parts import Part
from deploy.local.reachability import accepts_connections


def prepare_names(layout: Layout) -> Part:
    port = layout.port(NAMES)
    return Part(
        name=NAMES,
        command=(
            *(sys.executable, "-m", "deploy.local.name_server", "--host", HOST),
            *("--port", str(port), "--records", str(layout.records)),
        ),
        folder=PROJECT,
        port=port,
        is_ready=lambda: accepts_connections(HOST, port),
    )

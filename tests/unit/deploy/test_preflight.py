import os
import socket
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local import preflight as checks
from deploy.local.complaints import Complaint
from deploy.local.layout import Layout
from deploy.local.preflight import make_folders, preflight

SILENT = Console(quiet=True)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(home=tmp_path / "home", cache=tmp_path / "cache", services=(), external_kafka="127.0.0.1:1")


def test_folders_with_mails_and_payloads_are_closed_to_others(layout: Layout) -> None:
    make_folders(layout)

    assert [path.stat().st_mode & 0o077 for path in (layout.mail, layout.payloads, layout.logs)] == [0, 0, 0]


async def test_a_taken_port_is_named_with_who_has_it(layout: Layout) -> None:
    make_folders(layout)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        clash = Layout(
            home=layout.home, cache=layout.cache, services=(), port_base=port - 24, external_kafka="127.0.0.1:1"
        )

        with pytest.raises(Complaint, match=rf"Port {port} \(mail\) is taken by .*\(process {os.getpid()}\)"):
            await preflight(clash, console=SILENT)


async def test_a_full_disk_is_complained_of_before_anything_starts(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folders(layout)
    monkeypatch.setattr(checks, "NEEDED_BYTES", 2**80)

    with pytest.raises(Complaint, match="TOCSIN_HOME to a folder on another disk"):
        await preflight(layout, console=SILENT)


def test_a_folder_that_cannot_be_made_is_complained_of(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Complaint, match="Cannot write in"):
        make_folders(Layout(home=tmp_path / "file" / "home", cache=tmp_path))

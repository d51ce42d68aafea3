"""Where one more stack fits on this machine, though others look for room at the same moment."""

import os
import tempfile
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.complaints import Complaint


def test_nobody_is_given_the_ports_that_another_was_just_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ports, "LAST", ports.FIRST + 2 * ports.PORTS_OF_A_STACK)
    monkeypatch.setattr(ports, "is_free", lambda _: True)

    assert {ports.free_port_base(), ports.free_port_base()} == {ports.FIRST, ports.FIRST + ports.PORTS_OF_A_STACK}
    with pytest.raises(Complaint):
        ports.free_port_base()

    (claim,) = tmp_path.rglob(str(ports.FIRST))
    os.utime(claim, (0, 0))
    assert ports.free_port_base() == ports.FIRST, "whoever has not taken them by now does not come any more"

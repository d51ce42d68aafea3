"""The mail sink as a part, and the relay that takes its place."""

from dataclasses import replace
from pathlib import Path

from deploy.local.layout import Layout
from deploy.local.mail import prepare_mail


def test_mails_go_into_a_sink_unless_the_relay_is_to_misbehave(tmp_path: Path) -> None:
    calm = Layout.from_environment({"TOCSIN_HOME": str(tmp_path)})
    bad = Layout.from_environment({"TOCSIN_HOME": str(tmp_path), "TOCSIN_LOCAL_RELAY_FAULTS": "relay-dawdles:0.1"})

    programs = [prepare_mail(layout).command for layout in (calm, bad)]

    assert "deploy.local.mail_sink" in programs[0]
    assert "deploy.doubles.relay" in programs[1]
    assert programs[1][programs[1].index("--faults") + 1] == "relay-dawdles:0.1"


def test_whoever_takes_the_mails_takes_them_at_the_same_place(tmp_path: Path) -> None:
    calm = Layout.from_environment({"TOCSIN_HOME": str(tmp_path)})

    parts = [prepare_mail(layout) for layout in (calm, replace(calm, relay_faults="relay-dawdles:0.1"))]

    assert parts[0].port == parts[1].port
    assert all(str(calm.mail) in part.command for part in parts)

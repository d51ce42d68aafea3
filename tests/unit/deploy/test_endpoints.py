from datetime import UTC, datetime
from pathlib import Path

from deploy.local.endpoints import endpoints_of, read_endpoints
from deploy.local.keys import Keys
from deploy.local.layout import SERVICES, Layout


def test_the_file_names_every_endpoint_and_is_closed_to_others(tmp_path: Path) -> None:
    layout = Layout(home=tmp_path, cache=tmp_path)
    keys = Keys(layout.secrets)

    endpoints_of(layout, services=SERVICES, keys=keys, now=datetime.now(UTC)).write(layout)

    content = read_endpoints(layout)
    assert content
    others = {
        "replicas",
        "intake_lmtp",
        "feedback_lmtp",
        "kafka",
        "postgres",
        "admin_token",
        "partner_key",
        "mail_dir",
        "log_dir",
    }
    assert set(content) == {*SERVICES, *others}
    assert content["verifier"] == "http://127.0.0.1:8102"
    assert layout.endpoints.stat().st_mode & 0o777 == 0o600


def test_every_replica_is_named_and_the_first_is_the_service_itself(tmp_path: Path) -> None:
    layout = Layout(home=tmp_path, cache=tmp_path, replicas=2)

    endpoints = endpoints_of(layout, services=("intake",), keys=Keys(layout.secrets), now=datetime.now(UTC))
    endpoints.write(layout)

    content = read_endpoints(layout)
    assert content
    assert content["intake"] == "http://127.0.0.1:8101"
    assert content["replicas"] == [
        {"service": "intake", "name": "intake", "url": "http://127.0.0.1:8101"},
        {"service": "intake", "name": "intake-2", "url": "http://127.0.0.1:8131"},
    ]


def test_without_a_ready_stack_there_are_no_endpoints(tmp_path: Path) -> None:
    assert read_endpoints(Layout(home=tmp_path, cache=tmp_path)) is None

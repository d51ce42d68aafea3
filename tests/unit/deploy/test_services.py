from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.keys import Keys
from deploy.local.layout import SERVICES, Layout
from deploy.local.services import service_environment


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(home=tmp_path, cache=tmp_path, port_base=9100)


@pytest.fixture
def keys(layout: Layout) -> Keys:
    return Keys(layout.secrets)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_gets_a_database_a_port_and_the_broker(service: str, layout: Layout, keys: Keys) -> None:
    told = service_environment(service, layout=layout, keys=keys, chosen={})

    prefix = f"TOCSIN_{service.upper()}_"
    assert told[f"{prefix}DATABASE_URL"].startswith(f"postgresql://{service}:")
    assert told[f"{prefix}DATABASE_URL"].endswith(f"@127.0.0.1:9122/{service}")
    assert told[f"{prefix}HTTP_PORT"] == str(layout.port(service))
    assert told[f"{prefix}KAFKA_BOOTSTRAP"] == "127.0.0.1:9120"


def test_replicas_differ_in_their_ports_alone(layout: Layout, keys: Keys) -> None:
    first, second = (
        service_environment("intake", layout=layout, keys=keys, replica=replica, chosen={}) for replica in (1, 2)
    )

    ports = {"TOCSIN_INTAKE_HTTP_PORT": "9131", "TOCSIN_INTAKE_LMTP_PORT": "9136"}
    assert second == first | ports
    assert not ports.items() & first.items()


def test_a_variable_of_the_users_own_wins(layout: Layout, keys: Keys) -> None:
    chosen = {"TOCSIN_NOTIFIER_SMTP_HOST": "relay.example", "TOCSIN_NOTIFIER_LINK_KEY_FILE": "/run/secrets/link"}

    told = service_environment("notifier", layout=layout, keys=keys, chosen=chosen)

    assert "TOCSIN_NOTIFIER_SMTP_HOST" not in told
    assert "TOCSIN_NOTIFIER_LINK_KEY" not in told
    assert told["TOCSIN_NOTIFIER_SMTP_PORT"] == "9124"


def test_what_is_set_for_one_stack_wins_over_all_else(layout: Layout, keys: Keys) -> None:
    name = "TOCSIN_NOTIFIER_SMTP_HOST"
    layout = replace(layout, settings={name: "relay-of-this-stack.example"})

    told = service_environment("notifier", layout=layout, keys=keys, chosen={name: "relay.example"})

    assert told[name] == "relay-of-this-stack.example"


def test_notifier_and_feedback_agree_on_links(layout: Layout, keys: Keys) -> None:
    notifier = service_environment("notifier", layout=layout, keys=keys, chosen={})
    feedback = service_environment("feedback", layout=layout, keys=keys, chosen={})

    assert notifier["TOCSIN_NOTIFIER_LINK_KEY"] == feedback["TOCSIN_FEEDBACK_LINK_KEY"]
    assert notifier["TOCSIN_NOTIFIER_PUBLIC_URL"] == "http://127.0.0.1:9105"


def test_an_external_server_keeps_its_address_and_each_service_its_role(tmp_path: Path) -> None:
    layout = Layout(
        home=tmp_path, cache=tmp_path, external_postgres="postgresql://root:secret@db.example:5433/postgres"
    )
    keys = Keys(layout.secrets)

    url = service_environment("intake", layout=layout, keys=keys, chosen={})["TOCSIN_INTAKE_DATABASE_URL"]

    assert url == f"postgresql://intake:{keys.database_password('intake')}@db.example:5433/intake"

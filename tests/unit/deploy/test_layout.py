from pathlib import Path

import pytest

from deploy.local.complaints import Complaint
from deploy.local.layout import PROJECT, SERVICES, Layout, replica_name, service_of
from deploy.local.ports import PORTS_OF_A_STACK


def test_a_stack_lives_in_the_checkout_and_on_the_documented_ports_unless_told_otherwise() -> None:
    layout = Layout.from_environment({})

    assert layout.home == PROJECT / ".local"
    assert layout.url("intake") == "http://127.0.0.1:8101"
    assert layout.url("feedback") == "http://127.0.0.1:8105"
    assert layout.kafka_bootstrap == "127.0.0.1:8120"
    assert layout.smtp == ("127.0.0.1", 8124)


def test_home_and_port_base_move_everything(tmp_path: Path) -> None:
    layout = Layout.from_environment({"TOCSIN_HOME": str(tmp_path / "a b"), "TOCSIN_PORT_BASE": "9100"})

    assert layout.mail == tmp_path / "a b" / "mail"
    assert layout.port("postgres") == 9122


def test_an_external_part_is_used_and_not_started() -> None:
    layout = Layout.from_environment({"TOCSIN_LOCAL_KAFKA_BOOTSTRAP": "kafka:9092", "TOCSIN_LOCAL_SMTP": "relay:25"})

    assert layout.kafka_bootstrap == "kafka:9092"
    assert layout.smtp == ("relay", 25)
    assert layout.own_parts == ("postgres", "names")


@pytest.mark.parametrize("port_base", ["x", "0", "-1", "65001", "8100.5"])
def test_a_port_base_that_is_no_port_is_complained_of(port_base: str) -> None:
    with pytest.raises(Complaint, match="TOCSIN_PORT_BASE"):
        Layout.from_environment({"TOCSIN_PORT_BASE": port_base})


@pytest.mark.parametrize("relay", ["relay", "relay:smtp", ":25"])
def test_a_relay_without_host_or_port_is_complained_of(relay: str) -> None:
    with pytest.raises(Complaint, match="host:port"):
        _ = Layout.from_environment({"TOCSIN_LOCAL_SMTP": relay}).smtp


def test_no_two_parts_of_the_largest_stack_share_a_port_and_all_stay_within_its_ports() -> None:
    layout = Layout.from_environment({"TOCSIN_LOCAL_REPLICAS": "8"})

    ports = [
        *layout.service_ports.values(),
        *layout.mail_doors.values(),
        *layout.return_doors.values(),
        *map(layout.port, ("console", *layout.own_parts)),
    ]

    assert len(layout.service_ports) == 8 * len(SERVICES)
    assert len(layout.mail_doors) == 8
    assert len(set(ports)) == len(ports)
    assert {port - layout.port_base for port in ports} <= set(range(PORTS_OF_A_STACK))


@pytest.mark.parametrize("replicas", ["0", "9", "two"])
def test_a_number_of_replicas_that_has_no_ports_is_complained_of(replicas: str) -> None:
    with pytest.raises(Complaint, match="TOCSIN_LOCAL_REPLICAS"):
        Layout.from_environment({"TOCSIN_LOCAL_REPLICAS": replicas})


def test_a_replica_says_whose_it_is() -> None:
    assert [replica_name("intake", number) for number in (1, 2)] == ["intake", "intake-2"]
    assert {service_of(replica_name("intake", number)) for number in (1, 2)} == {"intake"}
    assert service_of("postgres") == "postgres"


def test_services_can_be_chosen_by_name() -> None:
    assert Layout.from_environment({"TOCSIN_LOCAL_SERVICES": "intake, notifier"}).services == ("intake", "notifier")
    assert Layout.from_environment({"TOCSIN_LOCAL_SERVICES": "none"}).services == ()


def test_an_unknown_service_is_complained_of() -> None:
    with pytest.raises(Complaint, match="names intaek"):
        Layout.from_environment({"TOCSIN_LOCAL_SERVICES": "intaek"})

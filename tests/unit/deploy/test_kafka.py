from pathlib import Path
from uuid import UUID

from deploy.local.kafka import cluster_option, server_properties
from deploy.local.layout import Layout


def test_the_brokers_configuration_holds_no_path_that_could_break_it(tmp_path: Path) -> None:
    layout = Layout(home=tmp_path / "été, with space", cache=tmp_path, port_base=9100)

    lines = server_properties(layout).splitlines()

    assert "log.dirs=log" in lines
    assert not any("été" in line for line in lines)


def test_the_broker_listens_on_the_loopback_address_only(tmp_path: Path) -> None:
    lines = server_properties(Layout(home=tmp_path, cache=tmp_path, port_base=9100)).splitlines()

    assert "listeners=PLAINTEXT://127.0.0.1:9120,CONTROLLER://127.0.0.1:9121" in lines
    assert "auto.create.topics.enable=false" in lines


def test_a_cluster_id_that_begins_with_a_hyphen_is_no_option_of_its_own() -> None:
    assert cluster_option(UUID(int=0xF8 << 120)).startswith("--cluster-id=-")

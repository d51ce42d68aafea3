"""The topics between the services, made from the contracts."""

from contextlib import suppress

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, for_code

from deploy.local.complaints import Complaint
from deploy.local.reachability import accepts_connections
from libs.common.contracts import TOPICS

# The broker's clock counts, not the sender's: with a clock that is an hour ahead nothing could be sent, and what came
# from one that is a week behind would be deleted as too old before anybody has read it.
STAMPED = {"message.timestamp.type": "LogAppendTime"}

# Whoever starts later has to learn the last state of every incident and of every registered asset, so these topics keep
# the last word on each key.
COMPACTED = {name: {"cleanup.policy": "compact"} for name in ("asset-registered", "incident-changed")}


def wanted_topics(*, partitions: int) -> list[NewTopic]:
    """One topic for each contract and one for what its consumers could not process."""
    return [
        *(_topic(name, partitions=1 if name in COMPACTED else partitions) for name in TOPICS),
        *(_topic(f"{name}.dead-letter", partitions=1) for name in TOPICS),
    ]


async def broker_answers(bootstrap: str) -> bool:
    """Whether the broker takes requests: its port opens a while before that."""
    host, _, port = bootstrap.rpartition(":")
    if not await accepts_connections(host, int(port)):
        return False
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=1000)
    with suppress(KafkaError, OSError):
        try:
            await admin.start()
            return True
        finally:
            await admin.close()
    return False


async def create_topics(bootstrap: str, *, partitions: int) -> list[str]:
    """Create the topics that are missing; returns their names."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        present = set(await admin.list_topics())
        missing = [topic for topic in wanted_topics(partitions=partitions) if topic.name not in present]
        await _create(admin, missing)
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    if not topics:
        return
    answer = await admin.create_topics(topics)
    refused = [f"{name} ({message or for_code(code).__name__})" for name, code, message in answer.topic_errors if code]
    if refused:
        raise Complaint(f"Kafka did not create these topics: {', '.join(refused)}.")


def _topic(name: str, *, partitions: int) -> NewTopic:
    configs = STAMPED | COMPACTED.get(name, {})
    return NewTopic(name=name, num_partitions=partitions, replication_factor=1, topic_configs=configs)

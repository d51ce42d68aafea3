"""How far each service is behind in reading its topics."""

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient


async def lag_by_service(bootstrap: str, *, services: tuple[str, ...]) -> dict[str, int]:
    """Messages not yet read, by service; a service that never committed an offset is absent."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await admin.start()
    await reader.start()
    try:
        return {service: lag for service in services if (lag := await _lag(admin, reader, service)) is not None}
    finally:
        await reader.stop()
        await admin.close()


async def _lag(admin: AIOKafkaAdminClient, reader: AIOKafkaConsumer, service: str) -> int | None:
    committed = await admin.list_consumer_group_offsets(f"tocsin-{service}")
    if not committed:
        return None
    ends = await reader.end_offsets(list(committed))
    return sum(max(0, int(ends[partition]) - int(position.offset)) for partition, position in committed.items())

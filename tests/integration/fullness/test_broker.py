"""A broker that hangs, that takes no events, or that takes only small ones."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.local.layout import SERVICES
from libs.common.contracts import RawIndicator
from libs.common.contracts.attribution import TargetAttributed
from libs.common.contracts.notifier import NotificationSent
from libs.common.contracts.outcome import IndicatorSettled
from libs.common.contracts.verifier import ThreatVerified
from tests.integration.fullness.conftest import Ward, expected

REFUSED = {"message.timestamp.before.max.ms": "0"}
"""Every event is too old by the time it arrives: one of the reasons for which a broker says no while it is well."""

SMALL_BATCHES = {"max.message.bytes": "20000"}


async def configure(ward: Ward, topic: str, settings: Mapping[str, str]) -> None:
    """Everything that is not named goes back to the broker's default."""
    admin = AIOKafkaAdminClient(bootstrap_servers=ward.stack.endpoints.kafka)
    await admin.start()
    try:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict(settings))
        for answer in await admin.alter_configs([resource]):
            assert all(code == 0 for code, *_ in answer.resources)
    finally:
        await admin.close()


@contextmanager
def configured(ward: Ward, *topics: str, settings: Mapping[str, str]) -> Iterator[None]:
    for topic in topics:
        ward.portal.call(configure, ward, topic, settings)
    try:
        yield
    finally:
        for topic in topics:
            ward.portal.call(configure, ward, topic, {})


@contextmanager
def hanging(ward: Ward) -> Iterator[None]:
    broker = psutil.Process(ward.stack.pid("kafka") or 0)
    broker.suspend()
    try:
        yield
    finally:
        broker.resume()


def test_a_broker_that_hangs_is_told_of_and_payloads_are_kept_until_it_goes_on(ward: Ward) -> None:
    with hanging(ward):
        answers = [ward.push() for _ in range(2)]
        with ThreadPoolExecutor() as threads:
            said = list(threads.map(lambda service: ward.checks(service)["kafka"], SERVICES))

    assert [answer.status_code for answer in answers] == [202, 202]
    assert "ok" not in said
    assert [ward.settled(answer.json()) for answer in answers] == 2 * [expected()]


@pytest.mark.parametrize(
    ("service", "check", "topics"),
    [
        ("intake", "kafka", [RawIndicator.topic]),
        ("verifier", "consumer", [ThreatVerified.topic, IndicatorSettled.topic]),
        ("attribution", "consumer", [TargetAttributed.topic]),
        ("notifier", "kafka", [NotificationSent.topic]),
    ],
)
def test_a_broker_that_takes_no_events_is_told_of_and_nothing_is_lost(
    ward: Ward, service: str, check: str, topics: list[str]
) -> None:
    with configured(ward, *topics, settings=REFUSED):
        answer = ward.push()
        ward.until_says(service, check, "takes no events")

    assert answer.status_code == (202 if service == "intake" else 201)
    assert ward.settled(answer.json()) == expected()


def test_a_broker_that_takes_smaller_batches_than_ours_gets_smaller_ones(ward: Ward) -> None:
    with configured(ward, RawIndicator.topic, settings=SMALL_BATCHES):
        answer = ward.push()

    assert answer.status_code == 201
    assert ward.settled(answer.json()) == expected()

"""Every route says who may call it; every topic has a schema, a producer, a consumer and a dead letter."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from deploy.local.topics import wanted_topics
from deploy.tools.generated import settings_of
from libs.common.contracts import TOPICS
from libs.common.openapi import credentials_of
from libs.common.security import public
from libs.common.service import Service

PROJECT = Path(__file__).resolve().parents[2]
SERVICES = sorted(path.name for path in (PROJECT / "services").iterdir() if (path / "__init__.py").exists())

REQUIRED = {
    "http_port": 1,
    "database_url": "postgresql://nobody:nothing@127.0.0.1:1/nowhere",
    "kafka_bootstrap": "127.0.0.1:1",
    "operator_public_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "payload_dir": "/nonexistent",
    "data_dir": "/nonexistent",
    "link_key": "a key that signs nothing that leaves",
    "public_url": "http://127.0.0.1:1",
    "smtp_host": "127.0.0.1",
}


def built(service: str) -> Service:
    settings_class = settings_of(service)
    given = {name: value for name, value in REQUIRED.items() if name in settings_class.model_fields}
    build = importlib.import_module(f"services.{service}.app").build
    made: Service = build(settings_class(**given))  # type: ignore[arg-type]  # each field checks its own value
    return made


def is_ours(route: object) -> bool:
    """And not one of the pages that FastAPI adds."""
    return isinstance(route, APIRoute)


def callables(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for below in dependant.dependencies:
        yield from callables(below)


@pytest.mark.parametrize("service", SERVICES)
async def test_every_route_says_who_may_call_it(service: str) -> None:
    contexts = [each for each in iter_route_contexts(built(service).api.routes) if is_ours(each.original_route)]
    assert contexts
    for route in contexts:
        assert public in callables(route.dependant) or any(credentials_of(route.dependant)), (
            f"{service}: {route.methods} {route.path} names nobody; the default is to refuse, so it must say"
        )


async def test_every_topic_is_heard_by_somebody() -> None:
    heard = {event_class.topic for service in SERVICES for event_class in built(service).subscriptions}
    assert set(TOPICS) - heard == set(), "a topic that nobody hears is a message to nobody"


def test_every_topic_is_made_with_its_dead_letter() -> None:
    made = {topic.name for topic in wanted_topics(partitions=6)}
    assert made == {*TOPICS, *(f"{topic}.dead-letter" for topic in TOPICS)}

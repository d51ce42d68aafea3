"""IntelMQ's own output bot, not what we think that it sends: what it posts comes in and reaches its outcomes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.peer_intelmq.configuration import Bot
from bench.peer_intelmq.installation import Installation, installation
from bench.peer_intelmq.pipeline import running_pipeline
from deploy.local.layout import Layout
from tests.e2e.conftest import System, until

REST_BOT = "intelmq.bots.outputs.restapi.output"


@pytest.fixture(scope="module")
def intelmq() -> Installation:
    return installation(Layout.from_environment().cache)


def event(ip: str, *, seen_at: datetime) -> bytes:
    """As IntelMQ keeps it in its queues."""
    fields = {
        "__type": "Event",
        "classification.identifier": "open-redis",
        "classification.taxonomy": "vulnerable",
        "classification.type": "vulnerable-system",
        "feed.name": "Scanner of our own",
        "protocol.transport": "tcp",
        "raw": "b3BlbiByZWRpcw==",
        "source.ip": ip,
        "source.port": 6379,
        "time.observation": seen_at.isoformat(timespec="seconds"),
        "time.source": seen_at.isoformat(timespec="seconds"),
    }
    return json.dumps(fields).encode()


def rest_bot(system: System, **parameters: object) -> Bot:
    host = f"{system.stack.endpoints.services['intake']}/v1/submissions"
    return Bot(name="rest", module=REST_BOT, parameters={"host": host, **parameters})


def submissions_since(system: System, moment: datetime) -> list[dict[str, Any]]:  # Any: JSON of receipts
    items = system.partner().get("/v1/submissions", params={"limit": 50}).raise_for_status().json()["items"]
    return [each for each in items if datetime.fromisoformat(each["received_at"]) >= moment]


@pytest.mark.parametrize(
    ("number", "hierarchical", "by_header"), [(201, False, True), (202, True, True), (203, True, False)]
)
def test_what_the_rest_bot_posts_ends_in_outcomes(
    system: System, intelmq: Installation, tmp_path: Path, number: int, hierarchical: bool, by_header: bool
) -> None:
    key = system.stack.endpoints.partner_key
    door: Mapping[str, object] = (
        {"auth_type": "http_header", "auth_token_name": "Authorization", "auth_token": f"Bearer {key}"}
        if by_header
        else {"auth_type": "http_basic_auth", "auth_token_name": "tocsin", "auth_token": key}
    )
    bot = rest_bot(system, hierarchical_output=hierarchical, **door)
    began = datetime.now(UTC)
    seen_at = began - timedelta(hours=1)
    ip = f"192.0.2.{number}"

    with running_pipeline(intelmq, root=tmp_path, bots=[bot]) as pipeline:
        pipeline.push(
            event(ip, seen_at=seen_at),
            event(ip, seen_at=seen_at + timedelta(minutes=1)),
            event("10.0.0.1", seen_at=seen_at),
        )
        receipts = until(lambda: found if len(found := submissions_since(system, began)) == 3 else None)

    settled = [system.settled(receipt) for receipt in receipts]
    assert {each["format"] for each in settled} == {"intelmq-json"}
    outcomes = sorted(outcome for each in settled for outcome, count in each["outcomes"].items() if count)
    assert outcomes == ["duplicate", "notified", "refuted"]


def test_a_bot_that_calls_a_form_json_is_refused_and_keeps_its_event(
    system: System, intelmq: Installation, tmp_path: Path
) -> None:
    """With `use_json: false` IntelMQ posts a form, and still says that it is JSON; its log has our answer."""
    key = system.stack.endpoints.partner_key
    token = {"auth_type": "http_header", "auth_token_name": "Authorization", "auth_token": f"Bearer {key}"}
    bot = rest_bot(system, use_json=False, **token)
    began = datetime.now(UTC)

    with running_pipeline(intelmq, root=tmp_path, bots=[bot]) as pipeline:
        pipeline.push(event("192.0.2.204", seen_at=began))
        until(lambda: "422 Client Error" in pipeline.complaints() or None)

    assert submissions_since(system, began) == []

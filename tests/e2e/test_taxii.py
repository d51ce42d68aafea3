"""A partner's TAXII program pushes, and what it is told follows the records to their ends."""

from datetime import timedelta
from typing import Any

from taxii2client.v21 import Collection, Server, Status

from tests.e2e.conftest import System, until
from tests.stix import IDENTITY, indicator


def collection_of(system: System) -> Collection:
    """As a program finds it that knows the address of the server and a key, and nothing else."""
    endpoints = system.stack.endpoints
    server = Server(f"{endpoints.services['intake']}/taxii2", user="anybody", password=endpoints.partner_key)
    (collection,) = server.default.collections
    return collection


def messages(status: Status) -> dict[str, str]:
    told: list[dict[str, Any]] = [*status.successes, *status.failures]  # Any: JSON
    return {each["id"]: each["message"] for each in told}


def test_a_status_tells_where_the_records_of_each_object_ended(system: System) -> None:
    notified = indicator(1, "[ipv4-addr:value = '192.0.2.221']")
    expired = indicator(2, "[ipv4-addr:value = '192.0.2.222']", age=timedelta(days=300))
    twice = indicator(3, "[ipv4-addr:value IN ('192.0.2.221', '192.0.2.223')]")
    unread = indicator(4, "[ipv4-addr:value = '300.1.1.1']")

    status = collection_of(system).add_objects({"objects": [IDENTITY, notified, expired, twice, unread]})

    assert (status.status, status.total_count) == ("complete", 5)
    assert (status.success_count, status.failure_count, status.pending_count) == (4, 1, 0)

    def told() -> dict[str, str] | None:
        status.refresh()
        found = messages(status)
        return found if not any("on its way" in message for message in found.values()) else None

    ends = until(told)
    assert ends[IDENTITY["id"]].startswith("taken as context")
    assert ends[str(notified["id"])].startswith("notified (TOC-")
    assert ends[str(expired["id"])].startswith("expired (")
    assert ends[str(twice["id"])] in ("1 duplicate, 1 notified", "1 notified, 1 duplicate")
    assert ends[str(unread["id"])] == "invalid-ip: '300.1.1.1' is not an IP address"

    receipt = system.partner().get(status.custom_properties["x_tocsin_receipt"]).raise_for_status().json()
    assert receipt["id"] == status.id
    assert receipt["outcomes"] == {"notified": 2, "duplicate": 1, "expired": 1}
    assert receipt["records"] == {"total": 5, "accepted": 4, "rejected": 1}


def test_a_large_bundle_is_read_after_the_answer_and_every_record_ends(system: System) -> None:
    """What is expired is nobody's mail, so no other test gets any."""
    objects = [
        indicator(1_000 + number, f"[ipv4-addr:value = '192.0.2.{number % 200 + 1}']", age=timedelta(days=300))
        | {"description": "x" * 3_000}
        for number in range(400)
    ]

    status = collection_of(system).add_objects({"objects": objects}, wait_for_completion=False)
    assert (status.total_count, status.pending_count + status.success_count) == (400, 400)
    status.wait_until_final(poll_interval=0.2)

    assert (status.status, status.success_count, len(status.successes)) == ("complete", 400, 400)
    receipt = system.settled({"links": {"self": status.custom_properties["x_tocsin_receipt"]}})
    assert sum(receipt["outcomes"].values()) == receipt["records"]["accepted"] == 400

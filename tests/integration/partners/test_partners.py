"""What is agreed with a partner, and their keys, on a real database and broker."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from libs.common.contracts import RawIndicator
from libs.common.contracts.wire import decode
from libs.common.ids import new_id
from libs.common.security import Role
from libs.common.vocabulary import Tlp
from tests.conftest import Kafka
from tests.integration.partners.conftest import (
    CERTIFICATE,
    FINGERPRINT,
    PROXY,
    Intake,
    codes,
    push,
    read_to_its_end,
    records,
)
from tests.stix import indicator

AGREED = {
    "allowed_formats": ["tocsin-ndjson", "stix"],
    "allowed_networks": ["192.0.2.0/24"],
    "requests_per_minute": 60,
    "requests_burst": 5,
    "records_per_day": 1000,
    "tlp_default": "green",
    "upstream": "a-sensor-network",
    "assets_are": "hostile",
}


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def test_what_is_agreed_is_kept_changed_and_lifted_and_the_partner_sees_it(intake: Intake) -> None:
    partner = await intake.partner("acme", **AGREED)
    assert {name: partner[name] for name in AGREED} == AGREED
    own = intake.client((await intake.key(partner))["key"])
    await push(own, records(1, 2))

    answer = await own.get("/v1/partners/me")
    seen = answer.json()
    assert answer.headers["RateLimit-Policy"] == '"key";q=5;w=5'
    assert seen == partner | {"records_today": 2}
    assert (await intake.operator(Role.AUDITOR).get(f"/v1/partners/{partner['id']}")).json() == seen

    changed = await intake.change(partner, records_per_day=None, allowed_formats=None, name=None, reliability="A")
    assert changed == partner | {"records_per_day": None, "allowed_formats": None, "reliability": "A"}
    assert (await own.patch(f"/v1/partners/{partner['id']}", json={})).status_code == 401, "that is for operators"


async def test_all_that_is_wrong_with_an_agreement_is_told_at_once(intake: Intake) -> None:
    partner = await intake.partner()
    wrong = {
        "allowed_formats": ["stix", "fax"],
        "allowed_networks": ["192.0.2.1/24"],
        "requests_per_minute": 0,
        "records_per_day": -1,
        "tlp_default": "mauve",
        "upstream": "No Slug",
        "assets_are": "ours",
    }

    answer = await intake.admin.patch(f"/v1/partners/{partner['id']}", json=wrong)

    assert answer.status_code == 422
    told = [error["where"].split(".")[1] for error in answer.json()["errors"]]
    assert sorted(told) == sorted(wrong)
    assert (await intake.admin.get(f"/v1/partners/{partner['id']}")).json()["allowed_formats"] is None
    assert (await intake.admin.patch(f"/v1/partners/{new_id()}", json={"name": "x"})).status_code == 404


async def test_nobody_sees_the_agreement_or_the_keys_of_another(intake: Intake) -> None:
    ours, theirs = await intake.partner("ours"), await intake.partner("theirs")
    await intake.key(theirs)
    own = await intake.key(ours)
    client = intake.client(own["key"])

    assert [key["id"] for key in (await client.get("/v1/partners/me/keys")).json()["items"]] == [own["id"]]
    assert own["key"] not in (await client.get("/v1/partners/me/keys")).text
    for path in (f"/v1/partners/{theirs['id']}", f"/v1/partners/{theirs['id']}/keys"):
        assert (await client.get(path)).status_code == 401
        assert (await intake.operator(Role.VIEWER).get(path)).status_code == 403


async def test_a_key_is_rotated_without_a_gap(intake: Intake) -> None:
    partner = await intake.partner()
    old = await intake.key(partner, certificate=FINGERPRINT)
    rotate = f"/v1/partners/{partner['id']}/keys/{old['id']}/rotate"

    new = (await intake.admin.post(rotate, json={"overlap_days": 2})).json()

    assert (new["replaces"], new["certificate"], new["kind"]) == (old["id"], FINGERPRINT, "api")
    headers = {CERTIFICATE: FINGERPRINT, "X-Forwarded-For": "192.0.2.9"}
    for secret in (old["key"], new["key"]):
        client = intake.client(secret, peer=PROXY)
        assert (await client.get("/v1/partners/me", headers=headers)).status_code == 200
    listed = (await intake.admin.get(f"/v1/partners/{partner['id']}/keys")).json()["items"]
    ends = datetime.fromisoformat(listed[0]["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=1.99) < ends <= timedelta(days=2)
    assert listed[0]["last_used_at"]

    again = await intake.admin.post(rotate)
    assert again.status_code == 201
    listed = (await intake.admin.get(f"/v1/partners/{partner['id']}/keys")).json()["items"]
    assert datetime.fromisoformat(listed[0]["expires_at"]) - datetime.now(UTC) <= ends, "no rotation lengthens a life"

    assert (await intake.admin.post(rotate, json={"overlap_days": 0})).status_code == 201
    old_client = intake.client(old["key"], peer=PROXY)
    assert (await old_client.get("/v1/partners/me", headers=headers)).status_code == 401
    assert codes(await intake.admin.post(rotate)) == ["key-ended"]


async def test_only_a_key_of_that_partner_is_rotated_and_only_by_an_administrator(intake: Intake) -> None:
    ours, theirs = await intake.partner("ours"), await intake.partner("theirs")
    key = await intake.key(ours)
    right, wrong = (f"/v1/partners/{each['id']}/keys/{key['id']}/rotate" for each in (ours, theirs))

    assert (await intake.admin.post(wrong)).status_code == 404
    assert (await intake.operator(Role.APPROVER).post(right)).status_code == 403
    assert (await intake.client(key["key"]).post(right)).status_code == 401
    over = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert codes(await intake.admin.post(right, json={"expires_at": over})) == ["not-valid", "in-the-past"]
    assert len((await intake.admin.get(f"/v1/partners/{ours['id']}/keys")).json()["items"]) == 1


async def test_a_key_opens_from_the_agreed_networks_alone_whatever_the_client_writes(intake: Intake) -> None:
    partner = await intake.partner(allowed_networks=["192.0.2.0/24"])
    key = (await intake.key(partner))["key"]

    async def comes(peer: str, forwarded: str | None = None) -> httpx.Response:
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        return await intake.client(key, peer=peer).get("/v1/partners/me", headers=headers)

    assert (await comes("192.0.2.9")).status_code == 200
    assert (await comes(PROXY, "192.0.2.9")).status_code == 200
    for answer in (
        await comes("198.51.100.1"),
        await comes("198.51.100.1", "192.0.2.9"),
        await comes(PROXY),
        await comes(PROXY, "192.0.2.9, 198.51.100.1"),
    ):
        assert (answer.status_code, codes(answer)) == (403, ["address-not-allowed"] * 2)
    await intake.change(partner, enabled=False)
    assert codes(await comes("198.51.100.1")) == ["partner-disabled", "partner-disabled", "address-not-allowed"]


async def test_a_bound_key_opens_with_its_certificate_as_a_trusted_proxy_says(intake: Intake) -> None:
    key = (await intake.key(await intake.partner(), certificate=":".join(["AB"] * 32)))["key"]

    async def comes(peer: str, *certificates: str) -> int:
        headers = [(CERTIFICATE, certificate) for certificate in certificates]
        return (await intake.client(key, peer=peer).get("/v1/partners/me", headers=headers)).status_code

    assert await comes(PROXY, FINGERPRINT) == 200
    assert await comes(PROXY, FINGERPRINT.upper()) == 200
    assert await comes(PROXY) == 403
    assert await comes(PROXY, "cd" * 32) == 403
    assert await comes("198.51.100.1", FINGERPRINT) == 403, "anybody can write a header"
    assert await comes(PROXY, FINGERPRINT, "cd" * 32) == 403, "one of the two is the client's"


async def test_where_no_certificate_is_seen_no_key_is_bound_to_one_and_a_bound_one_opens_nothing(
    intake: Intake,
) -> None:
    partner = await intake.partner()
    key = (await intake.key(partner, certificate=FINGERPRINT))["key"]
    intake.settings = intake.settings.model_copy(update={"client_certificate_header": ""})
    blind = intake.replica()

    answer = await intake.client(key, peer=PROXY, service=blind).get(
        "/v1/partners/me", headers={CERTIFICATE: FINGERPRINT}
    )
    assert codes(answer) == ["wrong-certificate"] * 2
    admin = intake.client(intake.admin.headers["Authorization"].removeprefix("Bearer "), service=blind)
    refused = await admin.post(f"/v1/partners/{partner['id']}/keys", json={"certificate": FINGERPRINT})
    assert (refused.status_code, codes(refused)) == (409, ["certificates-not-read"])


async def test_over_the_quota_nothing_new_is_taken_and_what_was_taken_is_answered_again(
    intake: Intake, tmp_path: Path
) -> None:
    partner = await intake.partner(records_per_day=5)
    client = intake.client((await intake.key(partner))["key"])
    first, second = records(1, 2, 3), records(4, 5, 6)
    assert (await push(client, first, **{"Idempotency-Key": "one"})).status_code == 201
    kept = files_in(tmp_path)

    refused = await push(client, second, **{"Idempotency-Key": "two"})

    assert (refused.status_code, codes(refused)) == (429, ["quota-exceeded"])
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert abs(int(refused.headers["Retry-After"]) - (midnight - datetime.now(UTC)).total_seconds()) < 60
    assert files_in(tmp_path) == kept
    again = await push(client, first, **{"Idempotency-Key": "one"})
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert (await push(client, records(7, 8))).status_code == 201, "two more are five"
    assert (await client.get("/v1/partners/me")).json()["records_today"] == 5
    assert codes(await push(client, records(*range(10, 16)))) == ["too-many-records"]

    await intake.change(partner, records_per_day=8)
    assert (await push(client, second, **{"Idempotency-Key": "two"})).status_code == 201, "its key was not used up"


async def test_a_quota_counts_what_other_replicas_took_and_only_what_was_accepted_today(intake: Intake) -> None:
    partner = await intake.partner(records_per_day=5)
    key = (await intake.key(partner))["key"]
    client, other = intake.client(key), intake.client(key, service=intake.replica())
    assert (await push(client, records(1, 2, 3) + b"{}\n" * 20)).status_code == 201
    assert (await client.get("/v1/partners/me")).json()["records_today"] == 3

    assert codes(await push(other, records(4, 5, 6))) == ["quota-exceeded"]

    await intake.sql("UPDATE submissions SET received_at = received_at - interval '1 day'")
    assert (await push(other, records(4, 5, 6))).status_code == 201


async def test_what_this_replica_takes_counts_while_the_count_is_remembered(intake: Intake) -> None:
    intake.settings = intake.settings.model_copy(update={"partner_cache_seconds": 600.0})
    partner = await intake.partner(records_per_day=5)
    client = intake.client((await intake.key(partner))["key"], service=intake.replica())

    answers = [await push(client, records(10 + number, 20 + number)) for number in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 429]


async def test_a_second_reading_says_the_same_though_the_agreement_has_changed(intake: Intake, kafka: Kafka) -> None:
    intake.settings = intake.settings.model_copy(update={"immediate_max_bytes": 0})
    service = intake.replica()
    partner = await intake.partner(tlp_default="green", assets_are="hostile", upstream="sensors")
    client = intake.client((await intake.key(partner))["key"], service=service)
    bundle = {"objects": [indicator(1), indicator(2, indicator_types=["compromised"])]}
    headers = {"Content-Type": "application/stix+json;version=2.1"}

    stored = await client.post("/v1/submissions", content=json.dumps(bundle), headers=headers)
    assert stored.status_code == 202, stored.text
    await intake.change(partner, tlp_default="red", assets_are="victims", upstream=None)
    receipt = await read_to_its_end(service, client, stored.json()["links"]["self"])

    assert receipt["records"] == {"total": 2, "accepted": 1, "rejected": 1}
    assert [error["code"] for error in receipt["errors"]] == ["hostile-asset"]
    (message,) = await kafka.read("raw-indicator", wanted=1)
    event = decode(message.value)
    assert isinstance(event, RawIndicator)
    assert (event.record, event.indicator.tlp, event.source) == (2, Tlp.GREEN, "sensors")


async def test_a_records_own_label_stays(intake: Intake, kafka: Kafka) -> None:
    partner = await intake.partner(tlp_default="green")
    client = intake.client((await intake.key(partner))["key"])

    await push(client, records(1) + records(2, tlp="amber"))

    read = [decode(message.value) for message in await kafka.read("raw-indicator", wanted=2)]
    found = {event.record: event.indicator.tlp for event in read if isinstance(event, RawIndicator)}
    assert found == {1: Tlp.GREEN, 2: Tlp.AMBER}


async def test_a_key_that_is_remembered_is_not_looked_up_again(intake: Intake) -> None:
    intake.settings = intake.settings.model_copy(update={"partner_cache_seconds": 600.0})
    partner = await intake.partner(allowed_networks=["192.0.2.0/24"])
    client = intake.client((await intake.key(partner))["key"], service=intake.replica())
    assert (await client.get("/v1/submissions")).status_code == 200

    await intake.sql("DELETE FROM partner_keys")

    assert (await client.get("/v1/submissions")).status_code == 200


async def test_a_test_is_kept_apart_from_what_is_pushed_in_earnest_and_the_reverse(
    intake: Intake, kafka: Kafka
) -> None:
    partner = await intake.partner(records_per_day=10)
    key = await intake.key(partner, kind="test")
    assert (key["kind"], key["mails_to"], key["key"][:4]) == ("test", "feeds@acme.example", "tck_")
    own, test = intake.client((await intake.key(partner))["key"]), intake.client(key["key"])
    body, named = records(1, 2), {"Idempotency-Key": "monday"}

    pushed = [await push(client, body, **named) for client in (own, test)]
    bare = [await push(client, records(3)) for client in (test, own)]

    assert [each.status_code for each in (*pushed, *bare)] == [201] * 4, "none is answered with another's receipt"
    assert [each.json()["test"] for each in (*pushed, *bare)] == [False, True, True, False]
    for client, first in ((own, pushed[0]), (test, pushed[1])):
        again = await push(client, body, **named)
        assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert (await own.get("/v1/partners/me")).json()["records_today"] == 6
    for asked, found in (("true", [1, 2]), ("false", [0, 3])):
        listed = (await own.get("/v1/submissions", params={"test": asked})).json()["items"]
        assert {each["id"] for each in listed} == {(*pushed, *bare)[place].json()["id"] for place in found}
    events = [decode(record.value) for record in await kafka.read("raw-indicator", wanted=6)]
    told = {event.submission_id: event.test_mails_to for event in events if isinstance(event, RawIndicator)}
    assert sorted(map(str, told.values())) == ["None", "None", "feeds@acme.example", "feeds@acme.example"]


async def test_a_key_for_tests_keeps_its_kind_and_address_and_changes_nothing_that_is_used_in_earnest(
    intake: Intake,
) -> None:
    partner = await intake.partner()
    key = await intake.key(partner, kind="test", mails_to="Bounced@Simulator.invalid")
    rotated = await intake.admin.post(f"/v1/partners/{partner['id']}/keys/{key['id']}/rotate")
    assert {(each["kind"], each["mails_to"]) for each in (key, rotated.json())} == {
        ("test", "Bounced@simulator.invalid")
    }

    test = intake.client(rotated.json()["key"])
    seen = (await test.get("/v1/partners/me/keys")).json()["items"]
    assert [each["kind"] for each in seen] == ["test", "test"]
    refused = await test.put("/v1/partners/me/webhook", json={"url": "https://hooks.example/here"})
    assert (refused.status_code, codes(refused)) == (403, ["key-for-tests"])


async def test_all_that_is_wrong_with_where_mails_of_tests_shall_go_is_told(intake: Intake) -> None:
    keys = f"/v1/partners/{(await intake.partner())['id']}/keys"

    async def refused(**wanted: str) -> list[str]:
        return codes(await intake.admin.post(keys, json=wanted))

    assert await refused(mails_to="desk@acme.example") == ["not-valid", "not-for-tests"]
    assert await refused(kind="api", mails_to="x@simulator.invalid") == ["not-valid", "not-for-tests", "not-simulated"]
    assert await refused(kind="test", mails_to="x@simulator.invalid") == ["not-valid", "not-simulated"]
    assert (await intake.admin.post(keys, json={"kind": "test", "mails_to": "nobody"})).status_code == 422

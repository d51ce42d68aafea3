"""What became of each object of a push, as TAXII tells it: what was read, what was not, and what is only context."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.vocabulary import Reliability
from services.intake.domain import object_fates
from services.intake.domain.formats import FORMATS, ParseOptions
from services.intake.domain.formats.stix.stix import objects_in, readings
from services.intake.domain.object_fates import CONTEXT, PushFates, fates_of_read, fates_of_unread, with_outcomes
from services.intake.domain.partners import AssetsAre
from services.intake.domain.records import ParsedRecord
from services.intake.domain.submissions import RecordRow, Status, Submission, Violation

Json = Mapping[str, object]

NOW = datetime(2026, 3, 2, 4, 5, 6, 789, tzinfo=UTC)
SUBMISSION = Submission(
    id=UUID(int=1),
    partner_id=UUID(int=2),
    partner="demo",
    reliability=Reliability.B,
    format="stix",
    report_type=None,
    file_name=None,
    content_type=None,
    content_encoding=None,
    size_bytes=1,
    sha256=b"",
    traceparent="",
    received_at=NOW,
    status=Status.DONE,
    stored_through=10_000,
)
OPTIONS = ParseOptions(None, NOW)
INDICATOR = {
    "type": "indicator",
    "id": "indicator--1",
    "created": "2026-03-01T00:00:00.000Z",
    "modified": "2026-03-01T04:05:06.000Z",
    "valid_from": "2026-03-01T00:00:00Z",
    "pattern_type": "stix",
    "pattern": "[ipv4-addr:value = '203.0.113.5']",
}
IDENTITY = {"type": "identity", "id": "identity--1", "created": "2026-01-01T00:00:00.000Z"}


def fates(*objects: object, submission: Submission = SUBMISSION, options: ParseOptions = OPTIONS) -> PushFates:
    body = json.dumps({"objects": objects}).encode()
    return fates_of_read(readings(iter([body]), options), submission)


def failures(found: PushFates) -> list[tuple[str, str | None]]:
    return [(fate.id, fate.message) for fate in found.failures.listed or ()]


KINDS = [
    INDICATOR,
    INDICATOR | {"pattern": "[ipv4-addr:value IN ('203.0.113.5', '300.1.1.1', '203.0.113.7')]"},
    INDICATOR | {"pattern": "[ipv4-addr:value = '300.1.1.1']"},
    INDICATOR | {"revoked": True, "id": "indicator--revoked"},
    IDENTITY,
    {"type": "campaign"},
    {"type": "ipv4-addr", "id": "ipv4-addr--1", "value": "203.0.113.9"},
    {
        "type": "observed-data",
        "id": "observed-data--1",
        "object_refs": ["ipv4-addr--1"],
        "last_observed": "2026-03-01T00:00:00Z",
    },
    {"type": "sighting", "observed_data_refs": ["observed-data--1"], "last_seen": "2026-03-01T00:00:00Z"},
    {},
    None,
    7,
    [[]],
]


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=12))
def test_every_object_has_one_fate_and_every_accepted_record_belongs_to_one_success(objects: list[object]) -> None:
    body = json.dumps({"objects": objects}).encode()
    records = FORMATS["stix"].parse(iter([body]), OPTIONS)
    accepted = [record.record for record in records if isinstance(record, ParsedRecord)]

    found = fates(*objects)

    assert found.total == len(objects)
    owned = [number for fate in found.successes.listed or () for number in fate.records if number in accepted]
    assert owned == accepted
    assert all(fate.message for fate in found.failures.listed or ())


def row(record: int, outcome: str, reason: str | None = None, message: str | None = None) -> RecordRow:
    return RecordRow(record, outcome, reason, message, NOW, ())


def test_an_object_of_which_an_asset_was_taken_is_a_success_and_one_that_can_not_be_read_a_failure() -> None:
    found = fates(
        INDICATOR,
        INDICATOR | {"id": "indicator--2", "pattern": "[file:name = 'x']"},
        INDICATOR | {"id": "indicator--3", "revoked": True},
        "no object",
    )

    assert [fate.id for fate in found.successes.listed or ()] == ["indicator--1"]
    assert failures(found) == [
        ("indicator--2", "unsupported-pattern: by =, IN and ISSUBSET it names no asset"),
        ("indicator--3", "withdrawn: the object is revoked"),
        ("objects[3]", "not-an-object: the record is not an object"),
    ]
    assert (found.total, found.successes.count, found.failures.count, found.pendings.count) == (4, 1, 3, 0)


def test_context_is_a_success_that_says_so() -> None:
    found = fates(IDENTITY, INDICATOR)

    assert [(fate.id, fate.message) for fate in found.successes.listed or ()] == [
        ("identity--1", CONTEXT),
        ("indicator--1", None),
    ]


def test_every_object_of_a_type_that_is_not_taken_is_a_failure_though_a_receipt_tells_of_the_type_once() -> None:
    found = fates(*({"type": "campaign", "id": f"campaign--{number}"} for number in range(3)), INDICATOR)

    assert failures(found) == [
        (f"campaign--{number}", "unsupported-type: 'campaign' is not a type that names an asset") for number in range(3)
    ]


def test_an_object_that_names_the_attackers_own_machine_is_a_failure() -> None:
    hostile = replace(OPTIONS, assets_are=AssetsAre.HOSTILE)

    found = fates(INDICATOR, options=hostile)

    assert failures(found)[0][1] == "hostile-asset: 'indicator' is taken for the attacker's own, whom nobody warns"


@pytest.mark.parametrize(
    ("members", "version"),
    [
        ({}, "2026-03-01T04:05:06.000Z"),
        ({"modified": None}, "2026-03-01T00:00:00.000Z"),
        ({"modified": "yesterday", "created": 7}, "2026-03-02T04:05:06.000789Z"),
        ({"modified": None, "created": None}, "2026-03-02T04:05:06.000789Z"),
    ],
)
def test_a_version_is_when_the_object_was_changed_or_made_or_else_when_it_came(members: Json, version: str) -> None:
    found = fates({**INDICATOR, **members})

    assert [fate.version for fate in (*(found.successes.listed or ()), *(found.failures.listed or ()))] == [version]


def test_records_keep_their_numbers_behind_objects_of_several_and_of_none() -> None:
    several = INDICATOR | {"pattern": "[ipv4-addr:value IN ('203.0.113.5', '203.0.113.6', '203.0.113.7')]"}

    found = fates(several, IDENTITY, INDICATOR)

    assert [fate.records for fate in found.successes.listed or ()] == [range(1, 4), range(0), range(5, 6)]


def test_what_was_not_reached_when_reading_stopped_is_a_failure_for_that_reason() -> None:
    stopped = replace(
        SUBMISSION,
        status=Status.FAILED,
        stored_through=1,
        errors=(Violation(code="processing-failed", message="we could not"),),
    )

    found = fates(INDICATOR, INDICATOR | {"id": "indicator--2"}, submission=stopped)

    assert [fate.id for fate in found.successes.listed or ()] == ["indicator--1"]
    assert failures(found) == [("indicator--2", "processing-failed: we could not")]


def test_nothing_is_decided_while_a_payload_is_not_read() -> None:
    body = json.dumps({"type": "bundle", "objects": [IDENTITY, INDICATOR, 3]}).encode()

    found = fates_of_unread(objects_in(iter([body])), SUBMISSION)

    assert [fate.id for fate in found.pendings.listed or ()] == ["identity--1", "indicator--1", "objects[2]"]
    assert (found.total, found.successes.count, found.failures.count) == (3, 0, 0)


def test_a_list_that_is_too_long_is_left_out_as_a_whole_and_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_fates, "MAX_LISTED_OBJECTS", 2)

    found = fates(INDICATOR, INDICATOR, INDICATOR, "no object")

    assert (found.successes.count, found.successes.listed) == (3, None)
    assert (found.failures.count, len(found.failures.listed or ())) == (1, 1)


def test_a_list_of_objects_with_too_many_records_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_fates, "MAX_LISTED_RECORDS", 2)
    two = INDICATOR | {"pattern": "[ipv4-addr:value IN ('203.0.113.5', '203.0.113.6')]"}

    assert fates(two, two).successes == object_fates.Group(2, None)
    assert fates(two).successes.listed is not None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row(1, "pending")], "on its way"),
        ([row(1, "notified", "TOC-ABC")], "notified (TOC-ABC)"),
        ([row(1, "refuted", "bogon", "Nobody has it.")], "refuted (bogon): Nobody has it."),
        ([row(1, "notified"), row(2, "duplicate"), row(3, "notified")], "2 notified, 1 duplicate"),
        (
            [row(1, "pending"), row(2, "rejected", "invalid-ip", "'x' is not an IP address")],
            "1 on its way, 1 rejected; rejected (invalid-ip): 'x' is not an IP address",
        ),
        ([], None),
    ],
)
def test_the_message_of_a_success_is_where_its_records_are(rows: list[RecordRow], message: str | None) -> None:
    fate = object_fates.ObjectFate("indicator--1", "2026-03-01T00:00:00Z", records=range(1, 4))

    assert [each.message for each in with_outcomes([fate], {each.record: each for each in rows})] == [message]


def test_where_records_are_does_not_change_what_context_says() -> None:
    fate = object_fates.ObjectFate("identity--1", "2026-03-01T00:00:00Z", message=CONTEXT)

    assert with_outcomes([fate], {1: row(1, "notified")}) == [fate]

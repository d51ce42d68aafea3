"""Rules as data on a real database: put in force, tried out before, and what was believed before they were there."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from libs.common.contracts import Asset, NotificationSent, RawIndicator
from libs.common.security import Role
from services.verifier.domain import threat_id_of
from tests.integration.threats.lives import warning
from tests.integration.verifier.desk import HOSTS, TODAY, Desk, outcomes, records, rules_other_than

STRICT = """
[thresholds]
hold_below_confidence = 0.95
"""


async def test_a_file_of_rules_is_put_in_force_and_one_with_errors_changes_nothing(desk: Desk) -> None:
    before = await rules_other_than(desk, None)
    approver = desk.client(Role.APPROVER)
    shipped = (await approver.get("/v1/rules")).json()
    assert (shipped["revision"], shipped["put_by"]) == (0, "shipped")
    assert await outcomes(desk, records(HOSTS[0])) == {"verified": 1}

    put = await approver.put("/v1/rules", content=STRICT, params={"note": "a bad week", "revision": 0})

    assert (put.status_code, put.json()["revision"], put.json()["put_by"]) == (200, 1, "anna")
    after = await rules_other_than(desk, before)
    assert await outcomes(desk, records(HOSTS[1])) == {"held": 1}

    broken = await approver.put("/v1/rules", content="[thresholds]\n\nhold_below_confidence = 7\nfoo = 1\n")
    assert (broken.status_code, broken.json()["type"]) == (422, "/problems/broken-rules")
    assert [each["where"] for each in broken.json()["errors"]] == ["line 3", "line 4"]
    assert "thresholds.hold_below_confidence" in broken.json()["errors"][0]["message"]
    late = await approver.put("/v1/rules", content=STRICT, params={"revision": 0})
    assert (late.status_code, late.json()["type"]) == (409, "/problems/changed-meanwhile")
    for content in (b"\xff", b"# \0"):
        assert (await approver.put("/v1/rules", content=content)).status_code == 422

    assert (await approver.get("/v1/rules")).json()["version"] == after
    history = (await approver.get("/v1/rules/history")).json()["items"]
    assert [(each["revision"], each["note"], each["text"]) for each in history] == [(1, "a bad week", STRICT)]
    assert (await desk.client(Role.ANALYST).put("/v1/rules", content=STRICT)).status_code == 403


async def test_draft_rules_are_tried_out_on_what_has_come_and_nothing_changes(desk: Desk) -> None:
    events = records(*HOSTS)
    assert await outcomes(desk, events) == {"verified": 10}
    assert await outcomes(desk, records(*HOSTS[:3])) == {"duplicate": 3}
    assert await outcomes(desk, records(Asset(ip="145.99.0.2"), identifier="nobody-knows")) == {"held": 1}
    analyst = desk.client(Role.ANALYST)

    answer = await analyst.post("/v1/what-if", json={"days": 1, "rules": STRICT})

    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["outcomes_now"] == {"verified": 10, "duplicate": 3, "held": 1}
    assert said["outcomes_draft"] == {"held": 14}
    assert (said["records"], said["changed"], said["records_left_out"]) == (14, 13, 0)
    first = said["changes"][0]
    assert (first["now"], first["draft"], first["records"], first["because"]) == (
        "verified",
        "held",
        10,
        {"confidence": 10},
    )
    assert set(first["samples"]) <= {str(event.indicator_id) for event in events}
    assert said["changed_by_incident"] == {"open-smb": 13}
    assert said["mails"] == {"more": {}, "fewer": {"network-owner": 1, "nobody": 5}}
    assert said["mails_unknown_because"] is None
    assert said["rules_now"] != said["rules_draft"]
    assert await outcomes(desk, records(Asset(ip="145.10.21.1"))) == {"verified": 1}, "the rules in force are the same"
    assert (await analyst.post("/v1/what-if", json={"rules": "[x]"})).json()["type"] == "/problems/broken-rules"


async def test_the_same_rules_make_no_difference_and_one_question_is_answered_at_a_time(desk: Desk) -> None:
    await outcomes(desk, records(*HOSTS))
    await outcomes(desk, records(*HOSTS[:3], partner="another"))
    analyst = desk.client(Role.ANALYST)

    answers = await asyncio.gather(*(analyst.post("/v1/what-if", json={"days": 1}) for _ in range(2)))

    assert sorted(answer.status_code for answer in answers) == [200, 429]
    said = next(answer.json() for answer in answers if answer.status_code == 200)
    assert (said["records"], said["changed"], said["changes"]) == (13, 0, [])
    assert said["outcomes_draft"] == {"verified": 10, "duplicate": 3}


async def test_a_false_positive_may_be_tried_out_and_tells_what_was_believed_before(desk: Desk) -> None:
    await outcomes(desk, records(*HOSTS))
    await outcomes(desk, records(HOSTS[0]))
    await outcomes(desk, records(HOSTS[1], partner="another"))
    entry = {
        "ip_range": "145.10.20.0/29",
        "identifier": "open-smb",
        "reason": "a lab",
        "expires_at": (TODAY + timedelta(days=9)).isoformat(),
    }
    analyst = desk.client(Role.ANALYST)

    tried = (await analyst.post("/v1/what-if", json={"days": 1, "false_positives": [entry]})).json()
    assert (tried["outcomes_draft"], tried["changed"]) == ({"refuted": 9, "verified": 3}, 9)

    before = await rules_other_than(desk, None)
    added = await analyst.post("/v1/false-positives", json=entry)
    assert added.status_code == 201, added.text
    reach = await analyst.get(f"/v1/false-positives/{added.json()['id']}/reach")
    assert reach.json() == {"records": 9, "threats": 7, "open": 7, "warned": 0}
    await warn_of(desk, HOSTS[0], HOSTS[2], HOSTS[9])
    reach = await analyst.get(f"/v1/false-positives/{added.json()['id']}/reach")
    assert reach.json() == {"records": 9, "threats": 7, "open": 7, "warned": 2}
    await rules_other_than(desk, before)
    assert await outcomes(desk, records(HOSTS[0])) == {"refuted": 1}


async def warn_of(desk: Desk, *assets: Asset) -> None:
    """Let the verifier hear of a mail about these."""
    sent = warning([threat_id_of(event) for event in records(*assets)], 0)
    async with desk.service.database.transaction() as tx:
        await desk.service.subscriptions[NotificationSent]([sent], tx=tx, now=desk.service.database.now())


@pytest.mark.parametrize(
    ("conditions", "threats"),
    [
        ({"asset": "145.10.20.1"}, 1),
        ({"identifier": "open-smb"}, 5),
        ({"partner": "demo"}, 4),
        ({"partner": "another"}, 0),
        ({"incident": "open-smb"}, 5),
        ({"domain": "bakery.nl"}, 2),
        ({"domain": "www.bakery.nl"}, 1),
        ({"ip_range": "2a02::/16"}, 0),
        ({"rule": "scan_smb"}, 2),
        ({"rule": "smbv1"}, 1),
        ({"rule": "conficker"}, 1),
        ({"rule": "scan_smb", "ip_range": "145.10.20.0/30"}, 2),
        ({"rule": "scan_smb", "identifier": "open-rdp"}, 0),
        ({"rule": "a banner"}, 0),
    ],
)
async def test_an_entry_reaches_what_fits_all_its_conditions(
    desk: Desk, conditions: dict[str, str], threats: int
) -> None:
    await outcomes(desk, records(*HOSTS[:2], Asset(url="https://x@www.bakery.nl:99/"), Asset(domain="bakery.nl")))
    await outcomes(desk, records(HOSTS[1], partner="another"))
    (third,), by_scan = records(HOSTS[2]), {"extra": {"report_type": "scan_smb", "banner": "a banner"}}
    await outcomes(
        desk,
        [
            saying(records(HOSTS[1], partner="another")[0], **by_scan, tags=("smb", "smbv1")),
            saying(third, **by_scan, malware_name="conficker"),
        ],
    )
    approver = desk.client(Role.APPROVER)

    added = await approver.post(
        "/v1/false-positives",
        json={**conditions, "reason": "it is wrong", "expires_at": (TODAY + timedelta(days=9)).isoformat()},
    )

    assert added.status_code == 201, added.text
    reach = (await approver.get(f"/v1/false-positives/{added.json()['id']}/reach")).json()
    assert reach["threats"] == threats
    tried = await approver.post(
        "/v1/false-positives/reach",
        json={**conditions, "reason": "only a thought", "expires_at": (TODAY + timedelta(days=9)).isoformat()},
    )
    assert tried.json() == reach


async def test_a_file_of_rules_says_what_is_wrong_besides_what_the_api_was_told(desk: Desk) -> None:
    wrong = "[[false_positives]]\nrule = 'scan_smb'\nreason = 'printers'\nexpires_at = 2031-01-01T00:00:00Z\n"
    approver, before = desk.client(Role.APPROVER), await rules_other_than(desk, None)
    entry = {"asset": "145.10.20.2", "reason": "a lab", "expires_at": "2031-01-01T00:00:00Z"}
    assert (await approver.post("/v1/false-positives", json=entry)).status_code == 201

    assert (await approver.put("/v1/rules", content=wrong)).status_code == 200
    await rules_other_than(desk, before)

    first, second, third = records(*HOSTS[:3])
    of_scan = saying(first, extra={"report_type": "scan_smb"})
    assert await outcomes(desk, [of_scan, second, third]) == {"refuted": 2, "verified": 1}


def saying(event: RawIndicator, **changes: Any) -> RawIndicator:  # Any: fields of Indicator, each of its own type
    """The same record, which says something more."""
    return msgspec.structs.replace(event, indicator=msgspec.structs.replace(event.indicator, **changes))


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        ({}, 422),
        ({"ip_range": "145.10.20.1/8"}, 422),
        ({"domain": "no domain"}, 422),
        ({"identifier": "open-smb"}, 403),
        ({"rule": "scan_smb"}, 403),
        ({"rule": ""}, 422),
        ({"rule": "scan_smb", "domain": "bakery.nl"}, 201),
        ({"ip_range": "0.0.0.0/0"}, 403),
        ({"ip_range": "2a02::/16"}, 403),
        ({"ip_range": "2a02:1::/32"}, 201),
        ({"ip_range": "fe80::1%eth0"}, 422),
        ({"domain": "Bakery.NL"}, 201),
    ],
)
async def test_an_entry_says_something_and_not_too_much(desk: Desk, entry: dict[str, str], status: int) -> None:
    body = {**entry, "reason": "it is wrong", "expires_at": (TODAY + timedelta(days=9)).isoformat()}

    answer = await desk.client(Role.ANALYST).post("/v1/false-positives", json=body)

    assert answer.status_code == status, answer.text

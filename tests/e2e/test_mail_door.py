"""A partner who can only send mail: an operator gives it an address, and its mail server's next hop is our door."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import System, until
from tests.mails import brought, mail_with_table

KEYS = "/v1/partners/{}/keys"


@pytest.fixture
def address(system: System) -> dict[str, Any]:  # Any: JSON of a key
    """A new address of the partner `demo`."""
    partner = system.operator("intake").get("/v1/partners").raise_for_status().json()["items"][0]["id"]
    path = KEYS.format(partner)
    made = system.operator("intake").post(path, json={"kind": "mail"}).raise_for_status().json()
    return {**made, "path": path}


def report(ip: str) -> EmailMessage:
    seen = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    rows = f'"timestamp","severity","ip","protocol","port"\n"{seen}","high","{ip}","tcp",445\n'
    return mail_with_table(rows.encode(), file_name="2026-03-01-scan_smb-example.csv", message_id=make_msgid())


def bring(door: str, mail: EmailMessage, recipient: str) -> str:
    """What the door answers to the mail."""
    host, _, port = door.rpartition(":")
    code, text = brought(host, int(port), bytes(mail), recipient=recipient)
    return f"{code} {text}"


def test_a_mail_is_followed_like_a_push_whichever_replica_takes_it(system: System, address: dict[str, Any]) -> None:
    first_door = system.stack.endpoints.intake_lmtp
    other_door = f"127.0.0.1:{list(system.layout.mail_doors.values())[1]}"
    mail = report("192.0.2.71")

    answers = [bring(door, mail, address["address"]) for door in (first_door, other_door)]

    assert answers[0].startswith("250 2.0.0 Taken as submission ")
    assert answers[1] == answers[0]
    submission = answers[0].rpartition(" ")[2]
    receipt = system.partner().get(f"/v1/submissions/{submission}").raise_for_status().json()
    assert receipt["format"] == "mail"
    assert system.settled(receipt)["outcomes"] == {"notified": 1}


def test_an_address_opens_nothing_but_the_door_for_mail_and_ends_when_it_is_withdrawn(
    system: System, address: dict[str, Any]
) -> None:
    door, operator = system.stack.endpoints.intake_lmtp, system.operator("intake")
    assert address["address"] == f"{address['key']}@feeds.example.org"
    listed = [key for key in operator.get(address["path"]).json()["items"] if key["id"] == address["id"]]
    assert [(key["kind"], key["prefix"]) for key in listed] == [("mail", address["key"][:12])]
    assert "key" not in listed[0]
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        system.client("intake", token=address["key"]).get("/v1/submissions").raise_for_status()
    assert bring(door, report("192.0.2.72"), f"{system.stack.endpoints.partner_key}@feeds.example.org")[:3] == "550"

    operator.delete(f"{address['path']}/{address['id']}").raise_for_status()

    def is_refused() -> bool | None:
        return bring(door, report("192.0.2.73"), address["address"]).startswith("550 5.1.1") or None

    until(is_refused, seconds=20)

"""Who can't be reached: the next contact is told, through every topic there is, also when a service dies in between."""

import smtplib
from email.message import EmailMessage
from typing import Any

from tests.e2e.conftest import System, until
from tests.e2e.test_main_job import feed, new_mail_to, row
from tests.e2e.test_main_job import push_and_settle as push

NOBODY_THERE = "gone@simulator.invalid"
"""Refused by the relay, as it were; others of its addresses are of tests that look whether anything follows."""

DOOR_SECONDS = 30

REPORT = """\
From: MAILER-DAEMON@mx.example (Mail Delivery System)
To: notifications@tocsin.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_r"

--=_r
Content-Type: text/plain

The mail could not be delivered.
--=_r
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown

--=_r
Content-Type: text/rfc822-headers

Message-ID: {message_id}

--=_r--
"""


def organisation(system: System, network: str, *contacts: str, warned: str = "", **fields: str) -> None:
    """`warned` is who is found for it: the first contact, unless another one is said."""
    attribution = system.operator("attribution")
    body = {"name": f"Owner of {network}", "country": "NL", **fields}
    made = attribution.post("/v1/organisations", json=body).raise_for_status().json()
    path = f"/v1/organisations/{made['organisation_id']}"
    for contact in contacts:
        attribution.post(f"{path}/contacts", json={"email": contact}).raise_for_status()
    attribution.post(f"{path}/assets", json={"kind": "ip-range", "value": network}).raise_for_status()
    address = network.partition("/")[0]

    def known_to_both() -> bool | None:
        urls = [f"{replica.url}/v1/lookup" for replica in system.replicas("attribution")]
        found = [attribution.get(url, params={"ip": address}).json() for url in urls]
        return (
            all(each["recipient"] and each["recipient"]["email"] == (warned or contacts[0]) for each in found) or None
        )

    until(known_to_both)


def notifications_to(system: System, address: str) -> list[dict[str, Any]]:  # Any: JSON
    found = system.operator("notifier").get("/v1/notifications", params={"recipient": address}).raise_for_status()
    items: list[dict[str, Any]] = found.json()["items"]
    return items


def returns(system: System, mail: EmailMessage, *, recipient: str) -> None:
    """A mail server says, a moment later, that it could not deliver."""
    host, _, port = system.stack.endpoints.feedback_lmtp.rpartition(":")
    report = REPORT.format(recipient=recipient, message_id=mail["Message-ID"]).replace("\n", "\r\n").encode()
    with smtplib.LMTP(host, int(port), timeout=DOOR_SECONDS) as server:
        server.sendmail("", ["desk@tocsin.example"], report)


def test_what_the_relay_refuses_is_told_to_the_next_contact_and_has_one_outcome(system: System) -> None:
    organisation(system, "192.0.2.96/30", NOBODY_THERE, "desk@florist.example")

    receipt = push(system, feed(row("192.0.2.97")), report_type="scan_smb")

    assert receipt["outcomes"] == {"notified": 1}
    mail = new_mail_to(system, "desk@florist.example", mentions="192[.]0[.]2[.]97")
    (second,) = notifications_to(system, "desk@florist.example")
    first = system.operator("notifier").get(f"/v1/notifications/{second['continues']}").raise_for_status().json()
    assert (first["state"], second["state"]) == ("bounced", "sent")
    assert first["reference"] == second["reference"] == mail["X-Tocsin-Reference"]
    assert [each["what"] for each in first["timeline"]] == ["planned", "queued", "attempt", "bounced", "continued"]
    (record,) = system.records(receipt)
    assert (record["outcome"], record["reason"]) == ("notified", first["reference"])


def test_what_bounces_later_is_told_to_the_next_contact_though_a_service_dies(system: System) -> None:
    organisation(system, "192.0.2.100/30", "gone@butcher.example", "desk@butcher.example")
    receipt = push(system, feed(row("192.0.2.101")), report_type="scan_smb")
    mail = new_mail_to(system, "gone@butcher.example", mentions="192[.]0[.]2[.]101")

    returns(system, mail, recipient="gone@butcher.example")
    for service in ("notifier", "attribution"):
        system.stack.kill(f"{service}-2")

    again = new_mail_to(system, "desk@butcher.example", mentions="192[.]0[.]2[.]101")
    assert again["X-Tocsin-Reference"] == mail["X-Tocsin-Reference"]
    assert again["Message-ID"] != mail["Message-ID"]
    assert system.settled(receipt)["outcomes"] == {"notified": 1}
    (first,) = notifications_to(system, "gone@butcher.example")
    assert first["state"] == "bounced"
    listed = system.operator("notifier").get("/v1/suppressions", params={"limit": 500}).raise_for_status().json()
    assert [each["reason"] for each in listed["items"] if each["value"] == "gone@butcher.example"] == ["bounced"]

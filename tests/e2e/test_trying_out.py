"""A partner tries out what it also pushes in earnest: both go the whole way, and only one of the two counts."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.e2e.conftest import NATIONAL_TEAM, System, until
from tests.e2e.test_main_job import feed, new_mail_to, push_and_settle, row

DESK = "desk@tester.example"
BAKER, PROVIDER = "info@bakkerij-jansen.example", "abuse@provider.example"
SECRETS = ("jansen", "bakkerij", "provider example", "provider-example", BAKER, PROVIDER)


@dataclass(frozen=True, slots=True)
class Trying:
    """The partner `demo` with a key for tests."""

    system: System
    key: str
    client: httpx.Client

    def settled(self, payload: str) -> dict[str, Any]:  # Any: JSON of a receipt
        pushed = self.client.post("/v1/submissions", content=payload, params={"report_type": "scan_smb"})
        return self.system.settled(pushed.raise_for_status().json())


def partner_trying(system: System, *, mails_to: str) -> Trying:
    operator = system.operator("intake")
    partners = operator.get("/v1/partners", params={"limit": 500}).raise_for_status().json()["items"]
    demo = next(partner for partner in partners if partner["slug"] == "demo")
    body = {"kind": "test", "mails_to": mails_to}
    key = operator.post(f"/v1/partners/{demo['id']}/keys", json=body).raise_for_status().json()
    return Trying(system, key["key"], system.client("intake", token=key["key"]))


def test_what_is_tried_out_reaches_the_partner_alone_and_what_is_pushed_in_earnest_its_recipients(
    system: System,
) -> None:
    payload = feed(row("192.0.2.79"), row("192.0.2.79"), row("192.0.2.219"))

    tried = partner_trying(system, mails_to=DESK).settled(payload)
    real = push_and_settle(system, payload, report_type="scan_smb")
    again = partner_trying(system, mails_to=DESK).settled(payload + "\n")

    assert (tried["test"], real["test"]) == (True, False)
    assert tried["outcomes"] == real["outcomes"] == {"notified": 2, "duplicate": 1}
    assert again["outcomes"] == {"duplicate": 3}
    new_mail_to(system, BAKER, mentions="192[.]0[.]2[.]79")
    new_mail_to(system, PROVIDER, mentions="192[.]0[.]2[.]219")
    tests = [new_mail_to(system, DESK, mentions=f"192[.]0[.]2[.]{number}") for number in (79, 219)]
    for mail in tests:
        assert str(mail["Subject"]).startswith("TEST: ")
        assert (mail["X-Tocsin-Test"], len(mail["To"].addresses)) == ("yes", 1)
    assert {mail["X-Tocsin-Test"] for address in (BAKER, PROVIDER) for mail in system.mails_to(address)} == {None}
    _only_what_is_in_earnest_counts(system)
    verified = system.public().get(f"/verify/{tests[0]['X-Tocsin-Reference']}", headers={"Accept": "application/json"})
    assert verified.json()["genuine"]
    assert verified.json()["subject"].startswith("TEST: ")


def test_no_mail_of_a_test_says_who_is_behind_an_asset(system: System) -> None:
    partner_trying(system, mails_to=DESK).settled(feed(*(row(f"192.0.2.{number}", port=139) for number in (79, 219))))
    new_mail_to(system, DESK, mentions="139/tcp")
    new_mail_to(system, DESK, mentions="192[.]0[.]2[.]219")

    mails = [mail for mail in system.mails() if mail["X-Tocsin-Test"]]
    assert len(mails) >= 2
    for mail in mails:
        said = " ".join(
            [
                *(f"{name}: {value}" for name, value in mail.items()),
                *(part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"),
            ]
        ).lower()
        assert "[.]" in said
        assert [secret for secret in SECRETS if secret in said] == []


def test_an_address_of_the_simulator_acts_as_its_name_says_and_no_mail_leaves(system: System) -> None:
    ends = {}
    for number, name in enumerate(("delivered", "bounced", "complaint", "silent"), start=1):
        address = f"{name}@simulator.invalid"
        receipt = partner_trying(system, mails_to=address).settled(feed(row("192.0.2.79", port=2000 + number)))
        (record,) = system.records(receipt)
        ends[name] = (record["outcome"], record["reason"][:4])
        assert system.mails_to(address) == []
    assert ends == {
        "delivered": ("notified", "TOC-"),
        "bounced": ("failed", "dead"),
        "complaint": ("notified", "TOC-"),
        "silent": ("notified", "TOC-"),
    }

    def complaint() -> dict[str, Any] | None:  # Any: JSON
        listed = system.operator("feedback").get("/v1/feedback", params={"test": "true"}).raise_for_status().json()
        return next((each for each in listed["items"] if "complaint" in each["text"]), None)

    assert until(complaint)["kind"] == "opt-out"
    suppressed = system.operator("notifier").get("/v1/suppressions", params={"limit": 500}).json()["items"]
    tried = {f"{name}@simulator.invalid" for name in ends}
    assert [each for each in suppressed if each["value"].rpartition(":")[2] in tried] == []


def _only_what_is_in_earnest_counts(system: System) -> None:
    """As many as there are references in mails of which none is a test. What is handed over to a team counts apart, and
    a digest to a partner has no reference.
    """

    def same() -> bool | None:
        total = system.public().get("/v1/statistics").raise_for_status().json()["notifications_total"]
        told = [mail for mail in system.mails() if mail["To"].addresses[0].addr_spec != NATIONAL_TEAM]
        sent = {mail["X-Tocsin-Reference"] for mail in told if not mail["X-Tocsin-Test"]}
        return True if total == len(sent - {None}) else None

    until(same)

"""A partner asks for a digest, pushes, and gets the mail: what was pushed, what became of it, and nobody's name."""

import os
import subprocess
from typing import Any

from deploy.local.keys import Keys
from deploy.local.layout import PROJECT
from deploy.local.services import service_command, service_environment
from tests.e2e.conftest import System, until
from tests.e2e.test_main_job import feed, push_and_settle, row

DIGEST = "/v1/partners/me/digest"
CONTACT = "demo@example.org"


def ask_for_it_now(system: System) -> str:
    """What the job says to an operator who wants the partner `demo` to have its digest now."""
    command = (service_command("intake")[0], "-m", "services.intake.jobs", "digest", "demo")
    environment = os.environ | service_environment("intake", layout=system.layout, keys=Keys(system.layout.secrets))
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _sent_digest(system: System, digest_id: str) -> dict[str, Any] | None:  # Any: JSON
    """The mail is there before the notifier has noted the relay's answer."""
    shown: dict[str, Any] = system.operator("notifier").get(f"/v1/digests/{digest_id}").raise_for_status().json()
    return shown if shown["state"] == "sent" else None


def test_a_partner_gets_the_digest_that_it_asked_for(system: System) -> None:
    wanted = {"digest": "daily", "digest_language": "nl"}
    asked = system.partner().put(DIGEST, json=wanted).raise_for_status().json()
    assert asked["email"] == CONTACT
    receipt = push_and_settle(
        system, feed(row("192.0.2.69", port=5001), row("not-an-address", port=5002)), report_type="scan_smb"
    )
    assert (receipt["outcomes"], receipt["records"]["rejected"]) == ({"notified": 1}, 1)
    notified = len(system.operator("notifier").get("/v1/notifications", params={"limit": 500}).json()["items"])

    said = ask_for_it_now(system)

    digest_id = said.split()[1]
    mail = until(lambda: next((m for m in system.mails_to(CONTACT) if m["X-Tocsin-Digest"] == digest_id), None))
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # a mail of ours has a text
    assert mail["Subject"].startswith("Dagoverzicht voor Demo partner, ")
    assert mail["From"].endswith("<notifications@tocsin.example>")
    assert receipt["id"] in text
    assert "invalid-ip" in text
    assert f"{system.stack.endpoints.services['intake']}/v1/submissions/{receipt['id']}" in text
    assert "bakkerij" not in text.lower()
    assert "info@" not in text
    shown = until(lambda: _sent_digest(system, digest_id))
    assert [each["result"] for each in shown["attempts"] if each["result"] != "deferred"] == ["sent"]
    assert len([m for m in system.mails_to(CONTACT) if m["X-Tocsin-Digest"] == digest_id]) == 1
    after = system.operator("notifier").get("/v1/notifications", params={"limit": 500}).json()["items"]
    assert len(after) == notified, "a digest is no notification"

    assert system.partner().delete(DIGEST).status_code == 204
    assert system.partner().get(DIGEST).json()["digest"] == "none"

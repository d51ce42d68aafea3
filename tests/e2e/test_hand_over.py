"""What hits a vital organisation: its national team gets the mail, with a table and reports that machines can read."""

import csv
import io
import json
from collections.abc import Iterator
from email.message import EmailMessage

from tests.e2e.conftest import NATIONAL_TEAM, System, until
from tests.e2e.test_main_job import feed, row
from tests.e2e.test_main_job import push_and_settle as push
from tests.e2e.test_next_contact import organisation

WATERWORKS = "desk@waterworks.example"
ADDRESSES = {"192.0.2.105", "192.0.2.106"}


def attached(mails: list[EmailMessage], *, kind: str) -> Iterator[bytes]:
    """The files that are called so."""
    for mail in mails:
        for part in mail.iter_attachments():
            if (part.get_filename() or "").startswith(f"{kind}-"):
                yield part.get_payload(decode=True)  # type: ignore[misc]  # bytes, as it is no multipart


def test_a_vital_organisation_is_handed_over_with_files_that_another_system_takes_in(system: System) -> None:
    organisation(system, "192.0.2.104/30", WATERWORKS, criticality="vital", warned=NATIONAL_TEAM)

    receipt = push(system, feed(*map(row, sorted(ADDRESSES))), report_type="scan_smb")

    assert {(each["outcome"], each["reason"]) for each in system.records(receipt)} == {("out-of-scope", "handed-over")}
    assert receipt["outcomes"] == {"out-of-scope": 2}

    def look() -> list[EmailMessage] | None:
        """In one mail or two, as the records came."""
        mails = system.mails_to(NATIONAL_TEAM)
        return mails if len(list(rows_in(mails))) == len(ADDRESSES) else None

    mails = until(look)
    assert {found["ip"] for found in rows_in(mails)} == ADDRESSES
    assert {found["concerns"] for found in rows_in(mails)} == {"Owner of 192.0.2.104/30"}
    for file in attached(mails, kind="xarf"):
        taken = system.push(file, format="xarf", dry_run="true").raise_for_status().json()
        assert taken["records"] == {"total": len(listed(file)), "accepted": len(listed(file)), "rejected": 0}
    reports = [report for file in attached(mails, kind="xarf") for report in listed(file)]
    assert {report["source_identifier"] for report in reports} == ADDRESSES
    assert {report["report_id"] for report in reports} == {found["report_id"] for found in rows_in(mails)}
    assert system.mails_to(WATERWORKS) == []


def rows_in(mails: list[EmailMessage]) -> Iterator[dict[str, str]]:
    for table in attached(mails, kind="findings"):
        yield from csv.DictReader(io.StringIO(table.decode("utf-8-sig")))


def listed(reports: bytes) -> list[dict[str, object]]:
    """A single report stands alone in its file."""
    read = json.loads(reports)
    return read if isinstance(read, list) else [read]

"""The fate of every record as CSV: the same as page by page, safe in a spreadsheet, and nobody else's."""

import csv
import io
import json

from libs.common.vocabulary import Outcome
from services.intake.handlers.downloads import records_as_csv
from tests.integration.receipts.conftest import Intake


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_a_download_has_what_the_pages_have(intake: Intake) -> None:
    partner = await intake.partner("acme")
    submission_id = await intake.submission(partner, pending=5)
    await intake.settle(submission_id, 1, 2, 3)
    path = f"/v1/submissions/{submission_id}"

    answer = await partner.client.get(f"{path}/records.csv")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == f'attachment; filename="{submission_id}-records.csv"'
    pages = (await partner.client.get(f"{path}/records")).json()["items"]
    assert (await partner.receipt(submission_id))["links"]["records_csv"] == f"{path}/records.csv"
    found = rows(answer.text)
    assert list(found[0]) == list(pages[0])
    assert len(found) == len(pages) == 6
    for row, shown in zip(found, pages, strict=True):
        assert row["record"] == str(shown["record"])
        assert (row["indicator_id"], row["reason"]) == (shown["indicator_id"] or "", shown["reason"] or "")
        assert (row["outcome"], row["at"]) == (shown["outcome"], shown["at"])
        assert json.loads(row["errors"] or "[]") == shown["errors"]


async def test_what_a_spreadsheet_takes_for_a_formula_is_made_harmless(intake: Intake) -> None:
    partner = await intake.partner("acme")
    submission_id = await intake.submission(partner, pending=1)
    await intake.settle(submission_id, 1)
    found = rows((await partner.client.get(f"/v1/submissions/{submission_id}/records.csv")).text)
    assert [row["message"] for row in found] == ["'@Because.", "'=1 is not an IP address"]


async def test_only_those_of_one_outcome(intake: Intake) -> None:
    partner = await intake.partner("acme")
    submission_id = await intake.submission(partner, pending=5)
    await intake.settle(submission_id, 2, 4, outcome=Outcome.REFUTED)
    path = f"/v1/submissions/{submission_id}/records.csv"
    found = rows((await partner.client.get(path, params={"outcome": "refuted"})).text)
    assert [row["record"] for row in found] == ["2", "4"]
    assert (await partner.client.get(path, params={"outcome": "nonsense"})).status_code == 422


async def test_nobody_downloads_what_is_anothers(intake: Intake) -> None:
    partner, other = await intake.partner("acme"), await intake.partner("emca")
    path = f"/v1/submissions/{await intake.submission(partner, pending=1)}/records.csv"
    assert (await other.client.get(path)).status_code == 404
    assert (await intake.client().get(path)).status_code == 401


async def test_pages_meet_without_a_gap_and_without_a_repetition(intake: Intake) -> None:
    partner = await intake.partner("acme")
    for pending in (3, 4, 5):
        submission_id = await intake.submission(partner, pending=pending)
        parts = [part async for part in records_as_csv(intake.database, submission_id, outcome=None, page_records=2)]
        assert [row["record"] for row in rows("".join(parts))] == [str(n) for n in range(1, pending + 2)]
        assert max(part.count("\r\n") for part in parts) <= 2

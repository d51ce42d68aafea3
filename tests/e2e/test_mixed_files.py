"""Files of all formats go through the push client, as a partner's engineer would try us out on one morning."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from services.intake.domain.formats import FORMATS
from tests.e2e.conftest import System
from tests.e2e.mixed_files import WRITERS, MixedFile, make_files

FEWEST = 60


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[MixedFile]:
    return make_files(tmp_path_factory.mktemp("mixed"), now=datetime.now(UTC))


@pytest.fixture(scope="module")
def answers(system: System, files: list[MixedFile]) -> dict[str, dict[str, Any]]:  # Any: JSON of receipts
    """The last receipt of each file, by its name, as the client prints it. All are pushed; then once more, to wait."""
    first, last = _pushed(system, files), _pushed(system, files, "--wait")
    assert {name: answer["id"] for name, answer in first.items()} == {name: each["id"] for name, each in last.items()}
    return last


def _pushed(system: System, files: list[MixedFile], *options: str) -> dict[str, dict[str, Any]]:  # Any: JSON
    endpoints = system.stack.endpoints
    command = (sys.executable, "-m", "services.intake.jobs", "push", "--to", endpoints.services["intake"])
    pushed = subprocess.run(
        [*command, *options, "--json", *(str(file.path) for file in files)],
        env=os.environ | {"TOCSIN_KEY": endpoints.partner_key},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    return {answer["file"]: answer for answer in map(json.loads, pushed.stdout.splitlines())}


def test_every_format_is_among_them(files: list[MixedFile]) -> None:
    assert len(files) >= FEWEST
    assert WRITERS.keys() == FORMATS.keys()


def test_each_receipt_has_the_format_and_the_counts_that_were_sent(
    files: list[MixedFile],
    answers: dict[str, dict[str, Any]],  # Any: JSON of receipts
) -> None:
    told = {name: (answer["format"], answer["records"]) for name, answer in answers.items()}
    assert told == {
        file.path.name: (
            file.format,
            {"total": file.accepted + file.rejected, "accepted": file.accepted, "rejected": file.rejected},
        )
        for file in files
    }


def test_every_accepted_record_has_an_outcome_that_the_books_of_all_services_agree_on(
    system: System,
    files: list[MixedFile],
    answers: dict[str, dict[str, Any]],  # Any: JSON of receipts
) -> None:
    outcomes: Counter[str] = Counter()
    for answer in answers.values():
        outcomes.update(answer["outcomes"])
    assert outcomes["pending"] == 0
    assert outcomes.total() == sum(file.accepted for file in files)
    assert outcomes["duplicate"] > 0
    books = system.compared_books()
    assert books.agree, books.said

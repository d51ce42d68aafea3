"""The examples of docs/for-partners.md, copied into a terminal as a partner would."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import System

PAGE = Path(__file__).resolve().parents[2] / "docs" / "for-partners.md"


def examples(language: str) -> str:
    """All blocks of the page in one language, in order: later ones use the files and variables of earlier ones."""
    return "\n".join(blocks(language))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def program(library: str) -> str:
    """The Python program of the page that uses a library; each stands by itself."""
    (found,) = [block for block in blocks("python") if library in block]
    return found


def run(*command: str, system: System, folder: Path) -> str:
    endpoints = system.stack.endpoints
    known = {
        "TOCSIN": endpoints.services["intake"],
        "KEY": endpoints.partner_key,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PAGE.parents[1]),
    }
    finished = subprocess.run(
        command, cwd=folder, env=os.environ | known, capture_output=True, text=True, timeout=120, check=False
    )
    assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr}"
    return finished.stdout


@pytest.fixture(scope="module")
def terminal(system: System, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the shell examples ran, and what they printed."""
    folder = tmp_path_factory.mktemp("partner")
    printed = run("bash", "-euo", "pipefail", "-c", examples("bash"), system=system, folder=folder)
    return folder, printed


def test_the_shell_examples_push_a_file_and_follow_its_records(terminal: tuple[Path, str]) -> None:
    folder, printed = terminal
    receipt = json.loads((folder / "receipt.json").read_text())
    assert receipt["records"] == {"total": 3, "accepted": 2, "rejected": 1}
    assert "1\tnotified\tTOC-" in printed
    assert "3\trejected\tinvalid-ip\t'300.1.1.1' is not an IP address" in printed


def test_the_client_tells_what_became_of_a_file(terminal: tuple[Path, str]) -> None:
    _, printed = terminal
    assert "report.csv: 3 records, 2 accepted, 1 rejected. Of the accepted: 2 duplicate." in printed


def test_the_receipt_on_the_page_has_the_fields_of_a_real_one(terminal: tuple[Path, str]) -> None:
    folder, _ = terminal
    shown = next(json.loads(block) for block in [examples("json")])
    assert shown.keys() == json.loads((folder / "receipt.json").read_text()).keys()


def test_the_python_example_gets_the_receipt_of_the_same_push(system: System, terminal: tuple[Path, str]) -> None:
    folder, _ = terminal
    printed = run(sys.executable, "-c", program("httpx"), system=system, folder=folder)
    assert printed.startswith("{'notified': 2}")
    assert "1 notified TOC-" in printed


def test_the_taxii_examples_tell_of_each_object(system: System, terminal: tuple[Path, str]) -> None:
    folder, _ = terminal
    status = json.loads((folder / "status.json").read_text())
    assert (status["total_count"], len(status["failures"])) == (2, 1)
    printed = run(sys.executable, "-c", program("taxii2client"), system=system, folder=folder)
    assert "1 taken, 1 not\n" in printed
    assert "unsupported-pattern: by =, IN and ISSUBSET it names no asset" in printed

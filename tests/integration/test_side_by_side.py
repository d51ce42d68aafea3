"""Files of tests run side by side, as `make test` does it: what shares a system stays together."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = ("tests/unit/verifier/test_versions.py", "tests/unit/verifier/test_known_wrong.py")
RAN = re.compile(r"^\[(gw\d+)\].* (tests/\S+?)::", re.MULTILINE)


def test_the_tests_of_a_file_run_on_one_worker() -> None:
    """Else each worker would start what a file's tests share, for minutes."""
    command = re.search(r"-m pytest -n \$\(WORKERS\) (.*)", (ROOT / "Makefile").read_text())
    assert command is not None

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", *command[1].split(), "-vv", *FILES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    ran = set(RAN.findall(run.stdout))
    assert {worker for worker, _ in ran} == {"gw0", "gw1"}
    assert len({file for _, file in ran}) == len(ran)

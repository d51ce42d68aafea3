"""What is logged is told, not relied upon."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
import structlog
from libs.common.telemetry import configure_logs
configure_logs(level="info", form="json")
for number in range(1000):
    structlog.get_logger("test").info("a line", number=number)
sys.stdout.write("went on")
"""


def test_work_goes_on_when_the_disk_of_its_log_is_full() -> None:
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            (sys.executable, "-c", PROGRAM), stdout=subprocess.PIPE, stderr=full, text=True, check=False
        )

    assert finished.stdout == "went on"

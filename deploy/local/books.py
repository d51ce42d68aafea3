"""The reconciliation of a running stack: intake's own job, told what intake is told."""

import os
import subprocess
from dataclasses import dataclass

from deploy.local.complaints import Complaint
from deploy.local.keys import Keys
from deploy.local.layout import PROJECT, Layout
from deploy.local.services import service_command, service_environment

JOB_SECONDS = 600.0
SOUND, UNSOUND, NO_VERDICT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Books:
    """Whether the books of all services agree, and what the job says to people."""

    agree: bool
    said: str


def reconcile(layout: Layout, *, wait_seconds: float) -> Books:
    """Compare the books of all services. What is still under way gets so long; then it counts as not agreeing.

    Raises `Complaint` if the job can't be carried out.
    """
    command = ("-m", "services.intake.jobs", "reconcile", "--wait", str(wait_seconds))
    done = subprocess.run(
        (service_command("intake")[0], *command),
        cwd=PROJECT,
        env=os.environ | service_environment("intake", layout=layout, keys=Keys(layout.secrets)),
        capture_output=True,
        text=True,
        timeout=JOB_SECONDS,
        check=False,
    )
    if done.returncode not in {SOUND, UNSOUND, NO_VERDICT}:
        raise Complaint(f"The reconciliation failed:\n{done.stdout}{done.stderr}")
    return Books(agree=done.returncode == SOUND, said=(done.stdout + done.stderr).strip())

"""What a figure was measured on: a figure without it says nothing."""

import os
import platform
import subprocess
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parents[1]


def machine() -> dict[str, object]:
    return {
        "commit": _commit(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _commit() -> str:
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or "unknown"

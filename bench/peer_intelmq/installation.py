"""Where IntelMQ and Redis come from: a virtual environment of its own in the cache, and the system's redis-server."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.local.complaints import Complaint

REQUIREMENTS = ("intelmq==3.5.0", "redis[hiredis]==4.6.0", "setuptools<81")
"""Of Redis' clients, the one with which IntelMQ was quickest: 8.1 took a quarter more CPU. IntelMQ imports
`pkg_resources`, which later releases of setuptools no longer have."""

INSTALLED_WITHIN_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """`python` has IntelMQ; `harmonization` is its own description of the fields that an event can have."""

    python: Path
    harmonization: Path
    redis_server: str


def installation(cache: Path) -> Installation:
    """IntelMQ as it stands in the cache, installed first if it is not there yet. Raises `Complaint`."""
    redis_server = shutil.which("redis-server")
    if redis_server is None:
        raise Complaint(
            "IntelMQ needs Redis, and there is no redis-server on the PATH. Debian: apt install redis-server"
        )
    home = cache / "bench" / "intelmq"
    complete = home / "requirements.txt"
    wanted = "\n".join(REQUIREMENTS)
    if not (complete.exists() and complete.read_text() == wanted):
        _install(home)
        complete.write_text(wanted)
    return Installation(python=home / "bin" / "python", harmonization=_harmonization(home), redis_server=redis_server)


def _install(home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    _uv("venv", "--clear", "--python", sys.executable, str(home))
    _uv("pip", "install", "--python", str(home / "bin" / "python"), *REQUIREMENTS)


def _uv(*arguments: str) -> None:
    command = (sys.executable, "-m", "uv", *arguments, "--quiet")
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALLED_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        raise Complaint(
            f"IntelMQ could not be installed within {INSTALLED_WITHIN_SECONDS} s: is there a network?"
        ) from None
    if done.returncode != 0:
        raise Complaint(f"IntelMQ could not be installed, is the package index away? uv says: {done.stderr.strip()}")


def _harmonization(home: Path) -> Path:
    (found,) = home.glob("lib/python*/site-packages/intelmq/etc/harmonization.conf")
    return found

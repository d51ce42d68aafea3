"""PostgreSQL as a part: a cluster of our own, reachable by password on the loopback address only."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from deploy.local.accounts import PostgresHome, postgres_home
from deploy.local.databases import server_answers
from deploy.local.keys import Keys, write_private
from deploy.local.layout import HOST, Layout
from deploy.local.parts import Part
from deploy.local.process import run_or_complain

SUPERUSER = "postgres"

# Durable as in production: fsync, full_page_writes and synchronous_commit stay on.
SETTINGS = {
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "effective_io_concurrency": "16",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "unix_socket_directories": "",
    "listen_addresses": HOST,
}


async def prepare_postgres(layout: Layout, *, keys: Keys, say: Callable[[str], None]) -> Part:
    """Make the cluster the first time."""
    home = postgres_home(layout)
    if home.account:
        say(f"postgres refuses to run as root: it runs as user {home.account.uid}, its data in {home.cluster}.")
    if not (home.cluster / "PG_VERSION").exists():
        await _initialise(home, password=keys.database_password(SUPERUSER))
    port = layout.port("postgres")
    settings = (f"--{name}={value}" for name, value in (SETTINGS | {"port": str(port)}).items())
    return Part(
        name="postgres",
        command=(str(home.programs / "postgres"), "-D", str(home.cluster), *settings),
        folder=home.cluster,
        port=port,
        is_ready=lambda: server_answers(superuser_url(layout, keys)),
        account=home.account,
        # Fast shutdown: sessions are ended, the last checkpoint is written. SIGTERM would wait for every client.
        stop_signal=signal.SIGINT,
        stop_seconds=30,
    )


def superuser_url(layout: Layout, keys: Keys) -> str:
    return layout.external_postgres or _url(layout, SUPERUSER, keys.database_password(SUPERUSER))


def database_url(layout: Layout, keys: Keys, *, service: str) -> str:
    """The service's own database, as its own role."""
    password = keys.database_password(service)
    if not layout.external_postgres:
        return _url(layout, service, password)
    server = urlsplit(layout.external_postgres)
    address = server.netloc.rpartition("@")[2]
    return urlunsplit(server._replace(netloc=f"{service}:{quote(password)}@{address}", path=f"/{service}"))


def _url(layout: Layout, role: str, password: str) -> str:
    return f"postgresql://{role}:{quote(password)}@{HOST}:{layout.port('postgres')}/{role}"


async def _initialise(home: PostgresHome, *, password: str) -> None:
    """Run initdb in a folder beside and move it into place, so that one that was interrupted never looks finished."""
    draft = home.cluster.with_name(f"{home.cluster.name}-unfinished")
    password_file = home.cluster.with_name(f"{home.cluster.name}-password")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    home.own(draft)
    write_private(password_file, password)
    home.own(password_file)
    try:
        await _run_initdb(home, draft=draft, password_file=password_file)
    finally:
        password_file.unlink()
    draft.rename(home.cluster)


async def _run_initdb(home: PostgresHome, *, draft: Path, password_file: Path) -> None:
    command = (
        str(home.programs / "initdb"),
        f"--pgdata={draft}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--locale=C.UTF-8",
    )
    await run_or_complain(command, what="The making of PostgreSQL's cluster", folder=draft, account=home.account)

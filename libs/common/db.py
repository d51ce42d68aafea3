"""The edge to Postgres: one transaction a batch, SQLAlchemy for ordinary statements, asyncpg where it is hot."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy import CursorResult, Executable, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from libs.common import faults
from libs.common.clock import SharedClock
from libs.common.errors import Fatal, Permanent, TocsinError, Transient
from libs.common.revisions import newest_revision
from libs.common.settings import ServiceSettings

REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""What is raised for values that the tables can't hold; the same values never will."""

AWAY = (OSError, TimeoutError, PoolTimeout, asyncpg.InterfaceError, asyncpg.PostgresError, DBAPIError)
"""All else that a database raises: it is away, restarting, full or read only, and no values are to blame."""

REASONS: Mapping[type[BaseException], str] = {
    asyncpg.TooManyConnectionsError: "the database has no connection left for us",
    asyncpg.DiskFullError: "the disk of the database is full",
    asyncpg.ReadOnlySQLTransactionError: "the database is read only",
    asyncpg.CannotConnectNowError: "the database is starting or stopping",
    asyncpg.QueryCanceledError: "a statement took longer than it may",
}
"""What readiness says instead of "away or overloaded", where we know better."""

LOOK_UPS: Mapping[str, str] = {"jit": "off", "random_page_cost": "1.1", "max_parallel_workers_per_gather": "0"}
"""We look rows up by their keys, thousands at once; with its defaults PostgreSQL read whole tables for that, and with
several processes. Compiling (`jit`) takes longer than any of our statements."""


class Transaction:
    """One open transaction on one connection. SQLAlchemy's and asyncpg's statements are part of the same one."""

    def __init__(self, database: "Database", connection: AsyncConnection, driver: asyncpg.Connection) -> None:
        self.database = database
        self._connection = connection
        self._driver = driver
        self._afterwards: set[Callable[[], None]] = set()

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this, once, when all of the transaction is kept: to wake whoever waits for it."""
        self._afterwards.add(call)

    def committed(self) -> None:
        """Tell those that asked."""
        for call in self._afterwards:
            call()

    async def execute(
        self, statement: Executable, parameters: Mapping[str, object] | Sequence[Mapping[str, object]] | None = None
    ) -> CursorResult[Any]:  # Any: SQLAlchemy's rows are typed by the statement
        """Run a SQLAlchemy Core statement."""
        return await self._connection.execute(statement, parameters)

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one statement with `$1` placeholders and return its rows. A batch is one call over `unnest`.

        A `jsonb` column comes back as objects (SQLAlchemy's codec); select it `::text` to decode it with msgspec.
        """
        return list(await self._driver.fetch(sql, *arguments))

    async def stream(self, sql: str, *arguments: object, rows_at_once: int) -> AsyncIterator[list[asyncpg.Record]]:
        """Run one statement and hand out its rows piece by piece: for more than fits in memory."""
        cursor = await self._driver.cursor(sql, *arguments)
        while rows := await cursor.fetch(rows_at_once):
            yield rows

    async def copy(self, table: str, *, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Append rows by COPY, the fastest way in; returns how many. A broken row fails them all.

        A row that is there already is `Transient`: whoever copies has looked before, so another replica has stored the
        row meanwhile, and a second look will find it.
        """
        try:
            status: str = await self._driver.copy_records_to_table(table, columns=list(columns), records=rows)
        except asyncpg.UniqueViolationError as error:
            raise Transient(f"another replica has stored a row of {table} meanwhile") from error
        return int(status.removeprefix("COPY "))

    async def revision(self) -> str | None:
        """The migration that the tables are at; None where there are no tables."""
        if (await self._connection.execute(text("SELECT to_regclass('alembic_version')"))).scalar_one() is None:
            return None
        found: str = (await self._connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one()
        return found


class Database:
    """A service's own database: a bounded pool, and transactions that name what went wrong."""

    def __init__(self, url: str, *, pool_size: int, statement_timeout_seconds: float) -> None:
        self.outbox_filled = asyncio.Event()
        self._clock = SharedClock()
        self._engine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=statement_timeout_seconds,
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={
                "timeout": statement_timeout_seconds,
                "command_timeout": statement_timeout_seconds + 5,
                "server_settings": {"statement_timeout": str(int(statement_timeout_seconds * 1000)), **LOOK_UPS},
            },
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commit when the block ends, roll back when it raises. A database that is away is `Transient`.

        Whoever is being cancelled hears of that, whatever the database says meanwhile.
        """
        await faults.reach(faults.Point.TRANSACTION)
        try:
            async with self._engine.begin() as connection:
                # A first statement opens the transaction on the driver, so that fetch and copy fall into it too.
                self._clock.set((await connection.exec_driver_sql("SELECT now()")).scalar_one())
                driver: asyncpg.Connection = (await connection.get_raw_connection()).driver_connection
                await faults.reach(faults.Point.TRANSACTION_OPEN, line=driver._transport)  # asyncpg shows it to nobody
                tx = Transaction(self, connection, driver)
                yield tx
        except (*REFUSED, *AWAY) as error:
            if _is_being_cancelled():
                raise asyncio.CancelledError from error  # which the failing rollback of a dead connection replaced
            raise _named(error) from error
        tx.committed()

    def now(self) -> datetime:
        """The time by the database's clock, which is the same for all replicas of a service. Costs no round trip."""
        return self._clock.now()

    async def ping(self) -> None:
        """Raise `Transient` unless the database answers."""
        async with self.transaction():
            pass

    async def close(self) -> None:
        await self._engine.dispose()


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _named(error: Exception) -> TocsinError:
    """Which of the three kinds of failure it is. Names classes only: details may hold personal data."""
    cause = (error.orig.__cause__ or error.orig) if isinstance(error, DBAPIError) and error.orig else error
    if isinstance(cause, REFUSED):
        rule = getattr(cause, "constraint_name", None) or "their type"
        return Permanent(f"the database refuses the values: {type(cause).__name__} by {rule}")
    if isinstance(cause, asyncpg.SyntaxOrAccessError) and not isinstance(cause, asyncpg.InsufficientPrivilegeError):
        return Fatal(f"a statement is wrong, which no message is to blame for: {cause}")
    reason = REASONS.get(type(cause), "the database is away or overloaded")
    return Transient(f"{reason}: {type(cause).__name__}")


def database_of(settings: ServiceSettings) -> Database:
    """The database that a service's settings name."""
    return Database(
        settings.database_url.get_secret_value(),
        pool_size=settings.database_pool_size,
        statement_timeout_seconds=settings.statement_timeout_seconds,
    )


def sqlalchemy_url(url: str) -> str:
    """The same address with the driver named, as SQLAlchemy wants it."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


async def require_migrated(service: str, database: Database) -> None:
    """Raise `Fatal` unless the tables are at the version that this code was written for."""
    wanted = newest_revision(service)
    async with database.transaction() as tx:
        current = await tx.revision()
    if current != wanted:
        raise Fatal(
            f"the tables of {service} are at version {current}, this code needs {wanted}: "
            f"run `python -m services.{service} --migrate` first"
        )

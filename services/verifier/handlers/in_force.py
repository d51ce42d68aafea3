"""The rules in force: those of the settings and of the file, with the catalogue and all lists as they are now."""

from datetime import datetime, timedelta

import msgspec
import structlog

from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from libs.common.metrics import COUNTRY_LIST_TIME, EXPLOITATION_LIST_MISSING, EXPLOITATION_LIST_TIME
from libs.common.problems import Problem
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from services.verifier import store
from services.verifier.domain import Catalogue, Rules, rules_version
from services.verifier.domain.exploitation import Source
from services.verifier.domain.known_wrong import KnownWrong
from services.verifier.domain.rule_file import BrokenRules, apply_rule_file
from services.verifier.handlers.countries import holders_now
from services.verifier.handlers.incidents import ship_incidents
from services.verifier.handlers.registered import registered_now
from services.verifier.handlers.rules import CHECKS, rule_file_in_force
from services.verifier.handlers.shipped import read_shipped

log = structlog.get_logger(__name__)


async def load_rules(tx: Transaction, settled: Rules, *, known: Rules, now: datetime, text: str | None = None) -> Rules:
    """The rules of the settings and of the file in force, or of `text`, with the catalogue and lists as they are now.

    `known` are the lists that were read before. Raises `Transient` for a file that this release can't read.
    """
    try:
        written = apply_rule_file(settled, (await rule_file_in_force(tx)).text if text is None else text)
    except BrokenRules as error:
        raise Transient(f"the rules in force can't be read: {error}") from error
    rules = msgspec.structs.replace(
        written,
        known_wrong=KnownWrong([*written.known_wrong.entries, *await store.false_positives_anywhere(tx, now=now)]),
        catalogue=Catalogue((await store.incidents(tx)).values()),
        exploitation=await store.exploitation(tx, known=known.exploitation),
        holders=await holders_now(tx, known=known.holders),
        registered=await registered_now(tx, known=known.registered),
        track_records=await store.track_records(tx),
    )
    return msgspec.structs.replace(rules, version=rules_version(rules, checks=CHECKS))


class RulesInForce:
    """The rules that the next batch is judged by. Read again every few seconds, swapped as a whole."""

    def __init__(self, settled: Rules, *, database: Database, refresh_seconds: float) -> None:
        self.settled = settled
        self._database = database
        self.refresh_seconds = refresh_seconds
        self._current: Rules | None = None
        self._said_missing: tuple[Source, ...] = ()

    @property
    def current(self) -> Rules:
        """Raises `Transient` before they have been read for the first time: the batch then waits."""
        if self._current is None:
            raise Transient("the rules have not been read yet")
        return self._current

    @property
    def greatest_holders_age(self) -> timedelta:
        """Also before they have been read."""
        return (self._current or self.settled).greatest_holders_age

    async def keep_fresh(self, shutdown: Shutdown) -> None:
        """Until shutdown. The first round also brings this release's incidents into the catalogue."""
        shipped = read_shipped()

        async def read_again() -> None:
            async with self._database.transaction() as tx:
                await ship_incidents(tx, shipped, now=self._database.now())
                known = self._current or self.settled
                rules = await load_rules(tx, self.settled, known=known, now=self._database.now())
            self._current = rules
            self._show_lists(rules)
            shipped.clear()

        await go_round(
            read_again,
            shutdown,
            in_trouble="rules not read",
            pause_seconds=self.refresh_seconds,
            longest_wait_seconds=self.refresh_seconds,
            troubles=(Transient, Problem),
        )

    async def check(self) -> None:
        """Raise `Transient` until the rules have been read."""
        _ = self.current

    def _show_lists(self, rules: Rules) -> None:
        missing = rules.exploitation.missing(rules.expected_lists)
        if missing and missing != self._said_missing:
            log.warning("lists of what is exploited have never been imported", sources=missing)
        self._said_missing = missing
        for source in Source:
            EXPLOITATION_LIST_MISSING.labels(source.value).set(source in missing)
        for source, edition in rules.exploitation.editions.items():
            EXPLOITATION_LIST_TIME.labels(source.value).set(edition.made_at.timestamp())
        for registry, of_registry in rules.holders.editions.items():
            COUNTRY_LIST_TIME.labels(registry.value).set(of_registry.made_at.timestamp())

"""Where the verifier's objects meet."""

from datetime import timedelta

import structlog

from libs.common import bookkeeping, overdue
from libs.common.contracts import ListedOperator
from libs.common.db import database_of
from libs.common.errors import Fatal, Permanent
from libs.common.http_api import new_api
from libs.common.overdue import Watched, watch_of
from libs.common.publisher import Publisher
from libs.common.service import Service
from services.verifier import api, consumer, store
from services.verifier.domain import AssetIndex, Catalogue, Rules, parse_vital_assets
from services.verifier.handlers import (
    IncidentUpkeep,
    Place,
    Releasing,
    RulesInForce,
    ThreatUpkeep,
    WhatIf,
    read_products,
)
from services.verifier.settings import VerifierSettings

UPKEEP_SECONDS = 60.0
"""How soon a pattern opens a draft, and threats follow a merge; each look is a few reads of an index."""

log = structlog.get_logger(__name__)


def build(settings: VerifierSettings) -> Service:
    database = database_of(settings)
    settled = settled_rules(settings)
    rules = RulesInForce(settled, database=database, refresh_seconds=settings.rules_refresh_seconds)
    what_if = WhatIf(place_of(settings, settled))
    threats = ThreatUpkeep(database, rules, refresh_seconds=settings.overdue_refresh_seconds)
    incidents = IncidentUpkeep(rules, database=database, every_seconds=UPKEEP_SECONDS)
    releasing = Releasing(rules, database=database)
    subscriptions = consumer.subscriptions(rules)
    watch = watch_of("verifier", settings, database=database, subscriptions=subscriptions, states=_states(settings))
    return Service(
        name="verifier",
        settings=settings,
        api=new_api(
            title="Tocsin verifier",
            description="Verdicts, threats, incidents, and what waits for a person.",
            routers=(
                *api.routers(database, rules, what_if, greatest_list_age=_greatest_list_age(settings)),
                bookkeeping.counts_routes(database, store.VERDICTS),
                overdue.routes(watch),
            ),
            operator_public_key=settings.operator_public_key,
            streaming_paths=api.STREAMING_PATHS,
        ),
        database=database,
        publisher=Publisher(settings=settings, service="verifier"),
        subscriptions=subscriptions,
        tasks=(rules.keep_fresh, *threats.tasks, incidents.run, releasing.run, watch.run),
        checks={"rules": rules.check},
    )


def _states(settings: VerifierSettings) -> tuple[Watched, ...]:
    """What waits for a person."""
    greatest_age = timedelta(hours=settings.held_overdue_hours)
    return (
        Watched(state="held", greatest_age=greatest_age, rows=store.HELD),
        Watched(state="proposed", greatest_age=greatest_age, rows=store.PROPOSED),
    )


def place_of(settings: VerifierSettings, settled: Rules) -> Place:
    """Where questions about other rules are answered."""
    return Place(
        database_url=settings.database_url.get_secret_value(),
        settled=settled,
        attribution_url=settings.attribution_url,
    )


def settled_rules(settings: VerifierSettings) -> Rules:
    """The part of the rules that only a restart changes."""
    if settings.allow_documentation_ranges:
        log.warning("documentation addresses are taken for real: this is for demonstrations and tests only")
    return Rules(
        catalogue=Catalogue(()),
        vital_assets=_vital_assets(settings),
        products=read_products(),
        constituency_countries=settings.constituency_countries,
        max_age_days=settings.max_age_days,
        allow_documentation_ranges=settings.allow_documentation_ranges,
        hold_below_confidence=settings.hold_below_confidence,
        renew_after=timedelta(days=settings.renew_after_days),
        expected_lists=settings.expected_lists,
        greatest_list_age=_greatest_list_age(settings),
    )


def _greatest_list_age(settings: VerifierSettings) -> timedelta:
    return timedelta(days=settings.exploitation_max_age_days)


def _vital_assets(settings: VerifierSettings) -> AssetIndex[ListedOperator]:
    if settings.vital_assets_file is None:
        return AssetIndex()
    try:
        return parse_vital_assets(settings.vital_assets_file.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError, Permanent) as error:
        raise Fatal(f"{settings.vital_assets_file}: {error}") from error

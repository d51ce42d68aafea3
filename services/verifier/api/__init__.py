"""HTTP edge of the verifier: models and status codes; the deciding is done elsewhere."""

from collections.abc import Sequence
from datetime import timedelta

from fastapi import APIRouter

from libs.common.db import Database
from services.verifier.api import exploitation, false_positives, incidents, indicators, review, statistics, threats
from services.verifier.handlers import RulesInForce

STREAMING_PATHS = exploitation.STREAMING_PATHS


def routers(database: Database, rules: RulesInForce, *, greatest_list_age: timedelta) -> Sequence[APIRouter]:
    return (
        indicators.routes(database),
        threats.routes(database, rules),
        review.routes(database, rules),
        incidents.routes(database),
        false_positives.routes(database),
        statistics.routes(database),
        exploitation.routes(database, greatest_age=greatest_list_age),
    )

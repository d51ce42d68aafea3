"""HTTP edge of the verifier: models and status codes; the deciding is done elsewhere."""

from collections.abc import Sequence

from fastapi import APIRouter

from libs.common.db import Database
from services.verifier.api import false_positives, incidents, indicators, review, threats
from services.verifier.handlers import RulesInForce


def routers(database: Database, rules: RulesInForce) -> Sequence[APIRouter]:
    return (
        indicators.routes(database),
        threats.routes(database),
        review.routes(database, rules),
        incidents.routes(database),
        false_positives.routes(database),
    )

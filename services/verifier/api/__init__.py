"""HTTP edge of the verifier: models and status codes; the deciding is done elsewhere."""

from collections.abc import Sequence
from datetime import timedelta

from fastapi import APIRouter

from libs.common.db import Database
from services.verifier.api import (
    countries,
    exploitation,
    false_positives,
    incidents,
    indicators,
    listed,
    review,
    rules,
    statistics,
    threats,
    what_if,
)
from services.verifier.handlers import RulesInForce, WhatIf

STREAMING_PATHS = exploitation.STREAMING_PATHS | countries.STREAMING_PATHS | {rules.PATH}


def routers(
    database: Database, in_force: RulesInForce, trial: WhatIf, *, greatest_list_age: timedelta
) -> Sequence[APIRouter]:
    return (
        indicators.routes(database),
        threats.routes(database, in_force),
        review.routes(database, in_force),
        incidents.routes(database),
        false_positives.routes(database),
        statistics.routes(database),
        rules.routes(database, in_force),
        listed.routes(in_force),
        what_if.routes(trial),
        exploitation.routes(database, greatest_age=greatest_list_age, expected=in_force.settled.expected_lists),
        countries.routes(database, in_force),
    )

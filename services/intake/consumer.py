"""Kafka edge: which event reaches which handler."""

from libs.common.consumer import Subscriptions
from libs.common.contracts import IndicatorSettled
from services.intake.handlers.outcomes import settle_records


def subscriptions() -> Subscriptions:
    return {IndicatorSettled: settle_records}

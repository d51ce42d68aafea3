"""Kafka edge: which event reaches which handler."""

from functools import partial

from libs.common.consumer import Subscriptions
from libs.common.contracts import FeedbackReceived, RawIndicator
from services.verifier import handlers


def subscriptions(rules: handlers.RulesInForce) -> Subscriptions:
    return {
        RawIndicator: partial(handlers.verify_indicators, rules=rules),
        FeedbackReceived: handlers.weigh_feedback,
    }

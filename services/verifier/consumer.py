"""Kafka edge: which event reaches which handler."""

from functools import partial

from libs.common.consumer import Subscriptions
from libs.common.contracts import AssetRegistered, FeedbackReceived, NotificationSent, RawIndicator
from services.verifier import handlers


def subscriptions(rules: handlers.RulesInForce) -> Subscriptions:
    return {
        AssetRegistered: handlers.take_up_registrations,
        RawIndicator: partial(handlers.verify_indicators, rules=rules),
        NotificationSent: handlers.note_warnings,
        FeedbackReceived: handlers.weigh_feedback,
    }

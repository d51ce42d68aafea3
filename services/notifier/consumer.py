"""Kafka edge: which event reaches which handler."""

from functools import partial

from libs.common.consumer import Subscriptions
from libs.common.contracts import FeedbackReceived, IncidentChanged, TargetAttributed
from services.notifier.handlers import planning


def subscriptions(policy: planning.PlanningPolicy) -> Subscriptions:
    return {
        IncidentChanged: planning.take_up_incidents,
        TargetAttributed: partial(planning.plan_targets, policy=policy),
        FeedbackReceived: planning.heed_feedback,
    }

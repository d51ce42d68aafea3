"""Kafka edge: which event reaches which handler."""

from functools import partial

from libs.common.consumer import Subscriptions
from libs.common.contracts import ThreatVerified
from services.attribution import handlers


def subscriptions(directory: handlers.LiveDirectory, *, ladder: handlers.Ladder) -> Subscriptions:
    return {
        ThreatVerified: partial(handlers.attribute_threats, directory=directory, ladder=ladder),
    }

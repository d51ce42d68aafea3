"""Kafka edge: which event reaches which handler."""

from functools import partial

from libs.common.consumer import Subscriptions
from libs.common.contracts import RecipientUnreachable, ThreatVerified
from services.attribution import handlers


def subscriptions(directory: handlers.LiveDirectory, *, constituency: frozenset[str]) -> Subscriptions:
    return {
        ThreatVerified: partial(handlers.attribute_threats, directory=directory, constituency=constituency),
        RecipientUnreachable: partial(handlers.attribute_unreachable, directory=directory, constituency=constituency),
    }

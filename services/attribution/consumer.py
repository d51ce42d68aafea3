"""Kafka edge: which event reaches which handler."""

import asyncio
from functools import partial

from libs.common.consumer import Subscriptions
from libs.common.contracts import RecipientUnreachable, RegistrationConfirmed, ThreatVerified
from services.attribution import handlers


def subscriptions(decider: handlers.Decider, *, asked: asyncio.Event) -> Subscriptions:
    """`asked` is set when there is a new question to the outside."""
    return {
        ThreatVerified: partial(handlers.attribute_threats, decider=decider, asked=asked),
        RecipientUnreachable: partial(handlers.attribute_unreachable, decider=decider),
        RegistrationConfirmed: handlers.hear_registrations,
    }

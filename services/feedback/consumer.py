"""Kafka edge: which event reaches which handler."""

from libs.common.consumer import Subscriptions
from libs.common.contracts import IncidentChanged, NotificationSent, RegistrationFollowed
from services.feedback import handlers

SUBSCRIPTIONS: Subscriptions = {
    IncidentChanged: handlers.note_incidents,
    NotificationSent: handlers.note_notifications,
    RegistrationFollowed: handlers.follow_registrations,
}

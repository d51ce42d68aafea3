"""Writes the mails.

Hears `TargetAttributed`, `IncidentChanged`, `FeedbackReceived` and `DigestDue`; decides which target is mailed, when,
and with which others; says `NotificationSent` when the relay has taken a mail, and `IndicatorSettled` for every target.
"""

"""Writes the mails.

Hears `TargetAttributed`, `IncidentChanged`, `ThreatWithdrawn`, `FeedbackReceived`, `DigestDue` and `ClaimToConfirm`;
decides which target is mailed, when, and with which others, and who is told that a mail was wrong; says
`NotificationSent` when the relay has taken a mail, and `IndicatorSettled` for every target.
"""

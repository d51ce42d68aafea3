"""Hears the answers.

Hears `NotificationSent` and `IncidentChanged`; decides what counts as an answer, and what of it may be known; says
`FeedbackReceived`. Serves the pages that our mails name, and the public counters.
"""

"""Hears the answers.

Hears `NotificationSent` and `IncidentChanged`; decides what counts as an answer, what of it may be known, and what each
mail is that comes back; says `FeedbackReceived` and `MailReturned`. Serves the pages that our mails name, and the
public counters.
"""

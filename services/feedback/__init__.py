"""Hears the answers.

Hears `NotificationSent`, `IncidentChanged` and `RegistrationFollowed`; decides what counts as an answer, what of it may
be known, what each mail is that comes back, and what an organisation may register by itself; says `FeedbackReceived`,
`MailReturned`, `RegistrationToConfirm` and `RegistrationConfirmed`. Serves the pages that our mails name, and the
public counters.
"""

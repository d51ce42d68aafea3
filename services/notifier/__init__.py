"""Writes the mails.

Hears `TargetAttributed`, `IncidentChanged`, `ThreatWithdrawn`, `FeedbackReceived`, `MailReturned`,
`RecipientsExhausted`, `AssetRegistered`, `DigestDue` and `ClaimToConfirm`; decides which target is mailed, when, and
with which others, who is told that a mail was wrong, and who in place of whom could not be reached or has lost a proof;
says `NotificationSent` when the relay has taken a mail, `RecipientUnreachable` when it did not arrive or must not go,
and `IndicatorSettled` for every target.
"""

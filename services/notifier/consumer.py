"""Kafka edge: which event reaches which handler."""

from asyncio import Event
from functools import partial

from libs.common.consumer import Subscriptions
from libs.common.contracts import (
    AssetRegistered,
    ClaimToConfirm,
    DigestDue,
    FeedbackReceived,
    IncidentChanged,
    MailReturned,
    RecipientsExhausted,
    RegistrationFollowed,
    RegistrationToConfirm,
    TargetAttributed,
    ThreatWithdrawn,
)
from services.notifier.handlers import (
    continuing,
    corrections,
    digests,
    planning,
    registration_mails,
    registrations,
    returning,
)


def subscriptions(
    policy: planning.PlanningPolicy, grouping: planning.GroupingPolicy, waves: planning.FirstWavePolicy, queued: Event
) -> Subscriptions:
    return {
        IncidentChanged: partial(planning.take_up_incidents, waves=waves),
        TargetAttributed: partial(planning.plan_targets, policy=policy, grouping=grouping, queued=queued),
        ThreatWithdrawn: partial(
            corrections.heed_withdrawals, window=policy.correction_window, reference_key=grouping.reference_key
        ),
        AssetRegistered: registrations.heed_registrations,
        FeedbackReceived: planning.heed_feedback,
        MailReturned: returning.heed_returns,
        RecipientsExhausted: continuing.give_up,
        DigestDue: digests.take_up_digests,
        ClaimToConfirm: digests.take_up_claims,
        RegistrationToConfirm: registration_mails.take_up_questions,
        RegistrationFollowed: registration_mails.take_up_news,
    }

"""What the settings mean to those who decide."""

import hashlib
import hmac
from datetime import timedelta

from libs.common.vocabulary import Severity
from services.notifier.domain.brakes.first_wave import FirstWavePolicy, Newcomers
from services.notifier.domain.brakes.release import ReleasePolicy
from services.notifier.domain.brakes.volume import Measure, VolumePolicy
from services.notifier.domain.grouping import GroupingPolicy
from services.notifier.domain.house import House
from services.notifier.domain.planning import PlanningPolicy
from services.notifier.domain.replies import RetryPolicy
from services.notifier.handlers.keeping import BrakePolicy
from services.notifier.settings import NotifierSettings


def retry_policy(settings: NotifierSettings) -> RetryPolicy:
    return RetryPolicy(
        shortest=timedelta(minutes=settings.retry_shortest_minutes),
        longest=timedelta(minutes=settings.retry_longest_minutes),
        greatest_age=timedelta(hours=settings.retry_greatest_age_hours),
        ages={
            Severity.CRITICAL: timedelta(hours=settings.retry_critical_hours),
            Severity.HIGH: timedelta(hours=settings.retry_high_hours),
        },
        full_mailbox=timedelta(hours=settings.retry_full_mailbox_hours),
    )


def planning_policy(settings: NotifierSettings) -> PlanningPolicy:
    return PlanningPolicy(
        windows={
            Severity.CRITICAL: timedelta(seconds=settings.window_critical_seconds),
            Severity.HIGH: timedelta(seconds=settings.window_high_seconds),
            Severity.MEDIUM: timedelta(seconds=settings.window_medium_seconds),
            Severity.LOW: timedelta(seconds=settings.window_low_seconds),
            Severity.INFO: timedelta(seconds=settings.window_info_seconds),
        },
        repeat_interval=timedelta(days=settings.repeat_interval_days),
        reminders=settings.reminders,
        amounts=settings.amounts,
        correction_window=timedelta(seconds=settings.window_correction_seconds),
        continuation_window=timedelta(seconds=settings.window_continuation_seconds),
    )


def grouping_policy(settings: NotifierSettings) -> GroupingPolicy:
    return GroupingPolicy(
        approval_confidence=settings.approval_confidence,
        targets_per_mail=settings.targets_per_mail_max,
        reference_key=reference_key(settings),
    )


def brake_policy(settings: NotifierSettings) -> BrakePolicy:
    hours = settings.first_wave_release_hours
    return BrakePolicy(
        first_wave=FirstWavePolicy(
            newcomers=Newcomers(settings.first_wave),
            with_critical=settings.first_wave_critical,
            mails=settings.first_wave_mails,
            share=settings.first_wave_share,
        ),
        volume=VolumePolicy(
            is_on=settings.volume_stops,
            floors={Measure.MAILS: settings.volume_floor_mails, Measure.RECORDS: settings.volume_floor_records},
            factor=settings.volume_factor,
            spreads=settings.volume_spreads,
        ),
        release=ReleasePolicy(
            four_eyes=settings.release_four_eyes,
            by_itself_after=timedelta(hours=hours) if hours else None,
            most_bounced=settings.first_wave_most_bounced,
            most_wrong=settings.first_wave_most_wrong,
            least_useful=settings.first_wave_least_useful,
        ),
    )


def house(settings: NotifierSettings) -> House:
    return House(
        name=settings.from_name,
        from_address=settings.from_address,
        desk_address=settings.desk_address,
        envelope_sender=settings.plain_envelope_sender,
        public_url=settings.public_url,
    )


def link_key(settings: NotifierSettings) -> bytes:
    return settings.link_key.get_secret_value().encode()


def reference_key(settings: NotifierSettings) -> bytes:
    """A key of its own, or one that follows from the other: who knows a reference key can't sign links with it."""
    chosen = settings.reference_key.get_secret_value().encode()
    return chosen or hmac.digest(link_key(settings), b"references", hashlib.sha256)

"""What became of a partner's records in a period, in sums that reconcile; and what the partner can mend."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from libs.common.contracts import DigestDue, DigestFormat, DigestReason, DigestSubmission, DigestTrouble
from libs.common.ids import derived_id
from libs.common.vocabulary import Outcome
from services.intake.domain.digests.periods import Period
from services.intake.domain.outcomes import REVISABLE
from services.intake.domain.partners import Partner, PartnerKey
from services.intake.domain.submissions import REJECTED
from services.intake.domain.webhooks.deliveries import Disabled, Webhook

MOST_FORMATS = 50
MOST_REASONS = 10
OTHER_FORMATS = "other"

OPEN = (Outcome.PENDING.value, *sorted(REVISABLE))
"""Where a record can stand that may still change."""

REASONED = (
    REJECTED,
    Outcome.REFUTED.value,
    Outcome.EXPIRED.value,
    Outcome.OUT_OF_SCOPE.value,
    Outcome.HELD.value,
    Outcome.UNATTRIBUTABLE.value,
    Outcome.FAILED.value,
)
"""The outcomes whose reasons are told. That of a notified record is the reference of one recipient's mail."""

KEY_ENDS_SOON = timedelta(days=14)

Outcomes = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """The submissions of a period as they stood at one moment, and those of earlier ones that were open when last told.

    `told` is how those earlier ones stood then, `earlier` how they stand now. `still_open` is what the next digest has
    to look at again.
    """

    formats: Sequence[DigestFormat] = ()
    failed_submissions: int = 0
    shown: Sequence[DigestSubmission] = ()
    told: Mapping[UUID, Outcomes] = field(default_factory=dict)
    earlier: Mapping[UUID, Outcomes] = field(default_factory=dict)
    still_open: Mapping[UUID, Outcomes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a partner comes in with and is told by, as it stands now."""

    keys: Sequence[PartnerKey] = ()
    webhook: Webhook | None = None


def digest_of(
    partner: Partner,
    period: Period,
    fates: Fates,
    *,
    reasons: Sequence[DigestReason],
    standing: Standing,
    public_url: str,
    now: datetime,
) -> DigestDue | None:
    """What there is to tell; None if nothing came and nothing moved. One for a partner and the end of a period."""
    earlier = _moved(fates)
    if not fates.formats and not earlier:
        return None
    outcomes = _summed(each.outcomes for each in fates.formats)
    return DigestDue(
        digest_id=derived_id("digest", partner.id, period.until.isoformat()),
        partner_id=partner.id,
        partner=partner.slug,
        name=partner.name,
        email=partner.contact_email,
        language=partner.digest_language,
        cadence=partner.digest,
        since=period.since,
        until=period.until,
        made_at=now,
        submissions_total=sum(each.submissions for each in fates.formats),
        outcomes=outcomes,
        formats=_most(fates.formats),
        reasons=tuple(sorted(reasons, key=lambda each: -each.records)[:MOST_REASONS]),
        submissions=tuple(_linked(each, public_url) for each in fates.shown),
        earlier=earlier,
        earlier_pending=sum(each.get(Outcome.PENDING, 0) for each in fates.earlier.values()),
        troubles=tuple(_troubles(outcomes, fates, standing, now=now)),
    )


def _summed(each: Iterable[Outcomes]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for outcomes in each:
        total.update(outcomes)
    return dict(total)


def _moved(fates: Fates) -> dict[str, int]:
    """The records of earlier submissions that have reached another outcome since they were told of."""
    moved: Counter[str] = Counter()
    for submission_id, outcomes in fates.earlier.items():
        before = fates.told.get(submission_id, {})
        moved.update({outcome: max(0, n - before.get(outcome, 0)) for outcome, n in outcomes.items()})
    return {outcome: n for outcome, n in moved.items() if n and outcome != Outcome.PENDING}


def _most(formats: Sequence[DigestFormat]) -> tuple[DigestFormat, ...]:
    """Those with the most records first; what there are too many of is told as one, so that the sums stay."""
    ordered = sorted(formats, key=lambda each: (-sum(each.outcomes.values()), each.format, each.report_type or ""))
    shown, rest = ordered[:MOST_FORMATS], ordered[MOST_FORMATS:]
    if not rest:
        return tuple(shown)
    submissions = sum(each.submissions for each in rest)
    outcomes = _summed(each.outcomes for each in rest)
    return (*shown, DigestFormat(format=OTHER_FORMATS, submissions=submissions, outcomes=outcomes))


def _linked(submission: DigestSubmission, public_url: str) -> DigestSubmission:
    if not public_url:
        return submission
    return msgspec.structs.replace(submission, url=f"{public_url}/v1/submissions/{submission.submission_id}")


def _troubles(outcomes: Outcomes, fates: Fates, standing: Standing, *, now: datetime) -> Iterator[DigestTrouble]:
    """The worst first: what stops everything, then payloads, then records."""
    yield from (
        DigestTrouble(kind="key-ends", at=key.expires_at, detail=key.prefix)
        for key in standing.keys
        if _ends_unreplaced(key, standing.keys, now=now)
    )
    if standing.webhook is not None:
        yield from _webhook_troubles(standing.webhook)
    if fates.failed_submissions:
        yield DigestTrouble(kind="submissions-failed", count=fates.failed_submissions)
    for kind, outcome in (("records-rejected", REJECTED), ("records-expired", Outcome.EXPIRED.value)):
        if outcomes.get(outcome):
            yield DigestTrouble(kind=kind, count=outcomes[outcome])


def _ends_unreplaced(key: PartnerKey, keys: Sequence[PartnerKey], *, now: datetime) -> bool:
    """Whether a key ends soon in whose place no other has come."""
    if key.expires_at is None or not key.opens(now) or key.expires_at > now + KEY_ENDS_SOON:
        return False
    return all(other.replaces != key.id or not other.opens(now) for other in keys)


def _webhook_troubles(webhook: Webhook) -> Iterator[DigestTrouble]:
    if webhook.disabled in (Disabled.FAILING, Disabled.GONE):
        yield DigestTrouble(kind="webhook-disabled")
    elif webhook.disabled is None and webhook.failing_since is not None:
        yield DigestTrouble(kind="webhook-failing", at=webhook.failing_since)

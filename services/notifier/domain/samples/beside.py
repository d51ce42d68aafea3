"""Made-up mails beside the notifications: digests to partners, and claims that are put to a registry's contact."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from libs.common.contracts import (
    ClaimToConfirm,
    DigestDue,
    DigestFormat,
    DigestReason,
    DigestSubmission,
    DigestTrouble,
)
from libs.common.ids import derived_id
from libs.common.vocabulary import AssetKind, DigestCadence, Language
from services.notifier.domain.digests.digest import AnySideMail, ClaimMail, Digest
from services.notifier.domain.notification import State
from services.notifier.domain.samples.wish import Misfit

EMAIL = "info@example.com"
ADDRESS = "https://tocsin.example"
CLAIMED = {AssetKind.DOMAIN: "example.com", AssetKind.IP_RANGE: "198.18.0.0/24", AssetKind.ASN: "AS64500"}
LASTS = {DigestCadence.DAILY: timedelta(days=1), DigestCadence.WEEKLY: timedelta(days=7)}


class SideKind(StrEnum):
    DIGEST = "digest"
    CLAIM = "claim"


class Came(StrEnum):
    """What a partner has pushed: nothing; a little, with nothing wrong; or so much that all of a digest is told."""

    NOTHING = "nothing"
    LITTLE = "little"
    MUCH = "much"


class SideWish(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to look at. `cadence` and `came` are a digest's, `asset` and `source` a claim's: None is what is usual.

    `without_page`: the service does not know the address of its own pages, so that the mail has no link.
    """

    mail: SideKind
    language: Language = Language.DUTCH
    without_page: bool = False
    cadence: DigestCadence | None = None
    came: Came | None = None
    asset: AssetKind | None = None
    source: str = ""


def side_misfits(wish: SideWish) -> Iterator[Misfit]:
    """All that does not go together."""
    belongs = {
        "cadence": (wish.cadence is not None, SideKind.DIGEST),
        "came": (wish.came is not None, SideKind.DIGEST),
        "asset": (wish.asset is not None, SideKind.CLAIM),
        "source": (bool(wish.source), SideKind.CLAIM),
    }
    for option, (is_wanted, mail) in belongs.items():
        if is_wanted and wish.mail is not mail:
            yield Misfit(option, f"It belongs to a {mail}, not to a {wish.mail}.")


def sample_beside(wish: SideWish, *, name: str, now: datetime) -> AnySideMail:
    """A mail to somebody who does not exist; `name` is what they could be called."""
    return _claim(wish, name, now) if wish.mail is SideKind.CLAIM else _digest(wish, name, now)


def _claim(wish: SideWish, name: str, now: datetime) -> ClaimMail:
    asset = wish.asset or AssetKind.DOMAIN
    identity = derived_id("sample-claim", asset, wish.language)
    claim = ClaimToConfirm(
        request_id=identity,
        organisation=name,
        kind=asset,
        value=CLAIMED[asset],
        email=EMAIL,
        language=wish.language,
        source=wish.source or "rdap-domain",
        code="ABCD-EFGH-JKMN",
        asked_at=now,
        expires_at=now + timedelta(days=7),
        url="" if wish.without_page else f"{ADDRESS}/claims/preview",
    )
    return ClaimMail(
        id=identity,
        state=State.QUEUED,
        reason="",
        created_at=now,
        next_attempt_at=now,
        sent_at=None,
        subject=None,
        tries=0,
        doubts=0,
        claim=claim,
    )


def _digest(wish: SideWish, name: str, now: datetime) -> Digest:
    identity = derived_id("sample-digest", wish.language)
    return Digest(
        id=identity,
        state=State.QUEUED,
        reason="",
        created_at=now,
        next_attempt_at=now,
        sent_at=None,
        subject=None,
        tries=0,
        doubts=0,
        due=_due(wish, name, now),
    )


def _due(wish: SideWish, name: str, now: datetime) -> DigestDue:
    cadence = wish.cadence or DigestCadence.DAILY
    nothing = DigestDue(
        digest_id=derived_id("sample-digest", wish.language),
        partner_id=derived_id("sample-partner"),
        partner="example",
        name=name,
        email=EMAIL,
        language=wish.language,
        cadence=cadence,
        since=now - LASTS[cadence],
        until=now,
        made_at=now,
        submissions_total=0,
        outcomes={},
    )
    match wish.came or Came.LITTLE:
        case Came.NOTHING:
            return nothing
        case Came.LITTLE:
            return _with_little(nothing, wish, now)
        case Came.MUCH:
            return _with_much(nothing, wish, now)


def _with_little(due: DigestDue, wish: SideWish, now: datetime) -> DigestDue:
    outcomes = {"notified": 3, "pending": 1}
    return msgspec.structs.replace(
        due,
        submissions_total=1,
        outcomes=outcomes,
        formats=(DigestFormat(format="tocsin-csv", submissions=1, outcomes=outcomes),),
        submissions=(_submission(wish, now, "done", outcomes),),
    )


def _with_much(due: DigestDue, wish: SideWish, now: datetime) -> DigestDue:
    outcomes = {"notified": 1200, "duplicate": 340, "held": 12, "expired": 25, "rejected": 7}
    return msgspec.structs.replace(
        due,
        submissions_total=40,
        outcomes=outcomes,
        formats=(
            DigestFormat(format="shadowserver-csv", report_type="scan_smb", submissions=39, outcomes=outcomes),
            DigestFormat(format="xarf", submissions=1),
        ),
        reasons=(
            DigestReason(outcome="expired", reason="age", records=25),
            DigestReason(outcome="rejected", reason="invalid-ip", records=7),
        ),
        submissions=(
            _submission(wish, now, "failed", {"rejected": 7}),
            _submission(wish, now, "processing", {"notified": 20}),
            _submission(wish, now, "done", {"notified": 1180, "duplicate": 340}),
        ),
        earlier={"notified": 9},
        earlier_pending=4,
        troubles=(
            DigestTrouble(kind="key-ends", at=now + timedelta(days=9), detail="toc_example"),
            DigestTrouble(kind="webhook-disabled", at=now),
            DigestTrouble(kind="webhook-failing", at=now - timedelta(days=1)),
            DigestTrouble(kind="submissions-failed", count=1),
            DigestTrouble(kind="records-rejected", count=7),
            DigestTrouble(kind="records-expired", count=25),
        ),
    )


def _submission(wish: SideWish, now: datetime, status: str, outcomes: dict[str, int]) -> DigestSubmission:
    identity = derived_id("sample-submission", status)
    return DigestSubmission(
        submission_id=identity,
        received_at=now - timedelta(hours=6),
        status=status,
        format="tocsin-csv",
        file_name="example.csv" if status == "done" else None,
        outcomes=outcomes,
        url="" if wish.without_page else f"{ADDRESS}/submissions/{identity}",
    )

"""Made-up mails beside the notifications: digests to partners, claims that are put to a registry's contact, and what an
organisation that registers by itself is asked and told.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

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
from libs.common.vocabulary import AssetKind, ClaimState, DigestCadence, Language
from services.notifier.domain.digests.digest import (
    AnySideMail,
    ClaimMail,
    Digest,
    RegistrationMail,
    RegistrationNews,
)
from services.notifier.domain.notification import State
from services.notifier.domain.samples.registrations import made_up_asset, sample_news, sample_question
from services.notifier.domain.samples.wish import Misfit

EMAIL = "info@example.com"
ADDRESS = "https://tocsin.example"
LASTS = {DigestCadence.DAILY: timedelta(days=1), DigestCadence.WEEKLY: timedelta(days=7)}


class SideKind(StrEnum):
    DIGEST = "digest"
    CLAIM = "claim"
    REGISTRATION = "registration"
    REGISTRATION_NEWS = "registration-news"


class Came(StrEnum):
    """What a partner has pushed: nothing; a little, with nothing wrong; or so much that all of a digest is told."""

    NOTHING = "nothing"
    LITTLE = "little"
    MUCH = "much"


class SideWish(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to look at. What is not said is what is usual.

    `cadence` and `came` are a digest's, `source` is a claim's. `asset` is what is claimed or registered, `assets` how
    many are registered, and `states` how far they are, in turn. `without_page`: the service does not know the address
    of its own pages, so that a digest or a claim has no link.
    """

    mail: SideKind
    language: Language = Language.DUTCH
    without_page: bool = False
    cadence: DigestCadence | None = None
    came: Came | None = None
    asset: AssetKind | None = None
    source: str = ""
    assets: int | None = None
    states: tuple[ClaimState, ...] = ()


_OF_REGISTRATIONS = (SideKind.REGISTRATION, SideKind.REGISTRATION_NEWS)


def side_misfits(wish: SideWish) -> Iterator[Misfit]:
    """All that does not go together."""
    belongs = {
        "without_page": (wish.without_page, (SideKind.DIGEST, SideKind.CLAIM)),
        "cadence": (wish.cadence is not None, (SideKind.DIGEST,)),
        "came": (wish.came is not None, (SideKind.DIGEST,)),
        "asset": (wish.asset is not None, (SideKind.CLAIM, *_OF_REGISTRATIONS)),
        "source": (bool(wish.source), (SideKind.CLAIM,)),
        "assets": (wish.assets is not None, _OF_REGISTRATIONS),
        "states": (bool(wish.states), (SideKind.REGISTRATION_NEWS,)),
    }
    for option, (is_wanted, mails) in belongs.items():
        if is_wanted and wish.mail not in mails:
            yield Misfit(option, f"It belongs to a {' or a '.join(mails)}, not to a {wish.mail}.")
    if wish.mail is SideKind.REGISTRATION_NEWS:
        yield from _in_the_news(wish)


def _in_the_news(wish: SideWish) -> Iterator[Misfit]:
    if wish.assets is not None and wish.assets < len(wish.states):
        yield Misfit("assets", f"They are too few for the states: at least {len(wish.states)}.")
    is_of_a_domain = ClaimState.RECORD_WANTED in wish.states or not wish.states
    if is_of_a_domain and wish.asset not in (None, AssetKind.DOMAIN):
        fitting = ", ".join(state for state in ClaimState if state is not ClaimState.RECORD_WANTED)
        yield Misfit("asset", f"A record proves a domain alone: `states` of another asset are {fitting}.")


def sample_beside(wish: SideWish, *, name: str, now: datetime) -> AnySideMail:
    """A mail to somebody who does not exist; `name` is what they could be called."""
    match wish.mail:
        case SideKind.DIGEST:
            due = _due(wish, name, now)
            return Digest(**_unsent(due.digest_id, now), due=due)
        case SideKind.CLAIM:
            claim = _claim(wish, name, now)
            return ClaimMail(**_unsent(claim.request_id, now), claim=claim)
        case SideKind.REGISTRATION:
            asked = sample_question(
                name=name, email=EMAIL, language=wish.language, kind=wish.asset, assets=wish.assets, now=now
            )
            return RegistrationMail(**_unsent(asked.event_id, now), asked=asked)
        case SideKind.REGISTRATION_NEWS:
            followed = sample_news(
                name=name,
                email=EMAIL,
                language=wish.language,
                kind=wish.asset,
                states=wish.states or (ClaimState.RECORD_WANTED,),
                assets=wish.assets,
                now=now,
            )
            return RegistrationNews(**_unsent(followed.event_id, now), followed=followed)
        case _ as never:
            assert_never(never)


def _unsent(identity: UUID, now: datetime) -> dict[str, Any]:  # Any: each field has its own type
    """What every mail has that waits for its first try."""
    return {
        "id": identity,
        "state": State.QUEUED,
        "reason": "",
        "created_at": now,
        "next_attempt_at": now,
        "sent_at": None,
        "subject": None,
        "tries": 0,
        "doubts": 0,
    }


def _claim(wish: SideWish, name: str, now: datetime) -> ClaimToConfirm:
    asset = wish.asset or AssetKind.DOMAIN
    return ClaimToConfirm(
        request_id=derived_id("sample-claim", asset, wish.language),
        organisation=name,
        kind=asset,
        value=made_up_asset(asset),
        email=EMAIL,
        language=wish.language,
        source=wish.source or "rdap-domain",
        code="ABCD-EFGH-JKMN",
        asked_at=now,
        expires_at=now + timedelta(days=7),
        url="" if wish.without_page else f"{ADDRESS}/claims/preview",
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

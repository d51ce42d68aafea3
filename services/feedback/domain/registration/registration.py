"""A registration, from the question whether it is right to its end."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

import msgspec

from libs.common.contracts import ClaimedAsset, FollowedAsset, RegistrationConfirmed, RegistrationToConfirm
from libs.common.vocabulary import AssetKind, ClaimState, Language
from services.feedback.domain.registration.form import Wanted
from services.feedback.domain.registration.policy import RegistrationPolicy


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation has registered. Nobody is told of it before whoever reads `email` has confirmed it.

    It is forgotten at `expires_at`; None: not as long as it stands. `revision` counts what attribution was told;
    `changes` those of the day `changed_on`. `followed` is how far the proofs are, as attribution has said last.
    """

    registration_id: UUID
    organisation: str
    email: str
    language: Language
    assets: tuple[ClaimedAsset, ...]
    asked_at: datetime
    expires_at: datetime | None
    kvk_number: str | None = None
    confirmed_at: datetime | None = None
    withdrawn_at: datetime | None = None
    merged_into: UUID | None = None
    revision: int = 0
    changes: int = 0
    changed_on: date | None = None
    followed: tuple[FollowedAsset, ...] = ()

    @property
    def stands(self) -> bool:
        """Confirmed, and neither withdrawn nor gone over into another."""
        return self.confirmed_at is not None and self.withdrawn_at is None and self.merged_into is None

    def followed_as(self, asset: ClaimedAsset) -> FollowedAsset | None:
        """How far its proof is; None until attribution has said so."""
        return next((each for each in self.followed if (each.kind, each.value) == (asset.kind, asset.value)), None)


def mailbox_of(email: str) -> str:
    """Whose mailbox an address leads to: by what stands before a plus sign, in whatever letters."""
    local, _, domain = email.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def asset_key(kind: AssetKind, value: str) -> str:
    """By which a form names an asset."""
    return f"{kind} {value}"


def asked(wanted: Wanted, *, registration_id: UUID, policy: RegistrationPolicy, now: datetime) -> Registration:
    """Its owner is asked whether it is right. The same once more is the same registration, asked about anew."""
    return Registration(
        registration_id=registration_id,
        organisation=wanted.organisation,
        kvk_number=wanted.kvk_number,
        email=wanted.email,
        language=wanted.language,
        assets=wanted.assets,
        asked_at=now,
        expires_at=now + policy.kept_for,
    )


def is_the_same(registration: Registration, wanted: Wanted) -> bool:
    """Whether exactly this was asked for."""
    names = Wanted.__struct_fields__
    return all(getattr(registration, name) == getattr(wanted, name) for name in names)


def is_of_the_same(one: Registration, other: Registration) -> bool:
    """Whether two registrations from one mailbox are about one organisation."""
    by_number = one.kvk_number is not None and one.kvk_number == other.kvk_number
    return by_number or one.organisation.casefold() == other.organisation.casefold()


def is_another_try(registration: Registration, assets: Iterable[ClaimedAsset]) -> bool:
    """Whether any of these was not proven in time: whoever registers it once more wants to prove it after all."""
    followed = filter(None, map(registration.followed_as, assets))
    return any(each.state is ClaimState.LAPSED for each in followed)


def confirmed(registration: Registration, *, assets: tuple[ClaimedAsset, ...], now: datetime) -> Registration:
    """Whoever reads the address says that it is right."""
    return _told(msgspec.structs.replace(registration, confirmed_at=now, expires_at=None, assets=assets), now)


def merged(registration: Registration, *, into: Registration, now: datetime) -> Registration:
    """Its link leads to the other one from now on."""
    return msgspec.structs.replace(
        registration, confirmed_at=now, expires_at=None, merged_into=into.registration_id, assets=()
    )


def with_assets(registration: Registration, assets: Iterable[ClaimedAsset], *, now: datetime) -> Registration:
    """It has these from now on, and no others."""
    return _told(msgspec.structs.replace(registration, assets=tuple(assets)), now)


def withdrawn(registration: Registration, *, policy: RegistrationPolicy, now: datetime) -> Registration:
    """All of it is taken back; its page says so for a while, and then it is forgotten."""
    return _told(
        msgspec.structs.replace(
            registration, withdrawn_at=now, expires_at=now + policy.kept_for, assets=(), followed=()
        ),
        now,
    )


def may_change(registration: Registration, *, policy: RegistrationPolicy, now: datetime) -> bool:
    """Whether attribution may be told of another change today."""
    return registration.changed_on != now.date() or registration.changes < policy.changes_a_day


def to_confirm(registration: Registration) -> RegistrationToConfirm:
    """For the notifier, which asks."""
    assert registration.expires_at is not None  # noqa: S101 - so `asked` has made it
    return RegistrationToConfirm(
        registration_id=registration.registration_id,
        organisation=registration.organisation,
        email=registration.email,
        language=registration.language,
        assets=registration.assets,
        asked_at=registration.asked_at,
        expires_at=registration.expires_at,
    )


def as_confirmed(registration: Registration, *, now: datetime) -> RegistrationConfirmed:
    """For attribution: all of it, as it is now."""
    return RegistrationConfirmed(
        registration_id=registration.registration_id,
        revision=registration.revision,
        organisation=registration.organisation,
        email=registration.email,
        language=registration.language,
        assets=registration.assets,
        at=now,
        kvk_number=registration.kvk_number,
        is_withdrawn=registration.withdrawn_at is not None,
    )


def _told(registration: Registration, now: datetime) -> Registration:
    """Attribution is told, which counts."""
    today = now.date()
    so_far = registration.changes if registration.changed_on == today else 0
    return msgspec.structs.replace(
        registration, revision=registration.revision + 1, changed_on=today, changes=so_far + 1
    )

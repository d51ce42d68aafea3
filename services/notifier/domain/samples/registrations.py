"""What an organisation that registers by itself is asked and told, made up: any assets, in any state."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count, cycle, islice

from libs.common.contracts import ClaimedAsset, FollowedAsset, RegistrationFollowed, RegistrationToConfirm
from libs.common.ids import derived_id
from libs.common.vocabulary import AssetKind, ClaimState, Language

MOST_ASSETS = 200

KINDS = (AssetKind.DOMAIN, AssetKind.IP_RANGE, AssetKind.ASN)
OFTEN_OF = {ClaimState.CONTACT_ASKED: AssetKind.IP_RANGE, ClaimState.NO_CONTACT: AssetKind.ASN}
"""Of what a state is as a rule told; all others are of a domain."""

LASTS = {
    ClaimState.RECORD_WANTED: timedelta(days=14),
    ClaimState.CONTACT_ASKED: timedelta(days=7),
    ClaimState.PROVEN: timedelta(days=365),
}
"""Those that end by themselves."""


def made_up_asset(kind: AssetKind, number: int = 0) -> str:
    """One of a kind; others by other numbers below `MOST_ASSETS`."""
    match kind:
        case AssetKind.DOMAIN:
            return f"site-{number}.example.com" if number else "example.com"
        case AssetKind.IP_RANGE:
            return f"198.18.{number}.0/24"
        case AssetKind.ASN:
            return f"AS{64500 + number}"


def _made_up_assets(kinds: Sequence[AssetKind]) -> Iterator[ClaimedAsset]:
    numbers = {kind: count() for kind in KINDS}
    for kind in kinds:
        yield ClaimedAsset(kind=kind, value=made_up_asset(kind, next(numbers[kind])))


def sample_question(
    *, name: str, email: str, language: Language, kind: AssetKind | None, assets: int | None, now: datetime
) -> RegistrationToConfirm:
    """Whether it is right that all this was registered: of one `kind`, or of each in turn."""
    kinds = [kind] if kind else KINDS
    return RegistrationToConfirm(
        registration_id=derived_id("sample-registration", language),
        organisation=name,
        email=email,
        language=language,
        assets=tuple(_made_up_assets([*islice(cycle(kinds), assets or len(kinds))])),
        asked_at=now,
        expires_at=now + timedelta(days=7),
    )


def sample_news(
    *,
    name: str,
    email: str,
    language: Language,
    kind: AssetKind | None,
    states: Sequence[ClaimState],
    assets: int | None,
    now: datetime,
) -> RegistrationFollowed:
    """How far so many assets are, in these states in turn: of one `kind`, or of what each state is often told."""
    reached = [*islice(cycle(states), assets or len(states))]
    claimed = _made_up_assets([kind or OFTEN_OF.get(state, AssetKind.DOMAIN) for state in reached])
    followed = tuple(_followed(asset, state, now) for asset, state in zip(claimed, reached, strict=True))
    return RegistrationFollowed(
        registration_id=derived_id("sample-registration", language),
        revision=1,
        answers=1,
        organisation_id=derived_id("sample-organisation", language),
        organisation=name,
        email=email,
        language=language,
        assets=followed,
        at=now,
        news=tuple(asset.value for asset in followed),
    )


def _followed(asset: ClaimedAsset, state: ClaimState, now: datetime) -> FollowedAsset:
    needs_record = state is ClaimState.RECORD_WANTED
    return FollowedAsset(
        kind=asset.kind,
        value=asset.value,
        state=state,
        record_name=f"_tocsin-challenge.{asset.value}" if needs_record else "",
        record_value=f"tocsin-proof={derived_id('sample-challenge', asset.value).hex}" if needs_record else "",
        contact="a***@network.example" if state is ClaimState.CONTACT_ASKED else "",
        until=now + LASTS[state] if state in LASTS else None,
    )

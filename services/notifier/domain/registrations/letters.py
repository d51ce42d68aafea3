"""What an organisation that registers by itself reads, before it has a shape."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from libs.common.contracts import ClaimedAsset, FollowedAsset, RegistrationFollowed, RegistrationToConfirm
from libs.common.text import defang, plain
from libs.common.vocabulary import AssetKind, ClaimState, Language
from services.notifier.domain.house import House
from services.notifier.domain.letter import NAME_CHARACTERS
from services.notifier.domain.registrations.words import RegistrationWords
from services.notifier.domain.words import Words

ASSET_CHARACTERS = 300
MOST_ASSETS = 40
"""So many are named in one mail; the page has all of them. Programs cut off what is longer."""

TO_DO = (ClaimState.RECORD_WANTED, ClaimState.CONTACT_ASKED, ClaimState.NO_CONTACT)
"""What is still on its way to be proven."""

ORDER = (*TO_DO, ClaimState.CONTESTED, ClaimState.REFUSED, ClaimState.LAPSED, ClaimState.PROVEN)
"""What may have to be done first."""


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is told of an asset. What `is_copied` stands as it is, on a line of its own."""

    label: str
    value: str
    is_copied: bool = False


class ToldAsset(msgspec.Struct, frozen=True, kw_only=True):
    """One asset, and what is told of it."""

    name: str
    facts: Sequence[Fact]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """The assets that have come to one state, and what that means."""

    heading: str
    text: str
    assets: Sequence[ToldAsset]


class RegistrationLetter(msgspec.Struct, frozen=True, kw_only=True):
    """What both mails have. Templates put it in its place and add no word of their own.

    `brackets` says how to read `[.]`, `home` is what a reader types to see who we are, `url` is their own page.
    """

    words: RegistrationWords
    language: Language
    values: Mapping[str, str]
    subject: str
    brackets: str
    home: str
    url: str

    def say(self, sentence: str) -> str:
        """A sentence with its values filled in. They are plain text still: whoever prints them has to escape them."""
        return sentence.format_map(self.values)


class ConfirmLetter(RegistrationLetter, frozen=True, kw_only=True):
    """The question whether a registration is right."""

    facts: Sequence[Fact]
    more: str


class NewsLetter(RegistrationLetter, frozen=True, kw_only=True):
    """How far the proof of some assets is."""

    sections: Sequence[Section]
    more: str
    is_to_do: bool


def confirm_letter_of(
    asked: RegistrationToConfirm, *, url: str, words: RegistrationWords, common: Words, house: House
) -> ConfirmLetter:
    """Write the letter. Who filled something in is not known: it comes out as plain, defanged, bounded text.

    The subject has none of it, so that nobody can have us mail their own line to strangers.
    """
    values = _values(asked.organisation, house) | {"until": common.at(asked.expires_at)}
    shown = asked.assets[:MOST_ASSETS]
    return ConfirmLetter(
        words=words,
        language=asked.language,
        values=values,
        subject=words.confirm.subject.format_map(values),
        brackets=common.phrases.brackets,
        home=house.home_address,
        url=url,
        facts=[Fact(label=words.confirm.organisation, value=values["organisation"]), *_by_kind(shown, words)],
        more=_more(len(asked.assets) - len(shown), words),
    )


def _by_kind(assets: Sequence[ClaimedAsset], words: RegistrationWords) -> Iterator[Fact]:
    for kind in (AssetKind.DOMAIN, AssetKind.IP_RANGE, AssetKind.ASN):
        values = [_shown(asset.value) for asset in assets if asset.kind is kind]
        if values:
            yield Fact(label=words.kinds[kind].for_count(len(values)), value=", ".join(values))


def news_letter_of(
    followed: RegistrationFollowed, *, url: str, words: RegistrationWords, common: Words, house: House
) -> NewsLetter:
    """Write the letter about those of the assets that are its news, by their state."""
    told = [
        asset for state in ORDER for asset in followed.assets if asset.state is state and asset.value in followed.news
    ]
    states = {asset.state for asset in told}
    shown = told[:MOST_ASSETS]
    values = _values(followed.organisation, house)
    return NewsLetter(
        words=words,
        language=followed.language,
        values=values,
        subject=_subject(told, words),
        brackets=common.phrases.brackets,
        home=house.home_address,
        url=url,
        sections=[*_sections(shown, words, common)],
        more=_more(len(told) - len(shown), words),
        is_to_do=not states.isdisjoint(TO_DO),
    )


def _subject(told: Sequence[FollowedAsset], words: RegistrationWords) -> str:
    states = {asset.state for asset in told}
    if len(states) == 1:
        subject = words.states[told[0].state].subject.for_count(len(told))
        return subject.format(asset=_shown(told[0].value), count=len(told))
    return words.news.subject_mixed if states.isdisjoint(TO_DO) else words.news.subject_to_do


def _sections(assets: Sequence[FollowedAsset], words: RegistrationWords, common: Words) -> Iterator[Section]:
    for state in ORDER:
        of_state = [asset for asset in assets if asset.state is state]
        if of_state:
            told = words.states[state]
            yield Section(
                heading=told.heading,
                text=told.text,
                assets=[
                    ToldAsset(name=_shown(asset.value), facts=[*_facts(asset, words, common)]) for asset in of_state
                ],
            )


def _facts(asset: FollowedAsset, words: RegistrationWords, common: Words) -> Iterator[Fact]:
    """The record is to be copied, so it has no brackets: the name that it begins with is their own."""
    if asset.record_name:
        yield Fact(label=words.news.record_name, value=plain(asset.record_name, ASSET_CHARACTERS), is_copied=True)
    if asset.record_value:
        yield Fact(label=words.news.record_value, value=plain(asset.record_value, ASSET_CHARACTERS), is_copied=True)
    if asset.contact:
        yield Fact(label=words.news.contact, value=_shown(asset.contact))
    if asset.until is not None and (label := words.states[asset.state].until):
        yield Fact(label=label, value=common.at(asset.until))


def _values(organisation: str, house: House) -> dict[str, str]:
    return {
        "organisation": defang(plain(organisation, NAME_CHARACTERS)),
        "sender": house.name,
        "desk_address": house.desk_address,
    }


def _shown(value: str) -> str:
    return defang(plain(value, ASSET_CHARACTERS))


def _more(count: int, words: RegistrationWords) -> str:
    return words.news.more.for_count(count).format(count=count) if count else ""

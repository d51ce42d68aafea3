"""The words of a registration's mails in one language: a content file of `templates/registration/` in typed form."""

from collections.abc import Mapping

import msgspec

from libs.common.vocabulary import AssetKind, ClaimState
from services.notifier.domain.words import Counted


class GenuineWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a reader finds out that a mail is ours: `how` stands above the address of our pages, `otherwise` below."""

    heading: str
    how: str
    otherwise: str
    never: str


class ConfirmWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the question whether a registration is right, in the order of the mail."""

    brand_line: str
    subject: str
    greeting: str
    introduction: str
    who_we_are: str
    filled_in_heading: str
    organisation: str
    right_heading: str
    right: str
    until: str
    secret: str
    next: str
    wrong_heading: str
    wrong: str


class NewsWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the instructions and of all later news, in the order of the mail.

    A subject is that of the state, where all of the news is in one: `subject_to_do` and `subject_mixed` are for several
    states, with and without something that can be done about them.
    """

    brand_line: str
    subject_to_do: str
    subject_mixed: str
    greeting: str
    to_do: str
    news: str
    record_name: str
    record_value: str
    contact: str
    more: Counted
    next_heading: str
    next: str
    page_heading: str
    page: str


class StateWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is told of the assets that have come to one state. `until` is the label of when it ends."""

    subject: Counted
    heading: str
    text: str
    until: str


class RegistrationWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All words of one language. `{names}` in them are filled in from the values of a letter."""

    footer: str
    kinds: Mapping[AssetKind, Counted]
    confirm: ConfirmWords
    news: NewsWords
    states: Mapping[ClaimState, StateWords]
    genuine: GenuineWords

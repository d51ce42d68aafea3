"""The words of a claim's mail in one language: a content file of `templates/claim/` in typed form."""

from collections.abc import Mapping

import msgspec

from libs.common.vocabulary import AssetKind


class ClaimHeadings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The headings of the sections, in the order of the mail."""

    claim: str
    right: str
    wrong: str
    unknown: str
    genuine: str


class ClaimPhrases(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sentences, in the order of the mail. Where there is no page those of `by_mail` take the place of the others."""

    greeting: str
    introduction: str
    organisation: str
    until: str
    right: str
    right_by_mail: str
    meaning: str
    once: str
    wrong: str
    wrong_by_mail: str
    unknown: str
    genuine: str
    never: str
    footer: str


class ClaimWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All words of one language. `{names}` in them are filled in from the values of a claim.

    `sources` say why this contact is asked; one that is not there is told as `elsewhere`.
    """

    brand_line: str
    subject: str
    headings: ClaimHeadings
    phrases: ClaimPhrases
    kinds: Mapping[AssetKind, str]
    sources: Mapping[str, str]
    elsewhere: str

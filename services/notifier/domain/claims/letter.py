"""What a registry's contact reads of a claim, before it has a shape."""

from collections.abc import Mapping, Sequence

import msgspec

from libs.common.contracts import ClaimToConfirm
from libs.common.text import defang, plain
from libs.common.vocabulary import Language
from services.notifier.domain.claims.words import ClaimWords
from services.notifier.domain.house import House
from services.notifier.domain.letter import NAME_CHARACTERS
from services.notifier.domain.words import Words

ASSET_CHARACTERS = 300


class ClaimLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One claim's mail. Templates put it in its place and add no word of their own. Without `url` there is no page."""

    words: ClaimWords
    language: Language
    values: Mapping[str, str]
    subject: str
    facts: Sequence[tuple[str, str]]
    code: str
    url: str

    def say(self, sentence: str) -> str:
        """A sentence with its values filled in. They are plain text still: whoever prints them has to escape them."""
        return sentence.format_map(self.values)


def claim_letter_of(claim: ClaimToConfirm, *, words: ClaimWords, common: Words, house: House) -> ClaimLetter:
    """Write the letter. What the claimant calls itself comes out as plain, defanged, bounded text."""
    values = {
        "organisation": defang(plain(claim.organisation, NAME_CHARACTERS)),
        "asset": defang(plain(claim.value, ASSET_CHARACTERS)),
        "why": words.sources.get(claim.source, words.elsewhere),
        "until": common.at(claim.expires_at),
        "sender": house.name,
        "desk_address": house.desk_address,
    }
    facts = (
        (words.phrases.organisation, values["organisation"]),
        (words.kinds[claim.kind], values["asset"]),
        (words.phrases.until, values["until"]),
    )
    return ClaimLetter(
        words=words,
        language=claim.language,
        values=values,
        subject=words.subject.format_map(values),
        facts=facts,
        code=claim.code,
        url=claim.url,
    )

"""What was scored, when it last was: for each mail the hash of what it said, its score, and the rules that fired."""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import msgspec

from libs.common.vocabulary import AssetKind, ClaimState, Language, RecipientKind
from services.notifier.domain.amount.repeats import Again
from services.notifier.domain.samples.beside import Came, SideKind, SideWish
from services.notifier.domain.samples.wish import Closed, Found, SampleMail, Wish
from tests.browser.mails import catalogue, corrected, sent
from tests.integration.spam.filter import Verdict
from tests.unit.notifier.builders import NOW, TOKENS
from tests.unit.notifier.test_reminders_and_round_ups import SCRIBE, reminding, together
from tests.unit.notifier.test_samples import beside, written

SCORES = Path(__file__).parent / "scores.toml"


class Scored(msgspec.Struct, frozen=True):
    """One mail's line."""

    sha256: str
    score: float
    rules: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        return Verdict(self.score, self.rules)


class Record(msgspec.Struct, frozen=True):
    """`filter` is the version of SpamAssassin: another one has other rules."""

    filter: str
    mails: dict[str, Scored]

    def knows(self, name: str, mail: bytes, *, filter_version: str) -> bool:
        known = self.mails.get(name)
        return self.filter == filter_version and known is not None and known.sha256 == hash_of(mail)


def all_mails() -> Mapping[str, bytes]:
    """Each advice in each language to an organisation, as its first mail; the shapes of other mails; side mails."""
    return dict((*_mails(), *_samples(), *_beside()))


def _mails() -> Iterator[tuple[str, bytes]]:
    for language in Language:
        for incident in catalogue():
            yield f"{incident} {language}", sent(language=language, incident=incident, findings=2, first=True).content
        for kind in RecipientKind:
            yield f"of forty findings to {kind} {language}", sent(language=language, kind=kind, findings=40).content
            yield f"correction to {kind} {language}", corrected(language=language, kind=kind).content
        yield (
            f"round-up {language}",
            SCRIBE.compose(together(language=language), tokens=lambda _: TOKENS, now=NOW).content,
        )
        yield (
            f"reminder {language}",
            SCRIBE.compose(reminding(language=language), tokens=lambda _: TOKENS, now=NOW).content,
        )


def _samples() -> Iterator[tuple[str, bytes]]:
    """The kinds of mail that people can look at beforehand, as far as none of the above is one."""
    named: dict[str, dict[str, object]] = {
        "stolen accounts": {"found": Found.ACCOUNTS, "findings": 8, "is_first": True},
        "stolen accounts to network-owner": {
            "found": Found.ACCOUNTS,
            "findings": 8,
            "kind": RecipientKind.NETWORK_OWNER,
        },
        "stolen accounts to national-cert": {
            "found": Found.ACCOUNTS,
            "findings": 8,
            "kind": RecipientKind.NATIONAL_CERT,
        },
        "of everything": {"found": Found.MIXED, "findings": 12, "evidence": ("company-registry", "platform")},
        "came back": {"reopened": Closed.FALSE_POSITIVE, "findings": 3},
        "reminder, worsened": {"mail": SampleMail.REMINDER, "again": Again.WORSENED, "mails": 3},
        "reminder, came back": {"mail": SampleMail.REMINDER, "again": Again.CAME_BACK},
        "round-up of reminders to network-owner": {
            "mail": SampleMail.ROUND_UP,
            "others": ("weak-tls",),
            "again": Again.STILL_THERE,
            "kind": RecipientKind.NETWORK_OWNER,
        },
        "correction in part": {"mail": SampleMail.CORRECTION, "in_part": True, "perhaps_told": True, "findings": 12},
        "copy": {"kind": RecipientKind.NATIONAL_CERT, "handed_over_because": "also-warned"},
        "hand-over of several": {"kind": RecipientKind.NATIONAL_CERT, "organisations": 3, "findings": 12},
        "test": {"is_test": True},
    }
    for (name, options), language in product(named.items(), Language):
        about = "stolen-credentials" if options.get("found") is Found.ACCOUNTS else "open-smb"
        wish = msgspec.convert({"incident": about, "language": language} | options, Wish)
        yield f"{name} {language}", written(wish, known=catalogue()).content


def _beside() -> Iterator[tuple[str, bytes]]:
    for language in Language:
        for asset in AssetKind:
            claim = SideWish(mail=SideKind.CLAIM, language=language, asset=asset)
            yield f"claim of {asset} {language}", beside(claim).content
        for came in Came:
            digest = SideWish(mail=SideKind.DIGEST, language=language, came=came)
            yield f"digest of {came} {language}", beside(digest).content
        question = SideWish(mail=SideKind.REGISTRATION, language=language)
        yield f"registration {language}", beside(question).content
        for state in ClaimState:
            news = SideWish(mail=SideKind.REGISTRATION_NEWS, language=language, states=(state,))
            yield f"registration-news of {state} {language}", beside(news).content
        all_news = SideWish(mail=SideKind.REGISTRATION_NEWS, language=language, states=tuple(ClaimState), assets=50)
        yield f"registration-news of everything {language}", beside(all_news).content


def hash_of(mail: bytes) -> str:
    return hashlib.sha256(mail).hexdigest()


def read_record() -> Record:
    return msgspec.toml.decode(SCORES.read_bytes(), type=Record)


def write_record(mails: Mapping[str, bytes], verdicts: Mapping[str, Verdict], *, filter_version: str) -> None:
    lines = [
        f'"{name}" = {{ sha256 = "{hash_of(mails[name])}", score = {verdict.score}, rules = {list(verdict.rules)} }}'
        for name, verdict in verdicts.items()
    ]
    head = ["# Written by `python -m tests.integration.spam`.", f'filter = "{filter_version}"', "", "[mails]"]
    SCORES.write_text("\n".join((*head, *lines)).replace("'", '"') + "\n")

"""What was scored, when it last was: for each mail the hash of what it said, its score, and the rules that fired."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from libs.common.vocabulary import Language, RecipientKind
from tests.browser.mails import catalogue, corrected, sent
from tests.integration.spam.filter import Verdict
from tests.unit.notifier.builders import NOW, TOKENS
from tests.unit.notifier.test_reminders_and_round_ups import SCRIBE, reminding, together

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
    """Each advice in each language to an organisation, as its first mail; and the shapes that other mails have."""
    return dict(_mails())


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

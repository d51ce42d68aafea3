"""How easy a text is to read: Flesch's formula for English, Douma's of it for Dutch, and Amstad's for German.

From the length of sentences and of words. 100 is very easy, 60 is what most grown-ups read without effort, 30 is hard.
What differs by language is in `reading_ease.toml`.
"""

import re
from pathlib import Path

import msgspec

from libs.common.vocabulary import Language

_SENTENCE_END = re.compile(r"[.!?:;]+(?=\s|$|['\"\u201c\u201d\u2018\u2019])|\n+")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_NEVER = r"(?!)"


class Measure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one language; the file says what each number means."""

    base: float
    sentence: float
    word: float
    sounds: str
    silent: str = _NEVER


MEASURES = msgspec.toml.decode(Path(__file__).with_suffix(".toml").read_bytes(), type=dict[Language, Measure])


def reading_ease(text: str, language: Language) -> float:
    measure = MEASURES[language]
    sentences = [words for part in _SENTENCE_END.split(text) if (words := _WORD.findall(part))]
    words = [word for sentence in sentences for word in sentence]
    syllables = sum(_syllables(word, measure) for word in words)
    return measure.base - measure.sentence * len(words) / len(sentences) - measure.word * syllables / len(words)


def _syllables(word: str, measure: Measure) -> int:
    sounds = len(re.findall(measure.sounds, word, re.IGNORECASE))
    if sounds > 1 and re.search(measure.silent, word, re.IGNORECASE):
        sounds -= 1
    return max(1, sounds)

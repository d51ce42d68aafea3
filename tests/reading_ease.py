"""How easy a text is to read: Flesch's formula for English, and Douma's of it for Dutch.

From the length of sentences and of words. 100 is very easy, 60 is what most grown-ups read without effort, 30 is hard.
"""

import re

from libs.common.vocabulary import Language

_SENTENCE_END = re.compile(r"[.!?:;]+(?=\s|$|['\"])|\n+")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_SOUNDS = {
    Language.DUTCH: re.compile(r"ij|[aeiouyáéíóúàèäëïöüâêîôû]+", re.IGNORECASE),
    Language.ENGLISH: re.compile(r"[aeiouy]+", re.IGNORECASE),
}
_SILENT_E = re.compile(r"[^aeiouyl]e$|[^aeiouytd]ed$", re.IGNORECASE)


def reading_ease(text: str, language: Language) -> float:
    sentences = [words for part in _SENTENCE_END.split(text) if (words := _WORD.findall(part))]
    words = [word for sentence in sentences for word in sentence]
    syllables = sum(_syllables(word, language) for word in words)
    words_a_sentence, syllables_a_word = len(words) / len(sentences), syllables / len(words)
    if language is Language.DUTCH:
        return 206.84 - 0.93 * words_a_sentence - 77.0 * syllables_a_word
    return 206.835 - 1.015 * words_a_sentence - 84.6 * syllables_a_word


def _syllables(word: str, language: Language) -> int:
    sounds = len(_SOUNDS[language].findall(word))
    if language is Language.ENGLISH and sounds > 1 and _SILENT_E.search(word):
        sounds -= 1
    return max(1, sounds)

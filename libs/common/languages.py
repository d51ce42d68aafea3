"""The languages in which we write to people: those of `languages.toml`, so that another one is content and no code."""

from collections.abc import Mapping
from enum import StrEnum
from importlib.resources import files

import msgspec

from libs.common.errors import Fatal


class Custom(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be known of a language beside its words; the file says what each means."""

    name: str
    countries: tuple[str, ...]
    always_advised: bool


def read_customs(content: bytes) -> dict[str, Custom]:
    """By language. Raises `Fatal` for what is not complete."""
    try:
        return msgspec.toml.decode(content, type=dict[str, Custom])
    except msgspec.MsgspecError as error:
        raise Fatal(f"languages.toml: {error}") from error


_CUSTOMS = read_customs(files("libs.common").joinpath("languages.toml").read_bytes())


class Language(StrEnum):
    """Languages in which a recipient can be written to. Only those that code speaks of by name are named here."""

    _ignore_ = "code"

    DUTCH = "nl"
    ENGLISH = "en"
    for code in sorted(_CUSTOMS.keys() - {DUTCH, ENGLISH}):
        vars()[code.upper()] = code


CUSTOMS: Mapping[Language, Custom] = {Language(code): custom for code, custom in _CUSTOMS.items()}
"""Of every language, in the order of the file."""

ALWAYS_ADVISED = tuple(language for language, custom in CUSTOMS.items() if custom.always_advised)

_SPOKEN_IN = {country: language for language, custom in CUSTOMS.items() for country in custom.countries}


def language_of_country(country: str | None) -> Language:
    """What an abuse desk there can be expected to read; English where nothing is certain."""
    return _SPOKEN_IN.get(country or "", Language.ENGLISH)

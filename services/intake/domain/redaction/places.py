"""Where secrets stand in a text of the JSON family: values of members whose names speak of them, and parts of URLs.

The text is never parsed: a broken record must not hide the secrets of those behind it. Names and URLs are found
wherever they stand, also those of a JSON text that is the value of another. All takes linear time.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

import msgspec

from libs.common.addresses import names_a_secret_parameter
from services.intake.domain.redaction.rules import Rules

MARK = b"[redacted]"
"""What stands where a secret stood, so that a reader can still say that there was one."""

REACH_BYTES = 8 * 1024
"""A name with the beginning of its value, or the part of a URL that is taken out, is no longer than this."""

_MAX_KNOWN_NAMES = 4096

# From a closing quote it matches no name that says anything: between two texts there is nothing but punctuation.
# A NUL is no JSON, and says nothing either: it hides neither a name nor a value.
_NAME = re.compile(rb'"[^"]{0,4096}+"[ \t\r\n\0]{0,1024}+:')
_VALUE = re.compile(
    rb'[ \t\r\n\0]{0,1024}+(?:(null|true|false|""|"\[redacted\]"|\[\s{0,64}+\]|\{\s{0,64}+\})(?![\w.])'
    rb'|(")|([\[{])|[^\s\0,:\]}"\\])'
)
_INNER_VALUE = re.compile(
    rb'(?:[ \t\0]|\\[nrt]){0,1024}+(?:(null|true|false|\\"\\"|\\"\[redacted\]\\")|(\\")|([\[{])|[^\s\0,:\]}"\\])'
)
_SETTLED, _TEXT, _NESTED = 1, 2, 3
_BRACE = b"{"[0]

# Up to the last `@` of the authority. One is no longer than `REACH_BYTES`. The simple pattern is ten times as fast.
_MAY_BE_USER = re.compile(rb'://[^/?#@\s"\\]*+[@\\]')
_USER = rb'((?:(?:[^/?#@\s"\\]|\\[^/"]){0,1024}+@){1,7}+)'
_USERINFO = re.compile(rb"://" + _USER)
_ESCAPED_USERINFO = re.compile(rb":\\/\\/" + _USER)

NO_END_ESCAPED = rb"(?!00(?:26|23|20|3[bB]|0[aAdD9]))"
"""Behind a backslash and a `u`: no character that ends the value of a query parameter."""

# A pattern that begins with one character is looked for ten times as fast as one that begins with any of three.
_ASSIGNED = (
    rb'([^=?&;#\s"\\]{1,256}+)(?:=|\\u003[dD])\0{0,1024}+(?=[^&;#\s\0"\\]|\\[^nrtu"]|\\u' + NO_END_ESCAPED + rb")"
)
_PARAMETERS = tuple(re.compile(sign + _ASSIGNED) for sign in (rb"\?", rb"&", rb";"))
_ESCAPED_PARAMETER = re.compile(rb"\\u00(?:26|3[bBfF])" + _ASSIGNED)


class Passed(Enum):
    """What is passed over from the end of a place on, and up to what."""

    NOTHING = auto()
    TEXT = auto()
    INNER_TEXT = auto()
    REST_OF_TEXT = auto()
    NUMBER = auto()
    NESTED = auto()
    PARAMETER = auto()


class Place(NamedTuple):
    """Bytes to be replaced by others: those from `start` to `end`, and behind `end` what `passed` says."""

    start: int
    end: int
    instead: bytes
    passed: Passed


class Names:
    """Which spellings of names of members are those of secrets, and what is to stand instead of the values.

    Each spelling, with its quotation marks and its colon, is looked into once. Whoever `rewrites` takes out more than
    is reason enough to begin.
    """

    def __init__(self, rules: Rules, *, rewrites: bool, is_guarded: bool = False) -> None:
        self._rules = rules
        self._others = (rules.unread if rewrites else frozenset()) | (rules.guarded if is_guarded else frozenset())
        self._known: dict[bytes, bytes | None] = {}

    def are_in(self, text: bytes) -> bool:
        """Whether there is a name of a secret, whatever its value."""
        spelt = set(_NAME.findall(text))
        return any(self.instead_of(name) is not None for name in spelt)

    def have_values_in(self, text: bytes) -> bool:
        """Whether one of the names has a value that says something."""
        return any(True for _ in _in_members(text, self, 0, len(text)))

    def instead_of(self, spelt: bytes) -> bytes | None:
        """What stands for the value, or `None` if it is no secret."""
        try:
            return self._known[spelt]
        except KeyError:
            instead = self._instead(_name_of(spelt))
            if len(self._known) < _MAX_KNOWN_NAMES:
                self._known[spelt] = instead
            return instead

    def is_opened(self, spelt: bytes) -> bool:
        """Whether an object under this name has names of its own that tell."""
        return _name_of(spelt) in self._rules.opened

    def _instead(self, name: str) -> bytes | None:
        if self._rules.is_secret(name):
            return MARK
        return b"" if name.lower() in self._others else None


def places_in(text: bytes, names: Names, *, start: int, before: int) -> list[Place]:
    """All places that are found from `start` on and `before`, in the order of what is taken out; they may overlap.

    A name that is found may end behind that; URLs are then looked for as far as it goes, as one may stand in it.
    """
    members = list(_in_members(text, names, start, before))
    as_far_as = max((place.start for place in members), default=before)
    return sorted([*members, *_in_urls(text, start, max(before, as_far_as))], key=lambda place: place.start)


def has_url_secrets(text: bytes) -> bool:
    return any(True for _ in _in_urls(text, 0, len(text)))


def _in_members(text: bytes, names: Names, start: int, before: int) -> Iterator[Place]:
    for name in _NAME.finditer(text, start):
        if name.start() >= before:
            return
        instead = names.instead_of(name[0])
        if instead is not None and (place := _of_value(text, name, names, instead)):
            yield place


def _of_value(text: bytes, name: re.Match[bytes], names: Names, instead: bytes) -> Place | None:
    """The place of the value; of one that says nothing, or is only yes or no, none."""
    is_inner = _is_inner(name[0])
    value = (_INNER_VALUE if is_inner else _VALUE).match(text, name.end())
    if value is None or value.lastindex == _SETTLED:
        return None
    quote = b'\\"' if is_inner else b'"'
    if value.lastindex == _TEXT:
        passed = Passed.INNER_TEXT if is_inner else Passed.TEXT
        return Place(value.end(), value.end(), instead, passed)
    first = value.end() - 1
    if value.lastindex == _NESTED:
        if text[first] == _BRACE and names.is_opened(name[0]):
            return None
        passed = Passed.REST_OF_TEXT if is_inner else Passed.NESTED
    else:
        passed = Passed.NUMBER
    return Place(first, first, quote + instead + quote, passed)


def _in_urls(text: bytes, start: int, before: int) -> Iterator[Place]:
    for pattern in _user_patterns(text, start):
        for user in pattern.finditer(text, start):
            if user.start() < before:
                yield Place(user.start(1), user.end(), b"", Passed.NOTHING)
    for pattern in _parameter_patterns(text, start):
        for parameter in pattern.finditer(text, start):
            if parameter.start() < before and _names_a_secret(parameter[1]):
                yield Place(parameter.end(), parameter.end(), b"", Passed.PARAMETER)


def _names_a_secret(spelt: bytes) -> bool:
    return names_a_secret_parameter(spelt.replace(b"\0", b"").decode("latin-1"))


def _user_patterns(text: bytes, start: int) -> Iterator[re.Pattern[bytes]]:
    """Those that are worth a look."""
    if _MAY_BE_USER.search(text, start):
        yield _USERINFO
    if text.find(b":\\/\\/", start) >= 0:
        yield _ESCAPED_USERINFO


def _parameter_patterns(text: bytes, start: int) -> Iterator[re.Pattern[bytes]]:
    is_escaped = text.find(b"\\u00", start) >= 0
    if is_escaped or text.find(b"=", start) >= 0:
        yield from _PARAMETERS
    if is_escaped:
        yield _ESCAPED_PARAMETER


def _is_inner(spelt: bytes) -> bool:
    """Whether the name stands in a JSON text that is itself a value, so that its quotation marks are escaped."""
    name = spelt[: spelt.rindex(b'"')]
    return (len(name) - len(name.rstrip(b"\\"))) % 2 == 1


def _name_of(spelt: bytes) -> str:
    name = spelt[1 : spelt.rindex(b'"')].replace(b"\0", b"")
    if b"\\" in name:
        try:
            return msgspec.json.decode(b'"' + name.rstrip(b"\\") + b'"', type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
    return name.decode(errors="replace")

"""The assets that a STIX pattern names. Source: STIX 2.1, section 9."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from stix2patterns.exceptions import ParseException
from stix2patterns.v21.pattern import Pattern

from services.intake.domain.formats.stix.mentions import MAX_MENTIONS, Mention
from services.intake.domain.formats.stix.observables import NAME_OF_TYPE, TRAFFIC
from services.intake.domain.lines import Unreadable
from services.intake.domain.records import Findings
from services.intake.domain.values import asn_of, domain_of, port_of, transport_of

MAX_PATTERN_CHARS = 10_000

_SIMPLE = re.compile(
    r"\s*\[\s*(ipv4-addr|ipv6-addr|domain-name|url|email-addr)\s*:\s*value\s*=\s*'([^'\\]*+)'\s*\]\s*", re.ASCII
)

# One observation of comparisons by `=`, as most feeds write them: what the library makes of it in 0.5 ms is read in a
# hundredth of that. Of more than 32 the library judges whether they are too many.
_COMPARED = r"{object}\s*:\s*{path}\s*=\s*{literal}".format(
    object=rf"(?:{'|'.join([*NAME_OF_TYPE, TRAFFIC])})",
    path=r"(?:value|number|(?:dst|src)_port|(?:dst|src)_ref\.value|protocols\[\*\])",
    literal=r"(?:'[^'\\]*+'|0|[1-9]\d{0,9}+)",
)
_PLAIN = re.compile(rf"\s*\[\s*{_COMPARED}(?:\s+(?:AND|OR)\s+{_COMPARED}){{0,31}}+\s*\]\s*", re.ASCII)
_COMPARISON = re.compile(r"([a-z0-9-]+)\s*:\s*([a-z_.]+)(?:\[\*\])?\s*=\s*('[^']*'|\d+)", re.ASCII)
_OBJECTS = re.compile("|".join([*NAME_OF_TYPE, TRAFFIC]))

_TEXT = r"'[^'\\]*+(?:\\.[^'\\]*+)*+'"
_TEXTS = re.compile(_TEXT, re.DOTALL)
_LITERAL = re.compile(rf"{_TEXT}|[^(),\s]++", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_OR = re.compile(r"\bOR\b")

# All that a pattern consists of. The library knows comments too, and needs quadratic time for those that do not end.
_SOUND = re.compile(rf"(?:{_TEXT}|[\[\]()\w\s.,:=!<>+*-])*+", re.DOTALL | re.ASCII)

# Each of these is a level more of recursion in the library, a bracket four; Python gives up at a thousand.
_DEEPENING = re.compile(r"\b(?:AND|OR|FOLLOWEDBY|REPEATS|WITHIN|START)\b|[.\[(]")
_LEVELS_OF_BRACKET = 4
_MAX_LEVELS = 500

_POSITIVE = frozenset({"=", "==", "IN", "ISSUBSET"})
_SOURCE, _DESTINATION = ("src_ref", "value"), ("dst_ref", "value")
_VALUE_PATHS = {"asn": ("number",)}


class _Comparison(NamedTuple):
    object_type: str
    path: tuple[object, ...]
    operator: str
    literals: str

    @property
    def names_an_asset(self) -> bool:
        if self.object_type == TRAFFIC:
            return self.path in (_SOURCE, _DESTINATION)
        name = NAME_OF_TYPE.get(self.object_type, "")
        return bool(name) and self.path == _VALUE_PATHS.get(name, ("value",))

    @property
    def values(self) -> list[str]:
        return [_unquoted(literal) for literal in _LITERAL.findall(self.literals)]


@dataclass(frozen=True, slots=True)
class _Inspected:
    """The comparisons of a pattern, and whether all of them have to hold for one and the same observation."""

    comparisons: list[_Comparison]
    is_conjunction: bool


@dataclass(frozen=True, slots=True)
class _Named:
    """A value that names an asset, and where in the object it stands."""

    name: str
    value: str | int
    path: tuple[object, ...]


def mentions_in(pattern: str, *, field: str, findings: Findings) -> list[Mention]:
    """The assets that a pattern says are there, each once; without any the reason is in `findings`."""
    if simple := _SIMPLE.fullmatch(pattern):
        return [Mention({NAME_OF_TYPE[simple[1]]: simple[2]})]
    inspected = _inspected(pattern)
    if isinstance(inspected, Unreadable):
        findings.reject(field, inspected.code, inspected.message)
        return []
    found = _mentions(inspected)
    if not found:
        is_negated = any(each.names_an_asset and _is_negated(each.operator) for each in inspected.comparisons)
        code, what = (
            ("negated-pattern", "only what is not there") if is_negated else ("unsupported-pattern", "no asset")
        )
        findings.reject(field, code, f"by =, IN and ISSUBSET it names {what}")
    elif len(found) > MAX_MENTIONS:
        findings.reject(field, "field-too-long", f"it names more than {MAX_MENTIONS} assets")
        return []
    return found


def _inspected(pattern: str) -> _Inspected | Unreadable:
    if len(pattern) > MAX_PATTERN_CHARS:
        return Unreadable("field-too-long", f"the pattern is longer than {MAX_PATTERN_CHARS} characters")
    if not _OBJECTS.search(pattern):
        return _Inspected([], is_conjunction=False)
    if _PLAIN.fullmatch(pattern):
        return _inspected_plain(pattern)
    if not _SOUND.fullmatch(pattern):
        return Unreadable("unsupported-pattern", "it holds a comment, an open text or characters of no pattern")
    without_texts = _TEXTS.sub("''", pattern)
    if _levels(without_texts) > _MAX_LEVELS:
        return Unreadable("unsupported-pattern", "it has too many parts")
    try:
        found = Pattern(pattern).inspect()
    except ParseException as error:
        position, _, _ = str(error).partition(": ")  # the rest may quote a secret
        return Unreadable("unsupported-pattern", f"it is no pattern, as line and column {position} show")
    except (RecursionError, ValueError):
        return Unreadable("unsupported-pattern", "it is nested too deep, or holds too large a number")
    comparisons = [
        _Comparison(object_type, tuple(path), operator, literals)
        for object_type, rows in found.comparisons.items()
        for path, operator, literals in rows
    ]
    return _Inspected(comparisons, is_conjunction=not (found.observation_ops or _OR.search(without_texts)))


def _inspected_plain(pattern: str) -> _Inspected:
    """What the library finds in a pattern that is `_PLAIN`, in its order: object types as they first come."""
    found = [
        _Comparison(object_type, tuple(path.split(".")), "=", literal)
        for object_type, path, literal in _COMPARISON.findall(pattern)
    ]
    types = list(dict.fromkeys(each.object_type for each in found))
    found.sort(key=lambda each: types.index(each.object_type))
    return _Inspected(found, is_conjunction=not _OR.search(_TEXTS.sub("''", pattern)))


def _levels(pattern: str) -> int:
    return sum(_LEVELS_OF_BRACKET if each == "(" else 1 for each in _DEEPENING.findall(pattern))


def _mentions(inspected: _Inspected) -> list[Mention]:
    named = list(dict.fromkeys(_named(inspected.comparisons)))
    if not inspected.is_conjunction:
        return [Mention({each.name: each.value}) for each in named]
    has_destination = any(each.path == _DESTINATION for each in named)
    sources = [each for each in named if each.path == _SOURCE and has_destination]
    subjects = [each for each in named if each not in sources]
    beside = {f"source_{each.name}": str(each.value) for each in sources}
    if len(subjects) != 1:
        return [Mention({each.name: each.value}, beside) for each in subjects]
    return [_with_ports(subjects[0], inspected.comparisons, beside)]


def _with_ports(subject: _Named, comparisons: list[_Comparison], beside: dict[str, str]) -> Mention:
    """The only asset of an observation, with what else is said of its traffic."""
    port, source_port, protocol = (_only(comparisons, name) for name in ("dst_port", "src_port", "protocols"))
    is_service = subject.path != _SOURCE
    ports = {"source_port": source_port, "destination_port": None if is_service else port}
    return Mention(
        {
            subject.name: subject.value,
            "port": (port_of(port[:32]) or port) if port and is_service else None,
            "transport": protocol and transport_of(protocol),
        },
        beside | {name: text for name, text in ports.items() if text},
    )


def _only(comparisons: list[_Comparison], name: str) -> str | None:
    """The value of a property of traffic, if there is just one."""
    found = [
        value
        for each in comparisons
        if each.object_type == TRAFFIC and each.path[0] == name and each.operator in _POSITIVE
        for value in each.values
    ]
    return found[0] if len(found) == 1 else None


def _named(comparisons: list[_Comparison]) -> Iterator[_Named]:
    for each in comparisons:
        if each.names_an_asset and each.operator in _POSITIVE:
            yield from (_value(each, text) for text in each.values)


def _value(comparison: _Comparison, text: str) -> _Named:
    if comparison.object_type == TRAFFIC:
        return _Named("domain" if domain_of(text) else "ip", text, comparison.path)
    name = NAME_OF_TYPE[comparison.object_type]
    return _Named(name, (asn_of(text[:32]) if name == "asn" else None) or text, comparison.path)


def _is_negated(operator: str) -> bool:
    return operator.startswith("NOT ") or operator in ("!=", "<>")


def _unquoted(literal: str) -> str:
    return _ESCAPED.sub(r"\1", literal[1:-1]) if literal.startswith("'") else literal

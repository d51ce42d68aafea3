"""The operator's choices as data: a TOML file. What it leaves out stays as the file that comes with the release has it.

Whatever is wrong in it is named, all at once, each with its line.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any, TypeVar

import msgspec

from libs.common.addresses import canonical_domain, canonical_email
from libs.common.toml_files import BrokenFile, FileFault, TomlFile, Wrong, country_codes, known, listed, number
from libs.common.toml_lines import Place
from services.attribution.domain.answers import Source
from services.attribution.domain.ladder.providers import Provider, Providers
from services.attribution.domain.ladder.rules import (
    NAMES_SEEN,
    Abroad,
    Certainty,
    Handover,
    Ladder,
    NameKind,
    Rung,
    Team,
)
from services.attribution.domain.mailboxes import is_mailable
from services.attribution.domain.neighbours import MOST_NAMES
from services.attribution.domain.sources import DELEGATED, NETWORK_FILE, RIPE

MOST_PROVIDERS, MOST_ROWS = 1_000, 1_000
AGES = {RIPE: None, DELEGATED: None, NETWORK_FILE: None, NAMES_SEEN: None, **{str(source): None for source in Source}}
LISTS_OF_ROWS = ("handover", "provider")

BrokenLadder = BrokenFile
T = TypeVar("T")
_Read = Callable[[str, Any], Any]  # Any: a value of TOML, and of a field of Ladder


def read_ladder(text: str, *, base: Ladder | None = None) -> Ladder:
    """`base` with what the file says. A table of the file changes what it names; rows take the place of all rows,
    save providers, which are added. Raises `BrokenLadder`.
    """
    base = base or Ladder()
    file = TomlFile(text)
    faults: list[FileFault] = []
    changes: dict[str, Any] = {}  # Any: each field of Ladder in its own type
    for place, field, read in _said(file.document):
        try:
            value = read()
        except Wrong as wrong:
            faults.append(file.fault(place, str(wrong)))
        else:
            _add(changes, field, value, base)
    ladder = msgspec.structs.replace(base, **_finished(changes, base))
    faults += _loose_ends(file, ladder)
    if faults:
        raise BrokenLadder(faults)
    return ladder


def _add(changes: dict[str, Any], field: str, value: Any, base: Ladder) -> None:  # Any: as in `changes`
    if field in ("handovers", "providers"):
        changes[field] = (*changes.get(field, ()), value)
    elif isinstance(value, dict):
        changes[field] = {**changes.get(field, getattr(base, field)), **value}
    else:
        changes[field] = value


def _finished(changes: dict[str, Any], base: Ladder) -> dict[str, Any]:  # Any: as in `changes`
    """Those of the file are asked before those of the release."""
    if "providers" in changes:
        changes["providers"] = Providers((*changes["providers"], *base.providers.all))
    return changes


_Said = tuple[Place, str, Callable[[], Any]]  # Any: the value of the field that is named


def _said(document: Mapping[str, Any]) -> Iterator[_Said]:
    for section, content in document.items():
        if section in LISTS_OF_ROWS and isinstance(content, list):
            yield from (_row(section, place, entry) for place, entry in enumerate(content))
        elif section in _TABLES and isinstance(content, dict):
            field, read = _TABLES[section]
            for name, value in content.items():
                yield (section, name), _field(section, name, field), _reading(read, name, value)
        else:
            yield (section,), "", _refusing(section)


def _field(section: str, name: str, field: str) -> str:
    return {"countries": "constituency"}.get(name, name) if section == "ladder" else field


def _reading(read: _Read, name: str, value: object) -> Callable[[], Any]:  # Any: as in `_Read`
    return lambda: read(name, value)


def _row(section: str, place: int, entry: object) -> _Said:
    field, read = _ROWS[section]
    return (section, place), field, lambda: read(place, entry)


def _refusing(section: str) -> Callable[[], Any]:  # Any: it never answers
    def refuse() -> None:
        if section in LISTS_OF_ROWS:
            raise Wrong(f"it must be written [[{section}]], once for each")
        if section in _TABLES:
            raise Wrong(f"it must be a table, written [{section}]")
        raise Wrong(f"there is no such section; there are {listed((*_TABLES, *LISTS_OF_ROWS))}")

    return refuse


def _choice(name: str, value: object) -> Any:  # Any: each choice in its own type
    read: Callable[[object], Any] = known(name, _CHOICES, "choice")
    return read(value)


def _rungs(value: object) -> tuple[Rung, ...]:
    named = _texts(value)
    unknown = [each for each in named if each not in {str(rung) for rung in Rung}]
    if unknown:
        raise Wrong(f"there is no rung {listed(unknown)}; there are {listed(Rung)}")
    if len(set(named)) < len(named):
        raise Wrong("a rung stands in it twice")
    return tuple(map(Rung, named))


def _texts(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Wrong("it must be a list of texts")
    return value


def _domains(value: object) -> frozenset[str]:
    for name in _texts(value):
        _require_domain(name)
    return frozenset(_texts(value))


def _abroad(value: object) -> Abroad:
    return Abroad(known(str(value), {str(each): each for each in Abroad}, "way"))


def _share(value: object) -> float:
    return number(value, least=0, most=1)


def _names(value: object) -> int:
    return int(number(value, least=2, most=MOST_NAMES - 1, is_whole=True))


def _confidence(name: str, value: object) -> Mapping[Certainty, float]:
    return {known(name, {str(each): each for each in Certainty}, "certainty"): _share(value)}


def _proof(name: str, value: object) -> Mapping[NameKind, float]:
    return {known(name, {str(each): each for each in NameKind}, "kind of name"): _share(value)}


def _age(name: str, value: object) -> Mapping[str, int]:
    known(name, AGES, "source")
    return {name: int(number(value, least=1, most=3650, is_whole=True))}


def _team(name: str, value: object) -> Mapping[str, Team]:
    team = _converted(value, Team)
    email = canonical_email(team.email)
    if not team.name.strip() or email is None or not is_mailable(email):
        raise Wrong("a team needs a name and an address that can be written to")
    return {name: msgspec.structs.replace(team, email=email)}


def _team_of_country(name: str, value: object) -> Mapping[str, str]:
    if not re.fullmatch("[A-Z]{2}", name):
        raise Wrong("it is not a code like NL")
    return {name: _text(value)}


def _team_of_sector(name: str, value: object) -> Mapping[str, str]:
    return {name: _text(value)}


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Wrong("it must be the name of a team")
    return value


def _handover(place: int, entry: object) -> Handover:
    if place >= MOST_ROWS:
        raise Wrong(f"there are more than {MOST_ROWS}")
    return _converted(entry, Handover)


def _provider(place: int, entry: object) -> Provider:
    if place >= MOST_PROVIDERS:
        raise Wrong(f"there are more than {MOST_PROVIDERS}")
    provider = _converted(entry, Provider)
    for text in provider.ranges:
        try:
            ip_network(text)
        except ValueError as error:
            raise Wrong(str(error)) from error
    for name in provider.domains:
        _require_domain(name)
    for word in (*provider.netname_words, *provider.hostname_words):
        if not re.fullmatch("[A-Za-z0-9-]+", word):
            raise Wrong(f"{word!r} is not a word")
    if not any((provider.asns, provider.ranges, provider.domains, provider.netname_words, provider.hostname_words)):
        raise Wrong(f"{provider.name} says nothing by which it is recognised")
    return provider


def _require_domain(name: str) -> None:
    if canonical_domain(name) != name:
        raise Wrong(f"{name!r} is not a domain")


def _converted(value: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise Wrong(str(error)) from error


def _loose_ends(file: TomlFile, ladder: Ladder) -> Iterator[FileFault]:
    """Teams that are named and nowhere described."""
    for table in ("team_of_country", "team_of_sector"):
        for name, team in getattr(ladder, table).items():
            if team not in ladder.teams:
                yield file.fault((table, name), f"there is no team {team}")
    rows = file.document.get("handover")
    for place, row in enumerate(rows if isinstance(rows, list) else ()):
        team = row.get("team") if isinstance(row, dict) else None
        if team is not None and team not in ladder.teams:
            yield file.fault(("handover", place), f"there is no team {team}")


_CHOICES: Mapping[str, Callable[[object], Any]] = {
    "rungs": _rungs,
    "countries": country_codes,
    "threshold": _share,
    "conflict_cost": _share,
    "agreement_gain": _share,
    "ask_from_proof": _share,
    "shared_from_names": _names,
    "warn_from_age": _share,
    "abroad": _abroad,
    "malicious": lambda value: frozenset(_texts(value)),
    "bounty_domains": _domains,
}

_TABLES: Mapping[str, tuple[str, _Read]] = {
    "ladder": ("", _choice),
    "confidence": ("confidence", _confidence),
    "proof": ("proof", _proof),
    "greatest_age_days": ("greatest_age_days", _age),
    "team": ("teams", _team),
    "team_of_country": ("team_of_country", _team_of_country),
    "team_of_sector": ("team_of_sector", _team_of_sector),
}
_ROWS: Mapping[str, tuple[str, Callable[[int, object], Any]]] = {
    "handover": ("handovers", _handover),
    "provider": ("providers", _provider),
}

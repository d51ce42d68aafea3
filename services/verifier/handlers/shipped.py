"""The incidents that come with a release: files that people write, read with all that can be wrong in them."""

import re
import tomllib
from importlib.resources import files

import msgspec

from libs.common.contracts import Advisory
from libs.common.errors import Fatal
from libs.common.languages import CUSTOMS
from libs.common.toml_lines import line_at, lines_of
from libs.common.vocabulary import IncidentState, Severity
from services.verifier.domain import Incident, Matches
from services.verifier.domain.affected import Affected

SHIPPED = "shipped"

_PLACE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class _About(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stands in an advisory's file before its texts."""

    slug: str
    category: str
    severity: Severity
    state: IncidentState
    cve_ids: tuple[str, ...]
    matches: Matches
    affected: tuple[Affected, ...] = ()
    opt_in: bool = False


AdvisoryFile = msgspec.defstruct(
    "AdvisoryFile",
    [
        (language.value, Advisory) if custom.always_advised else (language.value, Advisory | None, None)
        for language, custom in CUSTOMS.items()
    ],
    bases=(_About,),
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
)
"""The schema of `advisories/*.toml`: a table for each language."""


def _incident(read: msgspec.Struct) -> Incident:
    told = msgspec.structs.asdict(read)
    texts = {language: told.pop(language.value) for language in CUSTOMS}
    return Incident(
        **told,
        advisory={language: text for language, text in texts.items() if text is not None},
        approver=SHIPPED if told["state"] is IncidentState.APPROVED else None,
    )


def read_shipped() -> list[Incident]:
    """The incidents that come with this release. A broken file is `Fatal`: its warnings would be missing."""
    folder = files("services.verifier").joinpath("advisories")
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".toml")), key=lambda path: path.name)
    return [read_advisory(path.name, path.read_bytes()) for path in paths]


def read_advisory(name: str, content: bytes) -> Incident:
    """One file. Raises `Fatal` with its name, the line, and what is wrong there."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Fatal(f"the advisory {name}, line {line}: this is not UTF-8") from error
    try:
        return _incident(msgspec.convert(tomllib.loads(text), AdvisoryFile))
    except tomllib.TOMLDecodeError as error:
        raise Fatal(f"the advisory {name} can't be read: {error}") from error
    except msgspec.ValidationError as error:
        raise Fatal(f"the advisory {name}, line {line_of(str(error), text)}: {error}") from error


def line_of(message: str, text: str) -> int:
    """The line that a violation is about: of the key, or where there is none of the table that it should stand in."""
    place = _PLACE.search(message)
    path = tuple(int(index) if index else name for name, index in _STEP.findall(place["path"] if place else ""))
    if unknown := _UNKNOWN.search(message):
        path = (*path, unknown[1])
    return line_at(lines_of(text), path)

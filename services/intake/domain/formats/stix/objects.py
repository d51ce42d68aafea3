"""How a payload holds STIX objects, and what an object says in its members."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.intake.domain.json_documents import Part
from services.intake.domain.json_values import decoded
from services.intake.domain.records import PayloadError

_OF_BUNDLES = frozenset({"type", "objects"})


@dataclass(frozen=True, slots=True)
class StixObject:
    """One object, at `path` in the payload. `members` is as it was decoded, which need not be an object."""

    line: int
    path: str
    members: object

    def field(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path and name else self.path or name

    def member(self, name: str) -> object:
        return self.members.get(name) if isinstance(self.members, dict) else None

    def text(self, name: str) -> str:
        value = self.members.get(name) if isinstance(self.members, dict) else None  # asked most of all
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        value = self.member(name)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def objects(self, name: str) -> list[dict[str, object]]:
        value = self.member(name)
        return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

    @property
    def id(self) -> str:
        return self.text("id")

    @property
    def type(self) -> str:
        return self.text("type")[:64]

    @property
    def is_revoked(self) -> bool:
        return self.member("revoked") is True

    @property
    def kinds(self) -> set[str]:
        """What an indicator is one of; before version 2.1 labels said so."""
        return {*self.texts("indicator_types"), *self.texts("labels")}


def objects_of(document: Part) -> Iterator[StixObject]:
    """Those of a bundle, a TAXII envelope or an array, in order; else the one that the document is."""
    if document.opening == b"[":
        yield from _elements(document, path="")
        return
    members = document.members(_OF_BUNDLES)
    if "type" not in members and "objects" not in members:
        raise PayloadError(422, "unsupported-layout", "this is no STIX object; send a bundle")
    if "type" not in members or decoded(members["type"].raw) == "bundle":
        yield from _elements(members.get("objects"), path="objects")
    else:
        raw = document.raw
        yield StixObject(raw.line, "", decoded(raw))


def _elements(part: Part | None, *, path: str) -> Iterator[StixObject]:
    for at, element in enumerate(part.elements() if part else ()):
        raw = element.raw
        yield StixObject(raw.line, f"{path}[{at}]", decoded(raw))

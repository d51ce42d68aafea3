"""How MISP events hold their attributes, and what an attribute takes over from its event and its object."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from services.intake.domain.formats.tags import Tags, first_of, tags_in
from services.intake.domain.json_documents import Part
from services.intake.domain.json_values import decoded
from services.intake.domain.lines import Unreadable
from services.intake.domain.records import PayloadError
from services.intake.domain.times import unix_time
from services.intake.domain.values import cve_of

_WRAPPERS = frozenset({"Event", "response"})
_EVENT_MEMBERS = frozenset({"info", "date", "threat_level_id", "distribution", "Orgc", "Tag", "Attribute", "Object"})
_OBJECT_MEMBERS = frozenset({"name", "distribution", "deleted", "Attribute"})

_OWN_ORGANISATION_ONLY = "0"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What holds for all attributes of an event, or of one of its objects."""

    info: str
    date: str
    organisation: str
    threat_level: str
    tags: Tags
    is_private: bool
    cve_ids: tuple[str, ...] = ()
    object_name: str = ""
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute. `members` is as it was decoded, which need not be an object."""

    line: int
    members: object
    around: Surroundings

    def member(self, name: str) -> object:
        return self.members.get(name) if isinstance(self.members, dict) else None

    def text(self, name: str) -> str:
        return _text(self.member(name))

    @property
    def type(self) -> str:
        return self.text("type")[:64]

    @property
    def own_tags(self) -> Tags:
        return _tags(self.member("Tag"))

    @property
    def sightings(self) -> list[tuple[int, str]]:
        """Unix seconds and type of those that say when."""
        found = [
            (_text(each.get("date_sighting")), _text(each.get("type"))) for each in _objects(self.member("Sighting"))
        ]
        return [(int(seconds), kind or "0") for seconds, kind in found if unix_time(seconds)]

    @property
    def is_deleted(self) -> bool:
        return self.around.is_deleted or _is_true(self.member("deleted"))

    @property
    def is_private(self) -> bool:
        return self.around.is_private or self.text("distribution") == _OWN_ORGANISATION_ONLY

    @property
    def is_victim(self) -> bool:
        return self.type.startswith("target-") or self.around.object_name == "victim"

    @property
    def is_context(self) -> bool:
        """Whether it only explains others: it is not for detection, and does not say itself what is wrong or whose."""
        if self.type == "vulnerability":
            return True
        to_ids = self.member("to_ids")
        return to_ids is not None and not (_is_true(to_ids) or self.is_victim or self.own_tags.category)


def attributes_of(document: Part) -> Iterator[Attribute]:
    """Each event's own attributes, then those of its objects; this is the order in which they are counted."""
    for event in _events_of(document):
        around = _around(event)
        yield from _attributes(event.get("Attribute"), around)
        for part in _elements(event.get("Object")):
            yield from _attributes_of_object(part.members(_OBJECT_MEMBERS), around)


def _events_of(part: Part) -> Iterator[Mapping[str, Part]]:
    """The members of all events: one, or an array of them, each bare or wrapped as `{"Event": …}`."""
    if part.opening == b"[":
        for element in part.elements():
            yield from _events_of(element)
        return
    members = part.members(_WRAPPERS | _EVENT_MEMBERS)
    if "Event" in members:
        yield members["Event"].members(_EVENT_MEMBERS)
    elif "response" in members:
        yield from _events_of(members["response"])
    elif "info" in members and ("Attribute" in members or "Object" in members):
        yield members
    else:
        raise PayloadError(422, "unsupported-layout", f"line {part.raw.line}: this is no event; send whole events")


def _around(event: Mapping[str, Part]) -> Surroundings:
    organisation = _opened(event.get("Orgc"))
    around = Surroundings(
        info=_text(_opened(event.get("info")))[:4000],
        date=_text(_opened(event.get("date")))[:32],
        organisation=_text(organisation.get("name"))[:200] if isinstance(organisation, dict) else "",
        threat_level=_text(_opened(event.get("threat_level_id")))[:8],
        tags=_tags(_opened(event.get("Tag"))),
        is_private=_is_private(event),
    )
    return replace(around, cve_ids=_cve_ids(event.get("Attribute"), around))


def _attributes_of_object(members: Mapping[str, Part], around: Surroundings) -> Iterator[Attribute]:
    inside = replace(
        around,
        object_name=_text(_opened(members.get("name")))[:200],
        is_deleted=_is_true(_opened(members.get("deleted"))),
        is_private=around.is_private or _is_private(members),
    )
    own = _cve_ids(members.get("Attribute"), inside)
    yield from _attributes(members.get("Attribute"), replace(inside, cve_ids=first_of(own, around.cve_ids)))


def _cve_ids(part: Part | None, around: Surroundings) -> tuple[str, ...]:
    """What attributes of type `vulnerability` say of all the others beside them."""
    if part is None or not part.holds(b'"vulnerability"'):
        return ()
    beside = (each for each in _attributes(part, around) if each.type == "vulnerability" and not each.is_deleted)
    return first_of(filter(None, (cve_of(each.text("value").strip()) for each in beside)))


def _attributes(part: Part | None, around: Surroundings) -> Iterator[Attribute]:
    for element in _elements(part):
        raw = element.raw
        yield Attribute(raw.line, decoded(raw), around)


def _elements(part: Part | None) -> Iterator[Part]:
    return part.elements() if part else iter(())


def _opened(part: Part | None) -> object:
    """The value, which must be readable: how all attributes are marked may stand in it."""
    if part is None:
        return None
    raw = part.raw
    value = decoded(raw)
    if isinstance(value, Unreadable):
        raise PayloadError(422, value.code, f"line {raw.line}: {value.message}")
    return value


def _is_private(members: Mapping[str, Part]) -> bool:
    return _text(_opened(members.get("distribution"))) == _OWN_ORGANISATION_ONLY


def _tags(value: object) -> Tags:
    return tags_in(_text(tag.get("name")).strip() for tag in _objects(value))


def _objects(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    """The value as MISP writes it: everything is a text there, though not in every version."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else ""


def _is_true(value: object) -> bool:
    return _text(value).lower() in ("true", "1")

"""Markings of the Traffic Light Protocol, which STIX objects refer to by fixed ids."""

from collections.abc import Iterable, Mapping

from libs.common.vocabulary import Tlp
from services.intake.domain.formats.stix.objects import StixObject
from services.intake.domain.formats.tags import strictest
from services.intake.domain.values import tlp_of

# Source: STIX 2.1, section 7.2.1.4, and for version 2 of the protocol the OASIS repository of common STIX objects.
TLP_MARKINGS: Mapping[str, Tlp | None] = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": Tlp.CLEAR,
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": Tlp.GREEN,
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": Tlp.AMBER,
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": Tlp.RED,
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": Tlp.CLEAR,
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": Tlp.GREEN,
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": Tlp.AMBER,
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": Tlp.AMBER_STRICT,
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": Tlp.RED,
}


class Markings:
    """The labels that markings stand for: the fixed ones, and those of somebody's own that are among `objects`."""

    def __init__(self, objects: Iterable[StixObject]) -> None:
        own = {each.id: _label(each) for each in objects if each.type == "marking-definition"}
        self._labels = {**own, **TLP_MARKINGS}

    def tlp(self, each: StixObject) -> Tlp | None:
        """The strictest label of an object, or of parts of it."""
        granular = (reference.get("marking_ref") for reference in each.objects("granular_markings"))
        refs = (*each.texts("object_marking_refs"), *(ref for ref in granular if isinstance(ref, str)))
        return strictest(*(self._labels.get(ref) for ref in refs))


def _label(marking: StixObject) -> Tlp | None:
    """What the definition of a marking says, or its name."""
    definition = marking.member("definition")
    said = definition.get("tlp") if isinstance(definition, dict) else None
    return tlp_of(said if isinstance(said, str) else marking.text("name"))

"""Changes to an incident in force: which of them count at once, and which wait until a second person agrees."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from libs.common.vocabulary import Severity
from services.verifier.domain.affected import Affected
from services.verifier.domain.catalogue import NOTHING, REPLACED, Incident, Matches, Proposal

SEVERITIES = tuple(Severity)

Fields = Mapping[str, Any]
"""By name of a field of `Incident` or `Proposal`. Any: each of its own type."""


def changed_in_force(incident: Incident, changes: Fields, *, by: str) -> Incident:
    """With all that tells fewer people, or less urgently; the rest is proposed. What is in force goes on meanwhile.

    A field that is set to what it is, or to what counts at once, takes back what was proposed of it.
    """
    before = incident.proposed or Proposal()
    at_once: dict[str, Any] = {}
    waits: dict[str, Any] = {}
    for name in changes.keys() & set(REPLACED):
        if is_free(name, changes[name], incident):
            at_once[name], waits[name] = changes[name], None
        else:
            waits[name] = changes[name]
    if "matches" in changes:
        new, gone = changes["matches"].minus(incident.matches), incident.matches.minus(changes["matches"])
        if new == NOTHING:
            at_once["matches"] = changes["matches"]
        else:
            dropped = before.dropped.plus(gone).minus(changes["matches"])
            waits |= {"matches": before.matches.plus(new), "dropped": dropped}
    if "affected" in changes:
        waits |= _other_versions(incident, before, changes["affected"])
    proposed = msgspec.structs.replace(before, **waits)
    if any(value is not None for value in waits.values()):
        proposed = msgspec.structs.replace(proposed, by=tuple(dict.fromkeys((*before.by, by))))
    return msgspec.structs.replace(incident, **at_once, proposed=None if proposed.is_empty else proposed)


def still_proposed(incident: Incident, changes: Fields) -> Proposal | None:
    """What waits at an incident that is written anew while it is not in force: what is written last counts."""
    proposed = incident.proposed
    if proposed is None:
        return None
    left = msgspec.structs.replace(proposed, **dict.fromkeys(changes.keys() & set(REPLACED)))
    left = without_drops(left, changes.get("matches", NOTHING), changes.get("affected", ()))
    return None if left.is_empty else left


def without_drops(proposed: Proposal, matches: Matches, affected: Collection[Affected]) -> Proposal:
    """The same, but for the drops of what somebody wants to keep by now."""
    return msgspec.structs.replace(
        proposed,
        dropped=proposed.dropped.minus(matches),
        dropped_affected=tuple(each for each in proposed.dropped_affected if each not in affected),
    )


def is_free(name: str, wanted: Any, incident: Incident) -> bool:  # Any: of the field's type
    """Whether nobody is told by it who was not, and nobody sooner or otherwise."""
    match name:
        case "severity":
            return SEVERITIES.index(wanted) >= SEVERITIES.index(incident.severity)
        case "opt_in":
            return bool(wanted) or not incident.opt_in
        case _:
            return bool(wanted == getattr(incident, name))


def _other_versions(incident: Incident, before: Proposal, wanted: tuple[Any, ...]) -> Fields:  # Any: Affected
    """Whether other versions are more or fewer is not for us to say, so they wait."""
    new = tuple(each for each in wanted if each not in incident.affected)
    gone = tuple(each for each in incident.affected if each not in wanted)
    if not new and not gone:
        return {}
    return {
        "affected": tuple(dict.fromkeys((*before.affected, *new))),
        "dropped_affected": tuple(dict.fromkeys((*before.dropped_affected, *gone))),
    }

"""The verifier's tables and queries, in batches. Nothing here commits."""

from services.verifier.store.books import HELD, VERDICTS
from services.verifier.store.exploitation import editions, exploitation, replace_list
from services.verifier.store.false_positives import (
    add_false_positives,
    delete_false_positive,
    false_positives,
    false_positives_at,
)
from services.verifier.store.incidents import incidents, put_incident, shipped_incidents
from services.verifier.store.moves import (
    Move,
    add_move,
    finish_move,
    held_to_move,
    move_held,
    move_threats,
    newest_sightings,
    note_progress,
    oldest_move,
    threats_to_move,
)
from services.verifier.store.patterns import adopt, evidence, has_changed, is_alone, put_evidence, uncovered, weigh
from services.verifier.store.tables import metadata
from services.verifier.store.threats import (
    close_threats,
    history_of,
    record_sightings,
    threat,
    threats_page,
    threats_with_ids,
)
from services.verifier.store.verdicts import (
    held_page,
    held_verdicts,
    record_verdicts,
    replace_verdicts,
    sightings_of,
    stored_verdicts,
    verdict_of,
)

__all__ = [
    "HELD",
    "VERDICTS",
    "Move",
    "add_false_positives",
    "add_move",
    "adopt",
    "close_threats",
    "delete_false_positive",
    "editions",
    "evidence",
    "exploitation",
    "false_positives",
    "false_positives_at",
    "finish_move",
    "has_changed",
    "held_page",
    "held_to_move",
    "held_verdicts",
    "history_of",
    "incidents",
    "is_alone",
    "metadata",
    "move_held",
    "move_threats",
    "newest_sightings",
    "note_progress",
    "oldest_move",
    "put_evidence",
    "put_incident",
    "record_sightings",
    "record_verdicts",
    "replace_list",
    "replace_verdicts",
    "shipped_incidents",
    "sightings_of",
    "stored_verdicts",
    "threat",
    "threats_page",
    "threats_to_move",
    "threats_with_ids",
    "uncovered",
    "verdict_of",
    "weigh",
]

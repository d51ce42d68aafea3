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
from services.verifier.store.remediation import note_warnings, remediation
from services.verifier.store.reports import add_reports, compact_reports, reported_at, track_records
from services.verifier.store.tables import metadata
from services.verifier.store.threats import (
    age_threats,
    close_threats,
    history_of,
    next_threats,
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
    "add_false_positives",
    "add_reports",
    "age_threats",
    "close_threats",
    "compact_reports",
    "delete_false_positive",
    "editions",
    "exploitation",
    "false_positives",
    "false_positives_at",
    "held_page",
    "held_verdicts",
    "history_of",
    "incidents",
    "metadata",
    "next_threats",
    "note_warnings",
    "put_incident",
    "record_sightings",
    "record_verdicts",
    "remediation",
    "replace_list",
    "replace_verdicts",
    "reported_at",
    "shipped_incidents",
    "sightings_of",
    "stored_verdicts",
    "threat",
    "threats_page",
    "threats_with_ids",
    "track_records",
    "verdict_of",
]

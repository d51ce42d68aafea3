"""The verifier's tables and queries, in batches. Nothing here commits."""

from services.verifier.store.books import HELD, VERDICTS
from services.verifier.store.countries import country_columns, country_editions, replace_countries
from services.verifier.store.decisions import add_decisions, decisions_on, last_decision, mark_undone
from services.verifier.store.exploitation import editions, exploitation, replace_list
from services.verifier.store.false_positives import (
    add_false_positives,
    delete_false_positive,
    false_positive,
    false_positives,
    false_positives_anywhere,
    false_positives_at,
    forget_at_asset,
)
from services.verifier.store.incidents import incidents, put_incident, shipped_incidents
from services.verifier.store.judged import judged_records, judged_records_count, threats_known_before
from services.verifier.store.reach import believed_records
from services.verifier.store.registered import (
    put_registrations,
    registered_ranges,
    registered_values,
    registered_versions,
)
from services.verifier.store.remediation import note_warnings, remediation
from services.verifier.store.reports import add_reports, compact_reports, reported_at, track_records
from services.verifier.store.rule_files import RuleFile, add_rule_file, newest_rule_file, rule_files
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
    trust_threats,
)
from services.verifier.store.verdicts import (
    HeldFilter,
    held_groups,
    held_page,
    held_verdicts,
    hold_again,
    record_verdicts,
    replace_verdicts,
    sightings_of,
    stored_verdicts,
    verdict_of,
)

__all__ = [
    "HELD",
    "VERDICTS",
    "HeldFilter",
    "RuleFile",
    "add_decisions",
    "add_false_positives",
    "add_reports",
    "add_rule_file",
    "age_threats",
    "believed_records",
    "close_threats",
    "compact_reports",
    "country_columns",
    "country_editions",
    "decisions_on",
    "delete_false_positive",
    "editions",
    "exploitation",
    "false_positive",
    "false_positives",
    "false_positives_anywhere",
    "false_positives_at",
    "forget_at_asset",
    "held_groups",
    "held_page",
    "held_verdicts",
    "history_of",
    "hold_again",
    "incidents",
    "judged_records",
    "judged_records_count",
    "last_decision",
    "mark_undone",
    "metadata",
    "newest_rule_file",
    "next_threats",
    "note_warnings",
    "put_incident",
    "put_registrations",
    "record_sightings",
    "record_verdicts",
    "registered_ranges",
    "registered_values",
    "registered_versions",
    "remediation",
    "replace_countries",
    "replace_list",
    "replace_verdicts",
    "reported_at",
    "rule_files",
    "shipped_incidents",
    "sightings_of",
    "stored_verdicts",
    "threat",
    "threats_known_before",
    "threats_page",
    "threats_with_ids",
    "track_records",
    "trust_threats",
    "verdict_of",
]

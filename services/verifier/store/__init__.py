"""The verifier's tables and queries, in batches. Nothing here commits."""

from services.verifier.store.books import HELD, VERDICTS
from services.verifier.store.countries import country_columns, country_editions, replace_countries
from services.verifier.store.exploitation import editions, exploitation, replace_list
from services.verifier.store.false_positives import (
    add_false_positives,
    delete_false_positive,
    false_positives,
    false_positives_at,
)
from services.verifier.store.incidents import incidents, put_incident, shipped_incidents
from services.verifier.store.registered import (
    put_registrations,
    registered_ranges,
    registered_values,
    registered_versions,
)
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
    "add_false_positives",
    "close_threats",
    "country_columns",
    "country_editions",
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
    "put_incident",
    "put_registrations",
    "record_sightings",
    "record_verdicts",
    "registered_ranges",
    "registered_values",
    "registered_versions",
    "replace_countries",
    "replace_list",
    "replace_verdicts",
    "shipped_incidents",
    "sightings_of",
    "stored_verdicts",
    "threat",
    "threats_page",
    "threats_with_ids",
    "verdict_of",
]

"""How far an entry of what is wrong reaches back: the records that were believed, and that it covers."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

from libs.common.db import Transaction
from services.verifier.domain import FalsePositive
from services.verifier.domain.detected_by import RULE_FIELDS

_ASSET = "(indicator::json #>> '{indicator,asset,%s}')"
_HOSTS = (
    _ASSET % "domain",
    f"substring({_ASSET % 'url'} FROM '^[^:]+://(?:[^/?#]*@)?([^/:?#]+)')",
    f"substring({_ASSET % 'email'} FROM '@([^@]+)$')",
)

_FIELDS = ", ".join(f"'{field}'" for field in RULE_FIELDS)
_DETECTED_BY = f"""
(indicator::json #>> '{{indicator,malware_name}}' = :value::text
 OR :value::text IN (SELECT json_array_elements_text(indicator::json #> '{{indicator,tags}}'))
 OR EXISTS (SELECT FROM json_each_text(indicator::json #> '{{indicator,extra}}') AS said
            WHERE said.key IN ({_FIELDS}) AND said.value = :value::text))
"""  # noqa: S608 - the names of fields are ours


async def believed_records(tx: Transaction, entry: FalsePositive, *, since: datetime) -> Mapping[UUID, int]:
    """How many verified records of each threat the entry covers, of those judged since then.

    A threat that another partner has reported too is not wrong because one partner is.
    """
    conditions = list(_conditions(entry))
    where = " AND ".join(
        condition.replace(":value", f"${number}") for number, (condition, _) in enumerate(conditions, 2)
    )
    rows = await tx.fetch(
        # The conditions are ours; what people wrote goes in as values.
        f"""
        SELECT threat_id, count(*) AS records FROM verdicts
        WHERE judged_at >= $1 AND verdict = 'verified' AND NOT is_test AND {where}
        GROUP BY threat_id ORDER BY threat_id
        """,  # noqa: S608
        since,
        *(value for _, value in conditions),
    )
    return {row["threat_id"]: row["records"] for row in rows}


def _conditions(entry: FalsePositive) -> Iterator[tuple[str, object]]:
    if entry.threat_id is not None:
        yield "threat_id = :value::uuid", entry.threat_id
        return
    if entry.asset is not None:
        yield "threat_id IN (SELECT threat_id FROM threats WHERE asset = :value)", entry.asset
    if entry.identifier is not None:
        yield "identifier = :value", entry.identifier
    if entry.incident is not None:
        yield "incident = :value", entry.incident
    if entry.partner is not None:
        yield "threat_id IN (SELECT threat_id FROM threats WHERE partners <@ ARRAY[:value])", entry.partner
    if entry.rule is not None:
        yield _DETECTED_BY, entry.rule
    if entry.ip_range is not None:
        yield f"{_ASSET % 'ip'}::inet <<= :value::text::inet", entry.ip_range
    if entry.domain is not None:
        # Not LIKE: a name may have an underscore in it.
        below = "right({0}, length(:value::text) + 1) = '.' || :value::text"
        names = " OR ".join(f"{host} = :value::text OR {below.format(host)}" for host in _HOSTS)
        yield f"({names})", entry.domain

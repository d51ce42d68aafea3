"""What the notifier has done, read from its tables: whom it told of each record, one contact after the other."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from libs.common.vocabulary import Outcome

ENDS = frozenset({"sent", "failed", "bounced"})
DEAD_ADDRESS = ("cancelled", "undeliverable")
"""State and reason of what waited for a last contact that another mail found dead. Nobody cancels anything else."""


@dataclass(frozen=True, slots=True)
class Mailing:
    """A notification as the notifier remembers it. `doubts` are the attempts whose answer was lost; those that go on to
    another contact share their reference.
    """

    reference: str
    state: str
    reason: str
    sent: bool
    targets: int
    targets_total: int
    doubts: int
    open_attempts: int

    @property
    def is_at_rest(self) -> bool:
        return self.state in ENDS or (self.state, self.reason) == DEAD_ADDRESS


@dataclass(frozen=True, slots=True)
class Told:
    """What partners are to hear, by indicator; and how many first targets, or recipients, a record has too many.

    `taken_over` are the targets, by indicator, that went on to a team.
    """

    outcomes: dict[UUID, str]
    twice: int
    recipients_twice: int
    taken_over: dict[UUID, UUID]


async def mailings(connection: asyncpg.Connection) -> dict[UUID, Mailing]:
    rows = await connection.fetch(
        """
        SELECT n.id, n.reference, n.state, n.reason, n.sent_at IS NOT NULL AS sent,
               (SELECT count(*) FROM targets t WHERE t.notification_id = n.id) AS targets, n.targets_total,
               (SELECT count(*) FROM attempts a WHERE a.notification_id = n.id AND a.result = 'in-doubt') AS doubts,
               (SELECT count(*) FROM attempts a WHERE a.notification_id = n.id AND a.result IS NULL) AS open_attempts
        FROM notifications n
        """
    )
    return {row["id"]: Mailing(*list(row.values())[1:]) for row in rows}


async def targets_told(connection: asyncpg.Connection) -> Told:
    rows = await connection.fetch(
        """
        SELECT (value ->> 'indicator_id')::uuid AS indicator_id, t.target_id,
               value #>> '{recipient,kind}' = 'national-cert' AS is_teams,
               t.first_target_id IS NULL AS is_first, t.given_up_at IS NOT NULL AS is_given_up,
               t.notification_id, n.recipient_key, n.state, n.reason, n.sent_at IS NOT NULL AS sent
        FROM targets t CROSS JOIN LATERAL (SELECT convert_from(t.attributed, 'UTF8')::json AS value) AS kept
        LEFT JOIN notifications n ON n.id = t.notification_id WHERE t.copy_of IS NULL
        ORDER BY t.decided_at, t.target_id
        """
    )
    contacts: dict[UUID, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        contacts[row["indicator_id"]].append(row)
    mailed = [(row["indicator_id"], row["recipient_key"]) for row in rows if row["notification_id"]]
    return Told(
        outcomes={indicator_id: outcome_of(tried) for indicator_id, tried in contacts.items()},
        twice=sum(row["is_first"] for row in rows) - len(contacts),
        recipients_twice=len(mailed) - len(set(mailed)),
        taken_over={row["indicator_id"]: row["target_id"] for row in rows if row["is_teams"] and not row["is_first"]},
    )


def outcome_of(tried: Sequence[asyncpg.Record]) -> str:
    """Of a record whose contacts were tried in this order: the first end among them, else its last mail's state."""
    return next(filter(None, map(_end_of, tried)), f"mail {tried[-1]['state']}")


def _end_of(target: asyncpg.Record) -> str:
    """Empty where the mail has not come to an end, or was refused and goes on to the next contact."""
    if target["notification_id"] is None or (target["state"], target["reason"]) == DEAD_ADDRESS:
        return Outcome.SUPPRESSED.value
    if target["sent"]:
        is_teams = target["recipient_key"].startswith("national-cert:")
        return (Outcome.OUT_OF_SCOPE if is_teams else Outcome.NOTIFIED).value
    return Outcome.FAILED.value if target["state"] == "failed" or target["is_given_up"] else ""

"""What organisations have registered by themselves, what is in place of it, and what was told of that.

Whoever waits for rows of several registrations takes them in the order of their ids, or two could wait for each other.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from libs.common.contracts import ClaimedAsset, RegistrationConfirmed
from libs.common.db import Transaction
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.contact_proofs import ContactProof
from services.attribution.domain.self_registrations import SelfRegistration, Step, Told, Wanted
from services.attribution.store.contact_proofs import newest_of

_ASSETS = msgspec.json.Decoder(tuple[ClaimedAsset, ...])
_TOLD = msgspec.json.Decoder(Told)
_encode = msgspec.json.Encoder().encode

COLUMNS = """registration_id, revision, organisation, email, language, kvk_number, assets, is_withdrawn, taken_up,
             taken_up_at, organisation_id, contact_id, told_revision, told"""
WANTED = "registration_id, kind, value, asset_id, is_own, step, due_at, begun_at, tries, refusal"
STEP = ("kind", "value", "begun_at", "step", "due_at", "tries", "refusal")


class Due(msgspec.Struct, frozen=True):
    """A step whose time has come, and of whom."""

    registration_id: UUID
    organisation_id: UUID
    wanted: Wanted


async def hear(tx: Transaction, events: Sequence[RegistrationConfirmed], *, now: datetime) -> None:
    """Keep what is registered; an older revision, or the same one again, changes nothing. Sorted by their ids."""
    await tx.fetch(
        """INSERT INTO self_registration (registration_id, revision, organisation, email, language, kvk_number, assets,
                                          is_withdrawn, waiting_since)
           SELECT *, $9 FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                    $8::bool[])
           ON CONFLICT (registration_id) DO UPDATE SET revision = EXCLUDED.revision,
               organisation = EXCLUDED.organisation, email = EXCLUDED.email, language = EXCLUDED.language,
               kvk_number = EXCLUDED.kvk_number, assets = EXCLUDED.assets, is_withdrawn = EXCLUDED.is_withdrawn,
               waiting_since = CASE WHEN self_registration.revision > self_registration.taken_up
                                    THEN self_registration.waiting_since ELSE EXCLUDED.waiting_since END
           WHERE EXCLUDED.revision > self_registration.revision""",
        [event.registration_id for event in events],
        [event.revision for event in events],
        [event.organisation for event in events],
        [event.email for event in events],
        [event.language for event in events],
        [event.kvk_number for event in events],
        [_encode(event.assets).decode() for event in events],
        [event.is_withdrawn for event in events],
        now,
    )


async def waiting(tx: Transaction, *, limit: int) -> list[SelfRegistration]:
    """Those that are not in place, the one that waits longest first; another replica leaves them alone."""
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM self_registration WHERE revision > taken_up
            ORDER BY waiting_since LIMIT $1 FOR UPDATE SKIP LOCKED""",  # noqa: S608 - our own names
        limit,
    )
    return [_registration(row) for row in rows]


async def taken_up(tx: Transaction, registration: SelfRegistration, *, now: datetime) -> None:
    """Its newest revision is in place, and there is something to tell."""
    await tx.fetch(
        """UPDATE self_registration SET taken_up = revision, taken_up_at = $4, follow_at = $4, organisation_id = $2,
               contact_id = $3 WHERE registration_id = $1""",
        registration.registration_id,
        registration.organisation_id,
        registration.contact_id,
        now,
    )


async def wanted_of(tx: Transaction, registration_ids: Collection[UUID]) -> dict[UUID, list[Wanted]]:
    """What is in place of each, in the order in which it was begun."""
    rows = await tx.fetch(
        f"""SELECT {WANTED} FROM self_registered_asset WHERE registration_id = ANY($1::uuid[])
            ORDER BY registration_id, begun_at, kind, value""",  # noqa: S608 - our own names
        list(registration_ids),
    )
    found: dict[UUID, list[Wanted]] = {registration_id: [] for registration_id in registration_ids}
    for row in rows:
        found[row["registration_id"]].append(_wanted(row))
    return found


async def save(tx: Transaction, registration_id: UUID, wanted: Iterable[Wanted]) -> None:
    """As they are now; new ones are added."""
    rows = list(wanted)
    await tx.fetch(
        """INSERT INTO self_registered_asset (registration_id, kind, value, asset_id, is_own, step, due_at, begun_at,
                                              tries, refusal)
           SELECT $1, * FROM unnest($2::text[], $3::text[], $4::uuid[], $5::bool[], $6::text[], $7::timestamptz[],
                                    $8::timestamptz[], $9::smallint[], $10::text[])
           ON CONFLICT (registration_id, kind, value) DO UPDATE SET asset_id = EXCLUDED.asset_id,
               is_own = EXCLUDED.is_own, step = EXCLUDED.step, due_at = EXCLUDED.due_at, begun_at = EXCLUDED.begun_at,
               tries = EXCLUDED.tries, refusal = EXCLUDED.refusal""",
        registration_id,
        [each.kind for each in rows],
        [each.value for each in rows],
        [each.asset_id for each in rows],
        [each.is_own for each in rows],
        [each.step for each in rows],
        [each.due_at for each in rows],
        [each.begun_at for each in rows],
        [each.tries for each in rows],
        [each.refusal for each in rows],
    )


async def stepped(tx: Transaction, steps: Sequence[tuple[Due, Wanted]]) -> None:
    """What has become of steps, but of those that were taken back or begun anew meanwhile."""
    await tx.fetch(
        """UPDATE self_registered_asset AS kept SET step = row.step, due_at = row.due_at, tries = row.tries,
               refusal = row.refusal
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::timestamptz[],
                       $7::smallint[], $8::text[])
               AS row (registration_id, kind, value, begun_at, step, due_at, tries, refusal)
           WHERE kept.registration_id = row.registration_id AND kept.kind = row.kind AND kept.value = row.value
             AND kept.begun_at = row.begun_at""",
        [due.registration_id for due, _ in steps],
        *([getattr(wanted, field) for _, wanted in steps] for field in STEP),
    )


async def mark_registration(tx: Transaction, registration_id: UUID, *, now: datetime) -> None:
    """There may be something to tell of it."""
    await tx.fetch(
        "UPDATE self_registration SET follow_at = least(follow_at, $2) WHERE registration_id = $1", registration_id, now
    )


async def forget_assets(tx: Transaction, registration_id: UUID, wanted: Iterable[Wanted]) -> None:
    rows = list(wanted)
    await tx.fetch(
        """DELETE FROM self_registered_asset AS kept USING unnest($2::text[], $3::text[]) AS gone (kind, value)
           WHERE registration_id = $1 AND kept.kind = gone.kind AND kept.value = gone.value""",
        registration_id,
        [each.kind for each in rows],
        [each.value for each in rows],
    )


async def hand_over(tx: Transaction, asset_id: UUID, *, registration_id: UUID) -> bool:
    """Whether another registration has the asset as well, which keeps it: two that were merged may both name it."""
    rows = await tx.fetch(
        """UPDATE self_registered_asset SET is_own = true
           WHERE asset_id = $1 AND registration_id = (
               SELECT min(registration_id::text)::uuid FROM self_registered_asset
               WHERE asset_id = $1 AND registration_id <> $2)
           RETURNING 1""",
        asset_id,
        registration_id,
    )
    return bool(rows)


async def is_contact_of_another(tx: Transaction, contact_id: UUID, *, registration_id: UUID) -> bool:
    rows = await tx.fetch(
        """SELECT FROM self_registration
           WHERE contact_id = $1 AND registration_id <> $2 AND NOT is_withdrawn LIMIT 1""",
        contact_id,
        registration_id,
    )
    return bool(rows)


async def due(tx: Transaction, step: Step, *, limit: int, lease: timedelta, now: datetime) -> list[Due]:
    """Steps whose time has come, for this process to take: others leave them alone for the `lease`."""
    rows = await tx.fetch(
        f"""UPDATE self_registered_asset AS taken SET due_at = $3::timestamptz + $4::interval FROM (
                SELECT registration_id, kind, value, organisation_id
                FROM self_registered_asset JOIN self_registration USING (registration_id)
                WHERE step = $1 AND due_at <= $3
                ORDER BY due_at LIMIT $2 FOR UPDATE OF self_registered_asset SKIP LOCKED
            ) AS due
            WHERE taken.registration_id = due.registration_id AND taken.kind = due.kind AND taken.value = due.value
            RETURNING due.organisation_id, {", ".join(f"taken.{name}" for name in WANTED.split(", "))}""",  # noqa: S608
        step,
        limit,
        now,
        lease,
    )
    return [Due(row["registration_id"], row["organisation_id"], _wanted(row)) for row in rows]


async def to_follow(tx: Transaction, *, limit: int, now: datetime) -> list[SelfRegistration]:
    """Those of which there may be something to tell, as far as they are in place; another replica leaves them alone."""
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM self_registration WHERE follow_at <= $2 AND taken_up > 0
            ORDER BY follow_at LIMIT $1 FOR UPDATE SKIP LOCKED""",  # noqa: S608 - our own names
        limit,
        now,
    )
    return [_registration(row) for row in rows]


async def keep_told(
    tx: Transaction, told: Sequence[tuple[SelfRegistration, Told, int]], *, follow_at: Sequence[datetime | None]
) -> None:
    """What was told last, by which revision, and when to look again."""
    await tx.fetch(
        """UPDATE self_registration AS kept SET told = row.told, told_revision = row.revision,
               follow_at = row.follow_at
           FROM unnest($1::uuid[], $2::text[], $3::int[], $4::timestamptz[]) AS row (id, told, revision, follow_at)
           WHERE registration_id = id""",
        [registration.registration_id for registration, _, _ in told],
        [_encode(each).decode() for _, each, _ in told],
        [revision for _, _, revision in told],
        list(follow_at),
    )


async def questions_about(tx: Transaction, wanted: Iterable[Wanted]) -> dict[UUID, ContactProof]:
    """By asset, the last question to the contact that the registry has for it."""
    return await newest_of(tx, [each.asset_id for each in wanted if each.asset_id is not None])


async def mark(tx: Transaction, asset_ids: Collection[UUID], *, now: datetime) -> None:
    """Something has changed about these assets: whoever has registered one is to hear what."""
    await tx.fetch(
        """UPDATE self_registration SET follow_at = least(follow_at, $2) WHERE registration_id IN (
               SELECT registration_id FROM self_registration WHERE registration_id IN (
                   SELECT registration_id FROM self_registered_asset WHERE asset_id = ANY($1::uuid[]))
               ORDER BY registration_id FOR UPDATE)""",
        list(asset_ids),
        now,
    )


async def mark_organisation(tx: Transaction, organisation_id: UUID, *, now: datetime) -> None:
    """Something has changed about all that it has."""
    await tx.fetch(
        """UPDATE self_registration SET follow_at = least(follow_at, $2) WHERE registration_id IN (
               SELECT registration_id FROM self_registration WHERE organisation_id = $1
               ORDER BY registration_id FOR UPDATE)""",
        organisation_id,
        now,
    )


async def move(
    tx: Transaction, organisation_id: UUID, *, into: UUID, doubles: Sequence[tuple[UUID, UUID]], now: datetime
) -> None:
    """It becomes another one. Of `doubles`, mine and theirs, theirs stays, which no registration takes away."""
    await mark_organisation(tx, organisation_id, now=now)
    await tx.fetch(
        """UPDATE self_registered_asset SET asset_id = theirs, is_own = false
           FROM unnest($1::uuid[], $2::uuid[]) AS double (mine, theirs) WHERE asset_id = mine""",
        [mine for mine, _ in doubles],
        [theirs for _, theirs in doubles],
    )
    await tx.fetch(
        "UPDATE self_registration SET organisation_id = $2 WHERE organisation_id = $1", organisation_id, into
    )


async def forget_withdrawn(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Those that were withdrawn by then: an address is not kept for longer than a late message may need."""
    rows = await tx.fetch(
        """DELETE FROM self_registration WHERE registration_id IN (
               SELECT registration_id FROM self_registration
               WHERE is_withdrawn AND revision = taken_up AND follow_at IS NULL AND taken_up_at < $1
               ORDER BY registration_id LIMIT $2 FOR UPDATE SKIP LOCKED
           ) RETURNING 1""",
        before,
        limit,
    )
    return len(rows)


def _registration(row: asyncpg.Record) -> SelfRegistration:
    return SelfRegistration(
        **{
            **row,
            "language": Language(row["language"]),
            "assets": _ASSETS.decode(row["assets"]),
            "told": _TOLD.decode(row["told"]) if row["told"] is not None else Told(),
        }
    )


def _wanted(row: asyncpg.Record) -> Wanted:
    return Wanted(
        kind=AssetKind(row["kind"]),
        value=row["value"],
        asset_id=row["asset_id"],
        is_own=row["is_own"],
        step=Step(row["step"]) if row["step"] is not None else None,
        due_at=row["due_at"],
        begun_at=row["begun_at"],
        tries=row["tries"],
        refusal=row["refusal"],
    )

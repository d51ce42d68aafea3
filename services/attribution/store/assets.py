"""Registered assets and their proofs: as the API shows and changes them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.db import Transaction
from libs.common.ids import new_id
from libs.common.vocabulary import AssetKind
from services.attribution.domain.organisations import AssetClaim, AssetRecord
from services.attribution.domain.proofs import Proof, ProofMethod, ProofState

PROOF = {
    "state": "proof_state",
    "method": "proof_method",
    "token": "proof_token",
    "challenged_at": "challenged_at",
    "proven_at": "proven_at",
    "proven_until": "proven_until",
    "by": "proof_by",
    "note": "proof_note",
    "check_at": "check_at",
    "misses": "misses",
    "unanswered": "unanswered",
    "missing_since": "missing_since",
}
"""Fields of a proof and their columns."""

COLUMNS = ", ".join(("asset_id", "organisation_id", "kind", "value", "created_at", "contested", *PROOF.values()))
DUE = """
SELECT {columns} FROM organisation_asset
WHERE proof_state = 'proven' AND (check_at <= $1 OR proven_until IS NULL) ORDER BY check_at LIMIT $2
"""


async def page(tx: Transaction, organisation_id: UUID, *, after: UUID | None, limit: int) -> list[AssetRecord]:
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM organisation_asset
            WHERE organisation_id = $1 AND ($2::uuid IS NULL OR asset_id > $2) ORDER BY asset_id LIMIT $3""",  # noqa: S608
        organisation_id,
        after,
        limit,
    )
    return [_record(row) for row in rows]


async def in_state(
    tx: Transaction, state: ProofState, *, ends_before: datetime | None, after: UUID | None, limit: int
) -> list[AssetRecord]:
    """Of all organisations; with `ends_before` only those whose proof ends by then."""
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM organisation_asset
            WHERE proof_state = $1 AND ($2::uuid IS NULL OR asset_id > $2)
              AND ($4::timestamptz IS NULL OR proven_until < $4) ORDER BY asset_id LIMIT $3""",  # noqa: S608
        state,
        after,
        limit,
        ends_before,
    )
    return [_record(row) for row in rows]


async def one(tx: Transaction, organisation_id: UUID, asset_id: UUID) -> AssetRecord | None:
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM organisation_asset WHERE organisation_id = $1 AND asset_id = $2",  # noqa: S608
        organisation_id,
        asset_id,
    )
    return _record(rows[0]) if rows else None


async def with_ids(tx: Transaction, asset_ids: Collection[UUID]) -> dict[UUID, AssetRecord]:
    """Those of them that there are."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM organisation_asset WHERE asset_id = ANY($1::uuid[])",  # noqa: S608
        list(asset_ids),
    )
    return {row["asset_id"]: _record(row) for row in rows}


async def claim(
    tx: Transaction, organisation_id: UUID, claimed: AssetClaim, *, asset_id: UUID, now: datetime
) -> AssetRecord:
    """The claim as it is kept, also if it was there before. A new one has the id `asset_id` and is not proven."""
    await tx.fetch(
        """INSERT INTO organisation_asset (asset_id, organisation_id, kind, value, created_at, proof_state,
                                           proof_method)
           VALUES ($1, $2, $3, $4, $5, 'claimed', NULL) ON CONFLICT DO NOTHING""",
        asset_id,
        organisation_id,
        claimed.kind,
        claimed.value,
        now,
    )
    (row,) = await tx.fetch(
        f"SELECT {COLUMNS} FROM organisation_asset WHERE organisation_id = $1 AND kind = $2 AND value = $3",  # noqa: S608
        organisation_id,
        claimed.kind,
        claimed.value,
    )
    return _record(row)


async def claim_all(
    tx: Transaction, organisation_id: UUID, claimed: Sequence[AssetClaim], *, now: datetime
) -> dict[AssetClaim, tuple[AssetRecord, bool]]:
    """What an organisation claims by itself: each as it is kept, and whether it is new. New ones are not proven."""
    rows = await tx.fetch(
        """INSERT INTO organisation_asset (asset_id, organisation_id, kind, value, created_at, proof_state,
                                           proof_method, self_claimed)
           SELECT asset_id, $1, kind, value, $5, 'claimed', NULL, true
           FROM unnest($2::uuid[], $3::text[], $4::text[]) AS row (asset_id, kind, value)
           ON CONFLICT DO NOTHING RETURNING asset_id""",
        organisation_id,
        [new_id() for _ in claimed],
        [claim.kind for claim in claimed],
        [claim.value for claim in claimed],
        now,
    )
    new = {row["asset_id"] for row in rows}
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM organisation_asset JOIN unnest($2::text[], $3::text[]) AS row (kind, value)
            USING (kind, value) WHERE organisation_id = $1""",  # noqa: S608 - our own names
        organisation_id,
        [claim.kind for claim in claimed],
        [claim.value for claim in claimed],
    )
    kept = {(each.kind, each.value): each for each in map(_record, rows)}
    found = ((claim, kept[claim.kind, claim.value]) for claim in claimed)
    return {claim: (record, record.asset_id in new) for claim, record in found}


async def release(tx: Transaction, asset_id: UUID) -> bool:
    """True if the verifier has been told that it is registered."""
    rows = await tx.fetch("DELETE FROM organisation_asset WHERE asset_id = $1 RETURNING is_told", asset_id)
    return bool(rows) and bool(rows[0]["is_told"])


async def save_proofs(tx: Transaction, proofs: Mapping[UUID, Proof]) -> None:
    sets = ", ".join(f"{column} = proof.{column}" for column in PROOF.values())
    await tx.fetch(
        f"""UPDATE organisation_asset AS asset SET {sets}
            FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[],
                        $7::timestamptz[], $8::text[], $9::text[], $10::timestamptz[], $11::smallint[],
                        $12::smallint[], $13::timestamptz[]) AS proof (asset_id, {", ".join(PROOF.values())})
            WHERE asset.asset_id = proof.asset_id""",  # noqa: S608 - our own names
        list(proofs),
        *([getattr(proof, field) for proof in proofs.values()] for field in PROOF),
    )


async def check_soon(tx: Transaction, asset_ids: Collection[UUID], *, now: datetime) -> None:
    """Have the proofs by DNS among them looked at."""
    await tx.fetch(
        """UPDATE organisation_asset SET check_at = least(check_at, $2)
           WHERE asset_id = ANY($1::uuid[]) AND proof_state = 'proven' AND proof_method = 'dns'""",
        list(asset_ids),
        now,
    )


async def due(tx: Transaction, *, now: datetime, limit: int) -> list[AssetRecord]:
    """Proofs whose time has come: to be looked at, or to end."""
    return [_record(row) for row in await tx.fetch(DUE.format(columns=COLUMNS), now, limit)]


def _record(row: asyncpg.Record) -> AssetRecord:
    return AssetRecord(
        asset_id=row["asset_id"],
        organisation_id=row["organisation_id"],
        kind=AssetKind(row["kind"]),
        value=row["value"],
        created_at=row["created_at"],
        proof=proof_of(row),
        contested=row["contested"],
    )


def proof_of(row: asyncpg.Record) -> Proof:
    fields = {field: row[column] for field, column in PROOF.items()}
    method = fields.pop("method")
    return Proof(
        **{**fields, "state": ProofState(fields["state"])}, method=ProofMethod(method) if method is not None else None
    )

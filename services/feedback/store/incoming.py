"""Mails that came back."""

from collections.abc import Sequence

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from libs.common.db import Transaction
from libs.common.vocabulary import Permanence, ReturnKind, Trust
from services.feedback.domain.feedback import Place
from services.feedback.domain.incoming.returned import Returned
from services.feedback.store.tables import incoming


async def add(tx: Transaction, returned: Returned) -> bool:
    """Keep one; False if the same mail to the same address came before."""
    values = {name: getattr(returned, name) for name in returned.__struct_fields__}
    statement = insert(incoming).values(values).on_conflict_do_nothing().returning(incoming.c.return_id)
    return (await tx.execute(statement)).first() is not None


async def newest(tx: Transaction, *, kind: ReturnKind | None, before: Place | None, limit: int) -> Sequence[Returned]:
    """A page, newest first."""
    place = tuple_(incoming.c.received_at, incoming.c.return_id)
    statement = select(incoming).order_by(incoming.c.received_at.desc(), incoming.c.return_id.desc()).limit(limit)
    if kind is not None:
        statement = statement.where(incoming.c.kind == kind.value)
    if before is not None:
        statement = statement.where(place < tuple_(before.at, before.feedback_id))
    rows = await tx.execute(statement)
    return [
        Returned(
            return_id=row.return_id,
            received_at=row.received_at,
            kind=ReturnKind(row.kind),
            trust=Trust(row.trust),
            notification_id=row.notification_id,
            reference=row.reference,
            address=row.address,
            permanence=Permanence(row.permanence) if row.permanence else None,
            code=row.code,
            detail=row.detail,
            size_bytes=row.size_bytes,
        )
        for row in rows
    ]

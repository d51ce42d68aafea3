"""Files of organisations go in, and come out."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.db import Database, Transaction
from libs.common.ids import new_id
from services.attribution import store
from services.attribution.domain.changes import Change, What
from services.attribution.domain.conflicts import Rivalry
from services.attribution.domain.file_changes import Identified, file_changes, line_of
from services.attribution.domain.imports import FileChanges, Line, LineKind, Mistake
from services.attribution.domain.organisation_csv import csv_header, csv_lines
from services.attribution.domain.organisation_files import BadOrganisations, Entry, Placed, identities
from services.attribution.domain.organisations import AssetClaim
from services.attribution.handlers.claims import settle


async def take_in(entries: Placed, *, by: str, tx: Transaction, now: datetime) -> FileChanges:
    """A file of organisations: new ones are added, known ones changed, none removed.

    Raises `BadOrganisations` for what can't be taken as it is; the caller then rolls everything back, as it does to
    see only what would change.
    """
    await store.organisations.held_version(tx)
    known = await store.organisation_files.known_organisations(tx)
    found = await _identified(tx, entries, known)
    owners = await store.organisation_files.owners(tx, (claim for each in found for claim in each.entry.claims))
    mistakes = [*_confusions(found, known), *_taken(found, owners)]
    if mistakes:
        raise BadOrganisations(mistakes)

    await store.organisation_files.write_profiles(tx, found, by=by, now=now)
    asset_ids = await store.organisation_files.write_claims(tx, found, by=by, now=now)
    await store.organisation_files.write_contacts(tx, found, now=now)
    settled = await settle(tx, asset_ids, now=now)

    contested = _contested(settled.opened)
    lines = [line_of(each, contested) for each in found]
    await store.changes.record(tx, _changes(found, lines, by=by, now=now))
    return file_changes(lines)


async def export_organisations(database: Database) -> AsyncIterator[bytes]:
    """All organisations as CSV, in pieces of which none is large; each organisation as it is when its piece is read."""
    yield csv_header()
    after: UUID | None = None
    while True:
        async with database.transaction() as tx:
            kept = await store.organisation_files.kept_page(tx, after=after)
        if not kept:
            return
        after = kept[-1].organisation_id
        yield b"".join(csv_lines(kept))


async def _identified(tx: Transaction, entries: Placed, known: Mapping[str, UUID]) -> list[Identified]:
    ids = {where: _known_as(entry, known) for where, entry in entries.items()}
    kept = await store.organisation_files.kept(tx, [each for each in ids.values() if each is not None])
    return [
        Identified(where, organisation_id, entry, kept.get(organisation_id))
        for where, entry in entries.items()
        for organisation_id in (ids[where] or new_id(),)
    ]


def _known_as(entry: Entry, known: Mapping[str, UUID]) -> UUID | None:
    if entry.organisation_id is not None:
        return known.get(str(entry.organisation_id))
    return next((known[key] for key in identities(entry.profile) if key in known), None)


def _confusions(found: Sequence[Identified], known: Mapping[str, UUID]) -> Iterator[Mistake]:
    """Entries of which it is not clear, or not possible, whom they mean."""
    places: defaultdict[UUID, list[str]] = defaultdict(list)
    for each in found:
        places[each.organisation_id].append(each.where)
        if each.entry.organisation_id is not None and each.kept is None:
            message = f"There is no organisation {each.entry.organisation_id}; leave the column out for a new one."
            yield Mistake(f"{each.where}.organisation_id", "unknown-organisation", message)
        number = each.profile.kvk_number
        if number is not None and known.get(f"KVK {number}", each.organisation_id) != each.organisation_id:
            message = f"Another organisation has KVK number {number}."
            yield Mistake(f"{each.where}.kvk_number", "kvk-number-taken", message)
    for organisation_id, lines in places.items():
        if len(lines) > 1:
            message = f"Organisation {organisation_id} stands {len(lines)} times in this file: {', '.join(lines)}."
            yield Mistake("file", "twice", message)


def _taken(found: Sequence[Identified], owners: Mapping[AssetClaim, set[UUID]]) -> Iterator[Mistake]:
    """A file takes nothing from anybody. Whoever means it registers the asset by the API, which opens a conflict."""
    for each in found:
        for claim in each.entry.claims:
            others = owners.get(claim, set())
            if others and each.organisation_id not in others:
                message = f"'{claim.value}' is registered by organisation {min(others)}."
                yield Mistake(f"{each.where}.assets", "already-claimed", message)


def _contested(opened: Iterable[Rivalry]) -> dict[UUID, tuple[str, ...]]:
    contested: defaultdict[UUID, tuple[str, ...]] = defaultdict(tuple)
    for rivalry in opened:
        for each in (rivalry.first, rivalry.second):
            contested[each.organisation_id] += (each.claim.value,)
    return contested


def _changes(found: Sequence[Identified], lines: Sequence[Line], *, by: str, now: datetime) -> Iterator[Change]:
    """What of an organisation the file has changed, as one change of it."""
    for each, line in zip(found, lines, strict=True):
        if line.kind is not LineKind.UNCHANGED:
            yield Change(
                organisation_id=each.organisation_id,
                at=now,
                by=by,
                what=What.ADDED if each.kept is None else What.CHANGED,
                subject=each.where,
                before=_fields(each, is_before=True) if each.kept is not None else None,
                after=_fields(each, is_before=False),
            )


def _fields(found: Identified, *, is_before: bool) -> dict[str, object]:
    kept = found.kept
    if is_before and kept is not None:
        claims, contacts, profile = list(kept.claims), list(kept.contacts.values()), kept.profile
    else:
        claims, contacts, profile = list(found.entry.claims), list(found.entry.contacts), found.profile
    values = {name: getattr(profile, name) for name in profile.__struct_fields__}
    return {**values, "assets": [claim.value for claim in claims], "contacts": [each.email for each in contacts]}

"""What a file of organisations changes, as it is shown before and kept after."""

from collections import Counter
from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from services.attribution.domain.imports import FileChanges, Line, LineKind
from services.attribution.domain.organisation_csv import KeptOrganisation
from services.attribution.domain.organisation_files import Entry
from services.attribution.domain.organisations import OrganisationProfile

MOST_LINES = 1_000
"""What of a file is shown line by line; the counts are of all of it."""


class Identified(msgspec.Struct, frozen=True):
    """An entry of a file with whose it is; `kept` None: one that we did not know."""

    where: str
    organisation_id: UUID
    entry: Entry
    kept: KeptOrganisation | None = None

    @property
    def profile(self) -> OrganisationProfile:
        """As it will be kept."""
        return self.entry.profile if self.kept is None else self.entry.over(self.kept.profile)


def line_of(found: Identified, conflicts: Mapping[UUID, tuple[str, ...]]) -> Line:
    """`conflicts`: by organisation, the assets that another one claims too."""
    profile, changes = found.profile, _changes(found)
    contested = conflicts.get(found.organisation_id, ())
    kind = LineKind.ADDED if found.kept is None else LineKind.CHANGED if changes else LineKind.UNCHANGED
    if contested:
        kind, changes = LineKind.CONFLICT, tuple(f"contested {value}" for value in contested)
    return Line(found.where, kind, found.organisation_id, profile.name, changes)


def file_changes(lines: Iterable[Line]) -> FileChanges:
    """Conflicts come first among the lines that are shown, and what stays as it is not at all."""
    found = list(lines)
    counts = Counter(line.kind for line in found)
    shown = [line for line in found if line.kind is not LineKind.UNCHANGED]
    shown.sort(key=lambda line: line.kind is not LineKind.CONFLICT)
    return FileChanges(
        added=counts[LineKind.ADDED],
        changed=counts[LineKind.CHANGED],
        unchanged=counts[LineKind.UNCHANGED],
        conflicts=counts[LineKind.CONFLICT],
        lines=tuple(shown[:MOST_LINES]),
    )


def _changes(found: Identified) -> tuple[str, ...]:
    kept, profile = found.kept, found.profile
    if kept is None:
        return ()
    fields = (name for name in profile.__struct_fields__ if getattr(profile, name) != getattr(kept.profile, name))
    assets = (f"+ {claim.value}" for claim in found.entry.claims if claim not in kept.claims)
    contacts = (
        f"+ {contact.email}" if contact.email not in kept.contacts else contact.email
        for contact in found.entry.contacts
        if kept.contacts.get(contact.email) != contact
    )
    return (*fields, *assets, *contacts)

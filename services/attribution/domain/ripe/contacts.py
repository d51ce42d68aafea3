"""The organisations and roles that ranges and ASes refer to, and the abuse desks that they make."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.columns import NO_ROW, ROWS_AT_ONCE, Columns, Numbers, Packed, Texts, joined, parted


class Contacts:
    """Organisations and roles by their place in their parts, and the desks that were found, each once."""

    def __init__(self, organisations: Columns, roles: Columns) -> None:
        self.names = parted(organisations.get("name", b""))
        self._mailboxes = parted(roles.get("mailbox", b""))
        self._role_names = parted(roles.get("name", b""))
        self._organisations = _places(organisations)
        self._roles = _places(roles)
        self._roles_of_organisations = self.roles(parted(organisations.get("contact", b"")))
        self._is_named = np.array([*(bool(name) for name in self.names), False])
        self._desks: dict[AbuseDesk, int] = {}

    def organisations(self, handles: Sequence[str]) -> Numbers:
        """The organisation of each handle, and NO_ROW at the end, where the number for none leads."""
        return np.array([*(self._organisations.get(handle, NO_ROW) for handle in handles), NO_ROW], dtype=np.int32)

    def roles(self, handles: Sequence[str]) -> Numbers:
        """The role of each handle. One that is missing or has no mailbox counts as absent."""
        return np.array([*(self._roles.get(handle, NO_ROW) for handle in handles), NO_ROW], dtype=np.int32)

    def desks_of(self, roles: Numbers, organisations: Numbers, descriptions: Packed) -> Numbers:
        """The own desk of each row: its own role, else its organisation's.

        It is called after the organisation if that is known, else by the best word that the row or the role has.
        """
        roles = np.where(roles != NO_ROW, roles, self._roles_of_organisations[organisations])
        desks = np.full(len(roles), NO_ROW, dtype=np.int32)
        is_named = self._is_named[organisations]
        self._name_by_organisation(desks, np.flatnonzero((roles != NO_ROW) & is_named), roles, organisations)
        self._name_by_description(desks, np.flatnonzero((roles != NO_ROW) & ~is_named), roles, descriptions)
        return desks

    def desk_columns(self) -> Columns:
        """All desks so far, by their number."""
        return {
            "desk-email": joined(desk.email for desk in self._desks),
            "desk-name": joined(desk.name for desk in self._desks),
        }

    def _name_by_organisation(
        self, desks: Numbers, rows: npt.NDArray[np.int64], roles: Numbers, organisations: Numbers
    ) -> None:
        """Rows of one organisation and role have one desk, which is looked up once for all of them."""
        pairs = roles[rows].astype(np.int64) * len(self._is_named) + organisations[rows]
        distinct, places = np.unique(pairs, return_inverse=True)
        numbers = [self._number(*divmod(pair, len(self._is_named))) for pair in distinct.tolist()]
        desks[rows] = np.array(numbers, dtype=np.int32)[places]

    def _number(self, role: int, organisation: int) -> int:
        desk = AbuseDesk(self._mailboxes[role], self.names[organisation])
        return self._desks.setdefault(desk, len(self._desks))

    def _name_by_description(
        self, desks: Numbers, rows: npt.NDArray[np.int64], roles: Numbers, descriptions: Packed
    ) -> None:
        texts = Texts(descriptions)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[start : start + ROWS_AT_ONCE]
            described = zip(some.tolist(), roles[some].tolist(), texts.of(some), strict=True)
            for row, role, description in described:
                desk = AbuseDesk(self._mailboxes[role], description or self._role_names[role])
                desks[row] = self._desks.setdefault(desk, len(self._desks))


def _places(part: Columns) -> dict[str, int]:
    return {handle: place for place, handle in enumerate(parted(part.get("handle", b"")))}

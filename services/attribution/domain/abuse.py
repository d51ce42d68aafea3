"""Who answers for abuse of a range: the abuse-c as RIPE's own server resolves it, for all ranges in one pass.

The object's own abuse-c, else that of its organisation, else what the first less specific range has; but nothing is
inherited by a range that RIPE NCC itself maintains. An AS has only the first two steps.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from libs.common.intervals import Interval
from services.attribution.domain.ripe import OrganisationObject, RangeObject, RoleObject, SystemObject


class AbuseDesk(msgspec.Struct, frozen=True):
    """A mailbox for abuse, and whose it is."""

    email: str
    name: str


class ResolvedRange(msgspec.Struct, frozen=True):
    """A range with its desk. `inherited_from` counts into the sequence of resolved ranges of the same space."""

    interval: Interval
    netname: str
    organisation: str
    country: str | None
    status: str
    desk: AbuseDesk | None
    inherited_from: int | None


class ResolvedSystem(msgspec.Struct, frozen=True):
    asn: int
    name: str
    organisation: str
    desk: AbuseDesk | None


class Contacts:
    """The organisations and roles that ranges and ASes refer to."""

    def __init__(self, organisations: Iterable[OrganisationObject] = (), roles: Iterable[RoleObject] = ()) -> None:
        self._organisations: dict[str, OrganisationObject] = {item.handle: item for item in organisations}
        self._roles: dict[str, RoleObject] = {item.handle: item for item in roles}

    def add(self, item: OrganisationObject | RoleObject) -> None:
        if isinstance(item, OrganisationObject):
            self._organisations[item.handle] = item
        else:
            self._roles[item.handle] = item

    def organisation_name(self, handle: str | None) -> str:
        organisation = self._organisations.get(handle or "")
        return organisation.name if organisation else ""

    def desk_of(self, item: RangeObject | SystemObject) -> AbuseDesk | None:
        """Own abuse-c, else the organisation's. A role that is missing or has no mailbox counts as absent."""
        organisation = self._organisations.get(item.organisation or "")
        handles = (item.abuse_contact, organisation.abuse_contact if organisation else None)
        role = next((self._roles[handle] for handle in handles if handle in self._roles), None)
        return AbuseDesk(role.mailbox, _name(item, organisation, role)) if role else None


def _name(item: RangeObject | SystemObject, organisation: OrganisationObject | None, role: RoleObject) -> str:
    """What to call whoever reads the mailbox: the organisation if it is known, else the best word the object has."""
    described = item.description if isinstance(item, RangeObject) else item.name
    return (organisation.name if organisation else "") or described or role.name


class _Open(msgspec.Struct, frozen=True):
    """A range that the next ones may lie in."""

    interval: Interval
    desk: AbuseDesk | None
    found_at: int


class RangeResolver:
    """Resolves the ranges of one space, fed in any number of parts, sorted by first rising and last falling.

    That order puts parents before what lies in them. A range that equals the one before it, or overlaps another only
    in part, is left out and counted in `skipped`.
    """

    def __init__(self, contacts: Contacts, skipped: Counter[str]) -> None:
        self._contacts = contacts
        self._skipped = skipped
        self._parents: list[_Open] = []
        self.position = 0
        """Of the next range that is resolved."""

    def resolve(self, ranges: Iterable[RangeObject]) -> Iterator[ResolvedRange]:
        for item in ranges:
            while self._parents and self._parents[-1].interval.last < item.interval.first:
                self._parents.pop()
            misfit = self._misfit(item.interval)
            if misfit:
                self._skipped[misfit] += 1
            else:
                yield self._resolved(item)
                self.position += 1

    def _misfit(self, interval: Interval) -> str | None:
        if not self._parents:
            return None
        if self._parents[-1].interval == interval:
            return "same-range-twice"
        return "partial-overlap" if self._parents[-1].interval.last < interval.last else None

    def _resolved(self, item: RangeObject) -> ResolvedRange:
        opened = self._open(item)
        self._parents.append(opened)
        return ResolvedRange(
            interval=item.interval,
            netname=item.netname,
            organisation=self._contacts.organisation_name(item.organisation) or item.description,
            country=item.country,
            status=item.status,
            desk=opened.desk,
            inherited_from=opened.found_at if opened.found_at != self.position else None,
        )

    def _open(self, item: RangeObject) -> _Open:
        own = self._contacts.desk_of(item)
        parent = self._parents[-1] if self._parents else None
        if own is None and parent is not None and parent.desk is not None and not item.ripe_maintained:
            return _Open(item.interval, parent.desk, parent.found_at)
        return _Open(item.interval, own, self.position)


def resolve_system(item: SystemObject, contacts: Contacts) -> ResolvedSystem:
    """Steps one and two; an AS inherits from nobody."""
    name = contacts.organisation_name(item.organisation) or item.name
    return ResolvedSystem(asn=item.asn, name=item.name, organisation=name, desk=contacts.desk_of(item))

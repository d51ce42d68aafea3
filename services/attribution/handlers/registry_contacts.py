"""Who answers for an asset in its registry: asked before a claim is put to anybody."""

from collections.abc import Iterable
from datetime import datetime

from libs.common.db import Database
from libs.common.intervals import Interval, address_of, read_asn
from libs.common.vocabulary import AssetKind
from services.attribution.domain.answers import (
    DomainRegistration,
    Enquiry,
    Found,
    MailExchange,
    NetworkRegistration,
    Source,
)
from services.attribution.domain.names import platform_of, registrable
from services.attribution.domain.networks import Networks
from services.attribution.domain.organisations import AssetRecord, read_claim
from services.attribution.domain.registry_contacts import (
    NOBODY,
    NoContact,
    RegistryContact,
    of_domain,
    of_range,
    of_registered_network,
    of_system,
    role_mailbox,
)
from services.attribution.domain.sources import RIPE
from services.attribution.handlers.deciding import Decider
from services.attribution.handlers.enquiries import Outside

NOT_ASKED = NoContact(
    "registry-not-asked", "This installation asks no registry about such an asset; prove it in another way."
)
OF_A_PLATFORM = NoContact(
    "no-registry-contact",
    "Names of this kind are given out by a company and stand in no registry; prove it otherwise.",
)

Contacts = tuple[RegistryContact, ...] | NoContact


class Registries:
    """The imported RIPE database, as far as it is young enough to be believed, and RDAP, where it is switched on."""

    def __init__(self, database: Database, decider: Decider, outside: Outside) -> None:
        self._database, self._decider, self._outside = database, decider, outside

    async def contacts_of(self, asset: AssetRecord) -> Contacts:
        """Asks outside, so never within a transaction."""
        claim = read_claim(asset.kind, asset.value)
        match asset.kind:
            case AssetKind.DOMAIN:
                return await self._of_domain(asset.value)
            case AssetKind.ASN:
                system = (await self._networks()).systems.get(read_asn(asset.value) or 0)
                return _some(of_system(system))
            case AssetKind.IP_RANGE:
                return _some(()) if claim.interval is None else await self._of_range(claim.interval)

    async def _of_domain(self, name: str) -> Contacts:
        domain = registrable(name)
        if domain is None or platform_of(name) is not None:
            return OF_A_PLATFORM
        registration = await self._ask(Source.RDAP_DOMAIN, domain)
        if isinstance(registration, NoContact):
            return registration
        if not isinstance(registration, DomainRegistration):
            return NOBODY
        if contacts := tuple(of_domain(registration)):
            return contacts
        exchange = await self._ask(Source.MAIL_EXCHANGE, domain)
        return _some(role_mailbox(registration, exchange if isinstance(exchange, MailExchange) else None))

    async def _of_range(self, claimed: Interval) -> Contacts:
        networks = await self._networks()
        around = networks.around(claimed.space, [claimed.first, claimed.last])
        found = of_range(claimed, [around.get(claimed.first), around.get(claimed.last)])
        if isinstance(found, NoContact):
            return found
        if contacts := tuple(found):
            return contacts
        registration = await self._ask(Source.RDAP_NETWORK, str(address_of(claimed.space, claimed.first)))
        if isinstance(registration, NoContact):
            return registration if not networks.snapshot else NOBODY
        if not isinstance(registration, NetworkRegistration):
            return NOBODY
        registered = of_registered_network(claimed, registration)
        return registered if isinstance(registered, NoContact) else _some(registered)

    async def _networks(self) -> Networks:
        """None of a dump that is too old: its contacts may be somebody else's by now."""
        async with self._database.transaction() as tx:
            networks = (await self._decider.directory.latest(tx)).networks
        return networks if self._is_young(networks, self._database.now()) else Networks()

    def _is_young(self, networks: Networks, now: datetime) -> bool:
        days = self._decider.ladder.greatest_age_days.get(RIPE)
        return days is None or networks.made_on is None or (now.date() - networks.made_on).days <= days

    async def _ask(self, source: Source, subject: str) -> Found | NoContact | None:
        """Asked afresh: an answer of last week may name who has left."""
        if source not in self._outside.enabled:
            return NOT_ASKED
        answer = await self._outside.ask(Enquiry(source, subject), at=self._database.now())
        if answer.failure:
            return NoContact("registry-away", f"The registry gave no answer ({answer.failure}); try again later.")
        return answer.found


def _some(contacts: Iterable[RegistryContact]) -> Contacts:
    return tuple(contacts) or NOBODY

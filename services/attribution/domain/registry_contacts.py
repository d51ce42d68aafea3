"""Whom a registry names for an asset that somebody claims, and who of them may be asked whether the claim is right.

| claimed | asked is |
| --- | --- |
| a domain | the administrative contact of its registrable domain by RDAP, else the registrant's |
| a domain whose registry hides its contact | `postmaster@` that domain, which every domain with mail has (RFC 5321) |
| a range | the abuse contact of the network that it lies in: by the RIPE database, else by RDAP |
| an AS | its abuse contact by the RIPE database |

Never asked is a technical contact or a registrar: neither has the name. Nor is an address that the claimant has given.
"""

from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum

import msgspec

from libs.common.addresses import canonical_email
from libs.common.intervals import Interval, parse_interval
from services.attribution.domain.answers import DomainRegistration, MailExchange, NetworkRegistration
from services.attribution.domain.mailboxes import is_published
from services.attribution.domain.networks import Network, System

ROLES_OF_A_DOMAIN = ("administrative", "registrant")
ROLE_OF_A_NETWORK = "abuse"
ROLE_MAILBOX = "postmaster"


class ContactSource(StrEnum):
    """Where a contact is from."""

    RIPE = "ripe"
    RDAP_DOMAIN = "rdap-domain"
    RDAP_NETWORK = "rdap-network"
    ROLE_MAILBOX = "role-mailbox"


class RegistryContact(msgspec.Struct, frozen=True):
    """An address to ask. `country` is that of the registration, as far as it says."""

    email: str
    source: ContactSource
    country: str | None = None


class NoContact(msgspec.Struct, frozen=True):
    """Why nobody can be asked."""

    code: str
    message: str


NOBODY = NoContact(
    "no-registry-contact", "The registry has no contact for it that can be written to; prove it otherwise."
)
CLAIMANTS_OWN = NoContact(
    "contact-is-claimants",
    "The registry's contact is an address that the organisation gave us itself, so its word proves nothing more; prove "
    "it in another way.",
)
NOT_ONE_NETWORK = NoContact(
    "not-one-network", "This range does not lie in one registered network; claim its parts by themselves."
)


def of_domain(registration: DomainRegistration) -> Iterator[RegistryContact]:
    """Those who have the name, the one who administers it first."""
    for role in ROLES_OF_A_DOMAIN:
        for contact in registration.contacts:
            if contact.role == role and not contact.is_registrars:
                yield from _usable(contact.email, ContactSource.RDAP_DOMAIN, registration.country)


def role_mailbox(registration: DomainRegistration, exchange: MailExchange | None) -> Iterator[RegistryContact]:
    """Where the registry knows the domain and tells of nobody. Nothing is guessed where no mail is taken."""
    if exchange is not None and exchange.takes_mail and exchange.domain == registration.domain:
        email = f"{ROLE_MAILBOX}@{registration.domain}"
        yield from _usable(email, ContactSource.ROLE_MAILBOX, registration.country)


def of_range(claimed: Interval, around: Collection[Network | None]) -> Iterator[RegistryContact] | NoContact:
    """`around` are the smallest networks at both ends of the claim: the claim has to lie within one."""
    networks = set(around)
    network = next(iter(networks), None)
    if network is None or len(networks) > 1 or not _lies_within(claimed, network.interval):
        return iter(()) if networks <= {None} else NOT_ONE_NETWORK
    return iter(()) if network.desk is None else _usable(network.desk.email, ContactSource.RIPE, network.country)


def of_registered_network(
    claimed: Interval, registration: NetworkRegistration
) -> Iterator[RegistryContact] | NoContact:
    """By RDAP, which was asked about the first address of the claim."""
    network = parse_interval(registration.network)
    if network is None or not _lies_within(claimed, network):
        return NOT_ONE_NETWORK
    return (
        found
        for contact in registration.contacts
        if contact.role == ROLE_OF_A_NETWORK and not contact.is_registrars
        for found in _usable(contact.email, ContactSource.RDAP_NETWORK, registration.country)
    )


def of_system(system: System | None) -> Iterator[RegistryContact]:
    if system is not None and system.desk is not None:
        yield from _usable(system.desk.email, ContactSource.RIPE, None)


def chosen(contacts: Iterable[RegistryContact], *, named: Collection[str]) -> RegistryContact | NoContact:
    """The first that the claimant has not named. `named` are the organisation's own contacts."""
    own = {_same(email) for email in named}
    found = list(contacts)
    others = (contact for contact in found if _same(contact.email) not in own)
    return next(others, CLAIMANTS_OWN if found else NOBODY)


def _same(email: str) -> str:
    return (canonical_email(email) or email).lower()


def _usable(text: str, source: ContactSource, country: str | None) -> Iterator[RegistryContact]:
    email = canonical_email(text)
    if email is not None and is_published(email):
        yield RegistryContact(email, source, country)


def _lies_within(inner: Interval, outer: Interval) -> bool:
    return inner.space is outer.space and outer.first <= inner.first and inner.last <= outer.last

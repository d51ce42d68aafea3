"""What sources outside were asked, and what they answered: the one form that all of them are brought into.

An answer belongs to the question that was asked and to no other: it is kept and found again under its `Enquiry`.
"""

from datetime import datetime
from enum import StrEnum

import msgspec


class Source(StrEnum):
    """Who can be asked while a threat waits, each with the subject that it is asked about."""

    SECURITY_TXT = "security-txt"
    """A host name: what that host publishes at `/.well-known/security.txt`."""
    RDAP_DOMAIN = "rdap-domain"
    """A registrable domain: who registered it."""
    RDAP_NETWORK = "rdap-network"
    """An IP address: whose network it lies in."""
    COMPANY_REGISTRY = "company-registry"
    """A company's number or its name: which company that is, and its web sites."""
    MAIL_EXCHANGE = "mail-exchange"
    """A domain: whether it takes mail (an MX that is not the null MX)."""


class Enquiry(msgspec.Struct, frozen=True, order=True):
    """One question to one source. `subject` is in canonical spelling, so that it is asked once."""

    source: Source
    subject: str


class PublishedContact(msgspec.Struct, frozen=True):
    """An address that a registry publishes. `is_registrars`: of who sold the name, who can't mend a server."""

    email: str
    role: str
    name: str = ""
    is_registrars: bool = False


class SecurityTxt(msgspec.Struct, frozen=True, tag=True):
    """What a host publishes for who finds something wrong. `emails` in the order in which they want to be used."""

    url: str
    emails: tuple[str, ...]
    languages: tuple[str, ...] = ()
    expires_at: datetime | None = None


class DomainRegistration(msgspec.Struct, frozen=True, tag=True):
    """A domain in its registry. What is redacted is empty, never a placeholder."""

    domain: str
    registrant: str = ""
    registrar: str = ""
    contacts: tuple[PublishedContact, ...] = ()
    redacted: tuple[str, ...] = ()
    country: str | None = None


class NetworkRegistration(msgspec.Struct, frozen=True, tag=True):
    """A network in its registry; it answers for every address of `network`, as `192.0.2.0/24` or `first - last`."""

    network: str
    name: str
    organisation: str = ""
    country: str | None = None
    contacts: tuple[PublishedContact, ...] = ()


class Company(msgspec.Struct, frozen=True, tag=True):
    """A company in its country's registry. `sectors` are codes of activities, as `sbi-2008:56101`."""

    number: str
    name: str
    country: str
    other_names: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    employees: int | None = None


class Companies(msgspec.Struct, frozen=True, tag=True):
    """All that fit a name. Only one that fits is an answer; several are a question for a person."""

    found: tuple[Company, ...]


class MailExchange(msgspec.Struct, frozen=True, tag=True):
    """A domain in the DNS, asked before an address at it is guessed."""

    domain: str
    takes_mail: bool


Found = SecurityTxt | DomainRegistration | NetworkRegistration | Companies | MailExchange


class Answer(msgspec.Struct, frozen=True):
    """What came of an enquiry, good until `until`.

    `found` is None where the source does not know the subject, and where it failed; `failure` says how, in words.
    """

    enquiry: Enquiry
    at: datetime
    until: datetime
    found: Found | None = None
    failure: str = ""

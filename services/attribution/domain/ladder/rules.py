"""The operator's choices: which rungs there are and in which order, what each counts, and who warns whom."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from libs.common.vocabulary import Language
from services.attribution.domain.ladder.providers import NO_PROVIDERS, Providers
from services.attribution.domain.sources import Ages

ANY = "*"
NAMES_SEEN = "names-seen"
"""What names records have placed at an address; a source as any other, since addresses change hands."""


FOR_HALF_A_YEAR = 180


class Rung(StrEnum):
    """Who is asked, in the order that this house proposes."""

    REGISTERED = "registered"
    LEARNT = "learnt"
    RECORD_NAMES = "record-names"
    KNOWN_ORGANISATION = "known-organisation"
    SECURITY_TXT = "security-txt"
    COMPANY_REGISTRY = "company-registry"
    RDAP_DOMAIN = "rdap-domain"
    ROLE_NAMES = "role-names"
    PLATFORM = "platform"
    REGISTRAR = "registrar"
    RDAP_NETWORK = "rdap-network"
    NETWORK = "network"
    SYSTEM = "as"
    NATIONAL_CERT = "national-cert"


class Certainty(StrEnum):
    """Each way in which somebody is found, by which its confidence is set."""

    SECURITY_CONTACT = "security-contact"
    OTHER_CONTACT = "other-contact"
    LEARNT = "learnt"
    KNOWN_ORGANISATION = "known-organisation"
    KNOWN_REGISTRANT = "known-registrant"
    SECURITY_TXT = "security-txt"
    SECURITY_TXT_EXPIRED = "security-txt-expired"
    SECURITY_TXT_ELSEWHERE = "security-txt-elsewhere"
    SECURITY_TXT_BOUNTY = "security-txt-bounty"
    COMPANY_SITE = "company-site"
    RDAP_REGISTRANT = "rdap-registrant"
    RDAP_ADMINISTRATIVE = "rdap-administrative"
    RDAP_TECHNICAL = "rdap-technical"
    ROLE_NAME = "role-name"
    PLATFORM = "platform"
    REGISTRAR = "registrar"
    RDAP_NETWORK = "rdap-network"
    OWN_DESK = "own-desk"
    INHERITED_DESK = "inherited-desk"
    AS_DESK = "as-desk"
    NATIONAL_CERT = "national-cert"


class NameKind(StrEnum):
    """Where in a record a name stands, by which it is judged how much it proves."""

    DOMAIN = "domain"
    URL = "url"
    EMAIL = "email"
    CERTIFICATE = "certificate"
    REVERSE = "reverse"


class Action(StrEnum):
    """What is done with what hits an organisation: it is warned, or a team warns it, or both hear of it."""

    NOTIFY = "notify"
    HAND_OVER = "hand-over"
    BOTH = "both"


class Abroad(StrEnum):
    """What is done with what lies in a country that we do not serve."""

    OUT_OF_SCOPE = "out-of-scope"
    NATIONAL_CERT = "national-cert"


class Team(msgspec.Struct, frozen=True):
    """A national or sector CSIRT, and where it takes reports."""

    name: str
    email: str
    language: Language = Language.ENGLISH


class Handover(msgspec.Struct, frozen=True):
    """A row of the table of routes. ANY fits all; `sector` fits every code that begins with it.

    Without `team` it is the team of the organisation's sector, else that of its country.
    """

    action: Action
    criticality: str = ANY
    sector: str = ANY
    team: str | None = None

    def fits_sector(self, sector: str | None) -> bool:
        return self.sector == ANY or (sector is not None and sector.startswith(self.sector))


class Ladder(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All choices. These are the ones that a ladder file starts from, and the shipped file says the same."""

    constituency: frozenset[str] = frozenset({"NL"})
    rungs: tuple[Rung, ...] = tuple(rung for rung in Rung if rung is not Rung.ROLE_NAMES)
    confidence: Mapping[Certainty, float] = {}
    proof: Mapping[NameKind, float] = {}
    threshold: float = 0.3
    conflict_cost: float = 0.3
    agreement_gain: float = 0.05
    ask_from_proof: float = 0.7
    shared_from_names: int = 10
    greatest_age_days: Mapping[str, int] = {}
    warn_from_age: float = 0.5
    teams: Mapping[str, Team] = {}
    team_of_country: Mapping[str, str] = {}
    team_of_sector: Mapping[str, str] = {}
    handovers: tuple[Handover, ...] = ()
    abroad: Abroad = Abroad.OUT_OF_SCOPE
    malicious: frozenset[str] = frozenset()
    bounty_domains: frozenset[str] = frozenset()
    providers: Providers = NO_PROVIDERS

    @property
    def ages(self) -> Ages:
        """Of imported sources: one truth for what is refused and for what is warned of before."""
        return Ages(self.greatest_age_days, self.warn_from_age)

    def names_seen_since(self, at: datetime) -> date:
        return at.date() - timedelta(days=self.greatest_age_days.get(NAMES_SEEN, FOR_HALF_A_YEAR))

    def team_for(self, *, sector: str | None, country: str | None) -> Team | None:
        """Who looks after this sector, or else this country; the longest beginning of a sector's code counts."""
        sectors = sorted(self.team_of_sector, key=len, reverse=True)
        begun = (self.team_of_sector[code] for code in sectors if sector is not None and sector.startswith(code))
        name = next(begun, None) or self.team_of_country.get(country or "")
        return self.teams.get(name) if name else None

    def handover_of(self, criticality: str, sector: str | None) -> Handover | None:
        """The first row that fits; None: it is warned like anybody."""
        for row in self.handovers:
            if row.criticality in (criticality, ANY) and row.fits_sector(sector):
                return row
        return None

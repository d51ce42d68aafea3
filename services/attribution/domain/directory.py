"""Everything that an attribution can be looked up in, as one value that never changes while a batch is decided."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from libs.common.addresses import canonical_domain
from libs.common.contracts import Indicator
from libs.common.intervals import ADDRESSES, Place, Space, place_of
from services.attribution.domain.answers import Answer, Enquiry
from services.attribution.domain.networks import Delegations, Network, Networks, System
from services.attribution.domain.organisations import Organisation, Registered, RegisteredAsset


class Question(msgspec.Struct, frozen=True, gc=False):
    """What an indicator says of its asset, read once. `names` are asked before `address`, `asns` last.

    `reported_email` is the address under report: it may be the attacker's, or in the attacker's hands. `mail_name` is
    its domain. `certificate_name` and `reverse_name` are what was found at the address: whoever runs a machine writes
    what it likes into its certificate, and whoever runs the network writes reverse DNS.
    """

    asset_key: str
    names: tuple[str, ...] = ()
    address: Place | None = None
    asns: tuple[int, ...] = ()
    reported_email: str | None = None
    claimed_country: str | None = None
    mail_name: str | None = None
    certificate_name: str | None = None
    reverse_name: str | None = None
    category: str = ""

    @property
    def owned_part(self) -> str:
        """What of the asset has one owner, as narrow as it gets.

        The account where nothing else is named, since a mail provider's domain has many owners; else the name where
        there is one, since many names may share an address.
        """
        if self.reported_email is not None and self.asset_key.lower() == self.reported_email:
            return self.reported_email
        return self.names[0] if self.names else self.asked

    @property
    def asked(self) -> str:
        """The address, or what comes closest to one."""
        return self.address.text if self.address is not None else self.asset_key


CERTIFICATE_FIELD = "subject_common_name"
NO_ANSWERS: Mapping[Enquiry, Answer] = MappingProxyType({})


def question_of(indicator: Indicator) -> Question:
    """What is asked of an asset; nothing of it is asked of the asset itself."""
    asset, hosts = indicator.asset, indicator.asset.hosts
    certificate_name = indicator.extra.get(CERTIFICATE_FIELD) if indicator.extra else None
    return Question(
        asset_key=asset.key,
        names=_names(hosts) if hosts else (),
        address=_address(asset.ip, hosts),
        asns=_asns(asset.asn, indicator.asn),
        reported_email=asset.email.lower() if asset.email else None,
        claimed_country=indicator.geo_country,
        mail_name=canonical_domain(asset.email.rpartition("@")[2]) if asset.email else None,
        certificate_name=canonical_domain(certificate_name.removeprefix("*.")) if certificate_name else None,
        reverse_name=asset.hostname,
        category=indicator.category,
    )


def _names(hosts: Sequence[str]) -> tuple[str, ...]:
    names = (canonical_domain(host) for host in hosts)
    return tuple(dict.fromkeys(name for name in names if name))


def _address(ip: str | None, hosts: Sequence[str]) -> Place | None:
    """The address, else the first host that is one."""
    place = place_of(ip) if ip else None
    if place is None and hosts:
        place = next((found for host in hosts if (found := place_of(host)) is not None), None)
    return place


def _asns(own: int | None, around: int | None) -> tuple[int, ...]:
    if own and around and own != around:
        return own, around
    return (own,) if own else (around,) if around else ()


class Findings(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the directory knows about one question. None: asked, and not known."""

    question: Question
    by_name: RegisteredAsset | None = None
    by_address: RegisteredAsset | None = None
    by_asn: RegisteredAsset | None = None
    network: Network | None = None
    system: System | None = None
    asns: tuple[int, ...] = ()
    delegated_country: str | None = None
    learnt: Organisation | None = None
    answers: Mapping[Enquiry, Answer] = NO_ANSWERS
    """What sources outside were asked before, whatever came of it, by the question."""


class Surroundings(msgspec.Struct, frozen=True, gc=False):
    """What the tables know about one address."""

    claim: RegisteredAsset | None = None
    network: Network | None = None
    origins: tuple[int, ...] = ()
    country: str | None = None


UNKNOWN = Surroundings()


class Directory(msgspec.Struct, frozen=True, eq=False):
    """The registered assets, and one snapshot each of what the registries say. Two are never taken for the same."""

    registered: Registered
    networks: Networks = Networks()
    delegations: Delegations = Delegations()

    def organisation(self, asset: RegisteredAsset) -> Organisation:
        return self.registered.organisations[asset.organisation_id]

    def find(self, questions: Sequence[Question]) -> Iterator[Findings]:
        """Look up a batch at once: each table is searched one time for all addresses in it."""
        known = {space: self._known(space, questions) for space in ADDRESSES}
        for question in questions:
            place = question.address
            yield self._findings(question, known[place.space].get(place.number, UNKNOWN) if place else UNKNOWN)

    def _known(self, space: Space, questions: Sequence[Question]) -> dict[int, Surroundings]:
        """What lies around each address of one space that is asked for."""
        places = (question.address for question in questions)
        numbers = list({place.number for place in places if place is not None and place.space is space})
        if not numbers:
            return {}
        claims = self.registered.around(space, numbers)
        networks = self.networks.around(space, numbers)
        origins = self.networks.origins(space, numbers)
        countries = self.delegations.countries(space, numbers)
        return {
            number: Surroundings(
                claims.get(number), networks.get(number), origins.get(number, ()), countries.get(number)
            )
            for number in numbers
        }

    def _findings(self, question: Question, around: Surroundings) -> Findings:
        asns = _distinct(question.asns, around.origins)
        return Findings(
            question=question,
            by_name=_first(self.registered.domain(name) for name in question.names) if question.names else None,
            by_address=around.claim,
            by_asn=self.registered.first_asn(asns) if asns else None,
            network=around.network,
            system=self._system(asns),
            asns=asns,
            delegated_country=around.country or self._country_of(asns),
        )

    def _system(self, asns: Sequence[int]) -> System | None:
        """The first that can be written to; one without a desk is better than none known."""
        mute = None
        for asn in asns:
            system = self.networks.systems.get(asn)
            if system is not None and system.desk:
                return system
            mute = mute or system
        return mute

    def _country_of(self, asns: Sequence[int]) -> str | None:
        return self.delegations.countries(Space.ASN, asns[:1]).get(asns[0]) if asns else None


def _first(assets: Iterator[RegisteredAsset | None]) -> RegisteredAsset | None:
    return next((asset for asset in assets if asset is not None), None)


def _distinct(first: tuple[int, ...], then: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys((*first, *then))) if then else first

"""Everything that an attribution can be looked up in, as one value that never changes while a batch is decided."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType

import msgspec

from libs.common.addresses import canonical_domain
from libs.common.contracts import Encryption, Indicator, ListedOperator
from libs.common.intervals import ADDRESSES, Place, Space, place_of
from services.attribution.domain.answers import Answer, Enquiry
from services.attribution.domain.delegations import Delegated, Delegations
from services.attribution.domain.learnt import Learnt
from services.attribution.domain.network_files import NetworkFile, NetworkHint
from services.attribution.domain.networks import Network, Networks, System
from services.attribution.domain.organisations import Organisation, Registered, RegisteredAsset
from services.attribution.domain.withheld import WithheldClaim


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
    listed: ListedOperator | None = None
    """Whose the asset is, where the verifier's list names somebody whom another team warns."""

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


NO_ANSWERS: Mapping[Enquiry, Answer] = MappingProxyType({})


def question_of(indicator: Indicator, *, listed: ListedOperator | None = None) -> Question:
    """What is asked of an asset; nothing of it is asked of the asset itself."""
    asset, hosts, email = indicator.asset, indicator.asset.hosts, indicator.asset.email
    certificate_name = indicator.certificate_name
    address = place_of(asset.ip) if asset.ip else None
    names: tuple[str, ...] = ()
    if hosts:  # most assets have none
        address = address or next(filter(None, map(place_of, hosts)), None)
        names = tuple(dict.fromkeys(filter(None, map(canonical_domain, hosts))))
    return Question(
        asset_key=asset.key,
        names=names,
        address=address,
        asns=_both(asset.asn, indicator.asn),
        reported_email=email.lower() if email else None,
        claimed_country=indicator.geo_country,
        mail_name=canonical_domain(email.rpartition("@")[2]) if email else None,
        certificate_name=canonical_domain(certificate_name.removeprefix("*.")) if certificate_name else None,
        reverse_name=asset.hostname,
        category=indicator.category,
        listed=listed,
    )


def _both(asn: int | None, other: int | None) -> tuple[int, ...]:
    """Each of the two that is one, and one that is said twice only once."""
    if asn and other and asn != other:
        return asn, other
    one = asn or other
    return (one,) if one else ()


class Findings(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the directory knows about one question. None: asked, and not known.

    `delegated` says by which registry's file and of which day `delegated_country` is; `hint` is what the network file
    says about the address. Its AS is among `asns` only where no route is known.
    """

    question: Question
    by_name: RegisteredAsset | None = None
    by_address: RegisteredAsset | None = None
    by_asn: RegisteredAsset | None = None
    network: Network | None = None
    system: System | None = None
    asns: tuple[int, ...] = ()
    delegated_country: str | None = None
    learnt: Learnt | None = None
    delegated: Delegated | None = None
    hint: NetworkHint | None = None
    answers: Mapping[Enquiry, Answer] = NO_ANSWERS
    """What sources outside were asked before, whatever came of it, by the question."""
    withheld: WithheldClaim | None = None
    """A claim on a range around the address that does not count."""
    others_there: int = 0
    """Names of other owners that records have placed at the address."""


class Surroundings(msgspec.Struct, frozen=True, gc=False):
    """What the tables know about the addresses of one space that are asked for, each table searched once for all."""

    claims: Mapping[int, RegisteredAsset] = {}
    networks: Mapping[int, Network] = {}
    origins: Mapping[int, tuple[int, ...]] = {}
    delegated: Mapping[int, Delegated] = {}
    hints: Mapping[int, NetworkHint] = {}
    withheld: Mapping[int, WithheldClaim] = {}


class Directory(msgspec.Struct, frozen=True, eq=False):
    """The registered assets, and what serves of the registries and of the network file.

    Two are never taken for the same.
    """

    registered: Registered
    networks: Networks = Networks()
    delegations: Delegations = Delegations()
    network_file: NetworkFile = NetworkFile()
    encryptions: Mapping[str, Encryption] = {}
    """Of registered contacts, by address."""
    network_file_since: date | None = None
    """What a network file of before says of AS numbers is not believed."""

    def organisation(self, asset: RegisteredAsset) -> Organisation:
        return self.registered.organisations[asset.organisation_id]

    def find(self, questions: Sequence[Question]) -> Iterator[Findings]:
        """Look up a batch at once: each table is searched one time for all that is asked of it."""
        asked: dict[Space, set[int]] = {space: set() for space in ADDRESSES}
        for question in questions:
            if question.address is not None:
                asked[question.address.space].add(question.address.number)
        known = {space: self._surroundings(space, sorted(numbers)) for space, numbers in asked.items()}
        asns = [_asns(question, known, since=self.network_file_since) for question in questions]
        holders = self.delegations.countries(Space.ASN, list({each[0] for each in asns if each}))
        for question, numbers in zip(questions, asns, strict=True):
            place = question.address
            around, number = (known[place.space], place.number) if place is not None else (NOWHERE, 0)
            delegated = around.delegated.get(number) or (holders.get(numbers[0]) if numbers and holders else None)
            yield Findings(
                question=question,
                by_name=self._named(question.names) if question.names else None,
                by_address=around.claims.get(number),
                by_asn=self._claimed(numbers) if numbers else None,
                network=around.networks.get(number),
                system=self._system(numbers) if numbers else None,
                asns=numbers,
                delegated_country=delegated.country if delegated is not None else None,
                delegated=delegated,
                hint=around.hints.get(number),
                withheld=around.withheld.get(number),
            )

    def _surroundings(self, space: Space, numbers: Sequence[int]) -> Surroundings:
        if not numbers:
            return NOWHERE
        return Surroundings(
            self.registered.around(space, numbers),
            self.networks.around(space, numbers),
            self.networks.origins(space, numbers),
            self.delegations.countries(space, numbers),
            self.network_file.around(space, numbers),
            self.registered.withheld.around(space, numbers),
        )

    def _named(self, names: Sequence[str]) -> RegisteredAsset | None:
        return next(filter(None, map(self.registered.domain, names)), None)

    def _claimed(self, asns: Sequence[int]) -> RegisteredAsset | None:
        return next(filter(None, map(self.registered.asn, asns)), None) if self.registered.has_asns else None

    def _system(self, asns: Sequence[int]) -> System | None:
        """The first that can be written to; one without a desk is better than none known."""
        mute, systems = None, self.networks.systems
        if not systems:
            return None
        for asn in asns:
            system = systems.get(asn)
            if system is not None and system.desk:
                return system
            mute = mute or system
        return mute


def _asns(question: Question, known: Mapping[Space, Surroundings], *, since: date | None) -> tuple[int, ...]:
    """What the record says, then who announces the address: by a route, else by the network file."""
    place = question.address
    if place is None:
        return question.asns
    around = known[place.space]
    announced = around.origins.get(place.number)
    if announced is None:
        hint = around.hints.get(place.number)
        if hint is None or not hint.asn or hint.is_of_before(since):
            return question.asns
        return question.asns if hint.asn in question.asns else (*question.asns, hint.asn)
    return tuple(dict.fromkeys(question.asns + announced))


NOWHERE = Surroundings()

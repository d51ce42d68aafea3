"""From whom a threat hits to who can reach them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

import msgspec
import pytest

from libs.common.contracts import Indicator, Recipient
from libs.common.contracts.intake import Asset
from libs.common.ids import derived_id
from libs.common.intervals import Space
from libs.common.vocabulary import AssetKind, Language, Outcome, RecipientKind
from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.directory import Directory, question_of
from services.attribution.domain.ladder import (
    Attributed,
    Case,
    Decision,
    Doubted,
    Route,
    Settled,
    climb,
    decide,
    ranked,
    tried_out,
)
from services.attribution.domain.learnt import Learnt
from services.attribution.domain.networks import Networks, System
from services.attribution.domain.organisations import (
    Contact,
    ContactRole,
    Criticality,
    Organisation,
    Registered,
    RegisteredAsset,
    by_role,
    read_claim,
)
from services.attribution.handlers import decide_all, shipped_ladder
from tests.unit.attribution.tables import delegations, network_table, route_table

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MADE_ON = date(2026, 11, 20)
LADDER = shipped_ladder()
ISP, SHOP_HOST = AbuseDesk("abuse@isp.example", "ISP B.V."), AbuseDesk("abuse@host.example", "Host B.V.")


def an_organisation(
    name: str, *contacts: Contact, criticality: Criticality = Criticality.NONE, country: str = "NL"
) -> Organisation:
    return Organisation(derived_id("test", name), name, country, Language.DUTCH, criticality, by_role(contacts))


BAKERY = an_organisation(
    "Bakery",
    Contact("info@bakery.example", ContactRole.GENERAL),
    Contact("security@bakery.example", ContactRole.SECURITY, Language.ENGLISH),
)
BRANCH = an_organisation("Branch", Contact("it@branch.example", ContactRole.TECHNICAL))
CARRIER = an_organisation("Carrier", Contact("security@carrier.example", ContactRole.SECURITY))
SILENT = an_organisation("Silent")
BROUWERIJ = an_organisation("Brouwerij", Contact("security@brouwerij.example", ContactRole.SECURITY), country="BE")
WATERWORKS = an_organisation("Waterworks", criticality=Criticality.VITAL)


def claim(organisation: Organisation, kind: AssetKind, text: str) -> RegisteredAsset:
    return RegisteredAsset(read_claim(kind, text), organisation.organisation_id)


ASSETS = [
    claim(BAKERY, AssetKind.DOMAIN, "bakery.example"),
    claim(BRANCH, AssetKind.DOMAIN, "branch.bakery.example"),
    claim(BAKERY, AssetKind.IP_RANGE, "192.0.2.0/25"),
    claim(BRANCH, AssetKind.IP_RANGE, "192.0.2.16 - 192.0.2.19"),
    claim(BAKERY, AssetKind.IP_RANGE, "2001:db8:ba::/48"),
    claim(CARRIER, AssetKind.ASN, "AS64500"),
    claim(SILENT, AssetKind.DOMAIN, "silent.example"),
    claim(WATERWORKS, AssetKind.IP_RANGE, "203.0.113.0/28"),
]


DESKS = [ISP, SHOP_HOST]
NETWORKS = Networks(
    snapshot=1,
    made_on=MADE_ON,
    ranges={
        Space.IPV4: network_table(
            Space.IPV4,
            [
                ("192.0.2.0/24", "ISP-NET", "NL", 0, -1),
                ("192.0.2.128/26", "CUSTOMER", "", 0, 0),
                ("198.51.100.0/25", "BELGIAN", "BE", 1, -1),
                ("198.51.100.128/25", "NO-DESK", "NL", -1, -1),
            ],
            pool=DESKS,
        ),
        Space.IPV6: network_table(Space.IPV6, [("2001:db8::/32", "ISP-SIX", "NL", 0, -1)], pool=DESKS),
    },
    routes={Space.IPV4: route_table(Space.IPV4, {"203.0.113.64/26": (64501,)})},
    systems={64501: System(64501, "HOST-AS", SHOP_HOST), 64502: System(64502, "MUTE-AS", None)},
)
DELEGATIONS = delegations({"203.0.113.0/24": "NL"}, made_on=MADE_ON)


def a_directory(assets: Sequence[RegisteredAsset] = ASSETS) -> Directory:
    organisations = {each.organisation_id: each for each in (BAKERY, BRANCH, CARRIER, SILENT, WATERWORKS, BROUWERIJ)}
    return Directory(Registered(version=1, organisations=organisations, assets=assets), NETWORKS, DELEGATIONS)


DIRECTORY = a_directory()


def an_indicator(asset: Asset, *, asn: int | None = None, country: str | None = None) -> Indicator:
    return Indicator(seen_at=NOW, category="vulnerable", identifier="x", asset=asset, asn=asn, geo_country=country)


def decision_on(
    *indicators: Indicator, learnt: dict[str, Organisation] | None = None, directory: Directory = DIRECTORY
) -> list[Decision]:
    questions = [question_of(indicator) for indicator in indicators]
    lessons = {part: Learnt(said_by="ann", organisation=organisation) for part, organisation in (learnt or {}).items()}
    return decide_all(questions, directory, lessons=lessons, ladder=LADDER, at=NOW)


def recipient_of(asset: Asset, **rest: int) -> tuple[str, float]:
    (decision,) = decision_on(an_indicator(asset, **rest))  # type: ignore[arg-type]  # only `asn` is passed on
    assert isinstance(decision, Attributed), decision
    return decision.recipient.email, decision.confidence


def test_whom_a_person_chose_is_written_to_and_nobody_where_they_found_nobody() -> None:
    asset = Asset(ip="203.0.113.200")
    chosen = Recipient(kind=RecipientKind.ORGANISATION, name="Shop", email="info@shop.example", language=Language.DUTCH)
    for lesson, ends in (
        (Learnt(said_by="ann", recipient=chosen), chosen.email),
        (Learnt(said_by="ann"), "nobody-to-warn"),
    ):
        questions = [question_of(an_indicator(asset)), question_of(an_indicator(Asset(ip="203.0.113.201")))]
        taught, other = decide_all(questions, DIRECTORY, lessons={"203.0.113.200": lesson}, ladder=LADDER, at=NOW)
        assert ends == (taught.recipient.email if isinstance(taught, Attributed) else taught.reason)
        assert isinstance(other, Settled)
        assert other.reason == "no-recipient"


def settled(*indicators: Indicator) -> Settled:
    (decision,) = decision_on(*indicators)
    assert isinstance(decision, Settled), decision
    return decision


@pytest.mark.parametrize(
    ("asset", "email", "confidence"),
    [
        (Asset(domain="bakery.example"), "security@bakery.example", 1.0),
        (Asset(domain="www.bakery.example"), "security@bakery.example", 1.0),
        (Asset(domain="branch.bakery.example"), "it@branch.example", 0.95),
        (Asset(domain="mail.branch.bakery.example"), "it@branch.example", 0.95),
        (Asset(url="https://www.bakery.example:8443/login"), "security@bakery.example", 1.0),
        (Asset(email="jan@bakery.example"), "security@bakery.example", 1.0),
        (Asset(ip="192.0.2.9"), "security@bakery.example", 1.0),
        (Asset(ip="192.0.2.17"), "it@branch.example", 0.95),
        (Asset(ip="192.0.2.20"), "security@bakery.example", 1.0),
        (Asset(ip="2001:db8:ba::1"), "security@bakery.example", 1.0),
        (Asset(url="http://192.0.2.9/shell.php"), "security@bakery.example", 1.0),
        (Asset(url="http://[2001:db8:ba::1]/"), "security@bakery.example", 1.0),
        (Asset(asn=64500), "security@carrier.example", 1.0),
        (Asset(ip="192.0.2.130"), "abuse@isp.example", 0.5),
        (Asset(ip="192.0.2.200"), "abuse@isp.example", 0.6),
        (Asset(ip="2001:db8:1::1"), "abuse@isp.example", 0.6),
        (Asset(ip="203.0.113.70"), "abuse@host.example", 0.4),
        (Asset(asn=64501), "abuse@host.example", 0.4),
        (Asset(ip="198.51.100.200", asn=64501), "abuse@host.example", 0.4),
        (Asset(domain="unknown.example", ip="192.0.2.200"), "abuse@isp.example", 0.6),
    ],
)
def test_the_most_specific_who_is_known_is_written_to(asset: Asset, email: str, confidence: float) -> None:
    assert recipient_of(asset) == (email, confidence)


def test_a_name_decides_before_the_address_it_is_at() -> None:
    assert recipient_of(Asset(domain="www.bakery.example", ip="192.0.2.17"))[0] == "security@bakery.example"


def test_a_range_decides_before_the_as_it_is_in() -> None:
    assert recipient_of(Asset(ip="192.0.2.9"), asn=64500)[0] == "security@bakery.example"
    assert recipient_of(Asset(ip="192.0.2.200"), asn=64500)[0] == "security@carrier.example"


def test_a_name_that_only_ends_alike_is_not_a_subdomain() -> None:
    assert settled(an_indicator(Asset(domain="notbakery.example"))).reason == "no-recipient"


def test_reverse_dns_alone_decides_nothing_and_a_person_sees_whom_it_names() -> None:
    """Whoever runs the network writes it, not whoever uses the address."""
    (decision,) = decision_on(an_indicator(Asset(ip="203.0.113.200", hostname="www.bakery.example")))
    assert isinstance(decision, Doubted)
    assert (decision.outcome, decision.reason) == (Outcome.HELD, "too-uncertain")
    assert ("reverse-name", "bakery.example of Bakery", 0.25) in [
        (step.source, step.answered, step.confidence) for step in decision.evidence
    ]


def test_the_recipient_is_written_in_the_language_of_the_contact_else_of_the_organisation() -> None:
    by_contact, by_organisation, abroad = decision_on(
        an_indicator(Asset(domain="bakery.example")),
        an_indicator(Asset(domain="branch.bakery.example")),
        an_indicator(Asset(ip="192.0.2.200")),
    )
    assert isinstance(by_contact, Attributed) and by_contact.recipient.language is Language.ENGLISH  # noqa: PT018
    assert isinstance(by_organisation, Attributed) and by_organisation.recipient.language is Language.DUTCH  # noqa: PT018
    assert isinstance(abroad, Attributed) and abroad.recipient.kind is RecipientKind.NETWORK_OWNER  # noqa: PT018


def test_the_address_under_report_is_never_written_to() -> None:
    assert recipient_of(Asset(email="security@bakery.example")) == ("info@bakery.example", 0.95)
    assert recipient_of(Asset(email="Security@bakery.example"))[0] == "info@bakery.example"


def test_a_desk_that_is_itself_under_report_is_not_written_to() -> None:
    decision = settled(an_indicator(Asset(email="abuse@isp.example", ip="192.0.2.200")))
    assert decision.outcome is Outcome.UNATTRIBUTABLE
    assert any("address under report" in step.answered for step in decision.evidence)


def test_a_vital_organisation_is_handed_over_and_the_partner_is_not_told_which() -> None:
    decision = settled(an_indicator(Asset(ip="203.0.113.5")))

    assert (decision.outcome, decision.reason) == (Outcome.OUT_OF_SCOPE, "vital-organisation")
    assert decision.route is Route.VITAL
    assert "handed over" in decision.message
    assert "Waterworks" not in decision.message


def test_an_organisation_without_contacts_falls_to_the_network_owner_and_the_evidence_says_so() -> None:
    (decision,) = decision_on(an_indicator(Asset(domain="silent.example", ip="192.0.2.200")))

    assert isinstance(decision, Attributed)
    assert decision.route is Route.NETWORK_OWNER
    assert "without a contact" in decision.evidence[0].answered


def test_the_owner_of_a_foreign_network_is_out_of_scope() -> None:
    decision = settled(an_indicator(Asset(ip="198.51.100.3"), country="NL"))

    assert (decision.outcome, decision.reason) == (Outcome.OUT_OF_SCOPE, "foreign-network")
    assert "BE" in decision.message


@pytest.mark.parametrize("organisation", [BAKERY, BROUWERIJ], ids=["abroad-by-network", "abroad-by-seat"])
def test_a_registered_organisation_is_written_to_wherever_it_is(organisation: Organisation) -> None:
    assets = [claim(organisation, AssetKind.IP_RANGE, "198.51.100.3")]
    (decision,) = decision_on(an_indicator(Asset(ip="198.51.100.3")), directory=a_directory(assets))

    assert isinstance(decision, Attributed)
    assert decision.route is Route.ORGANISATION


@pytest.mark.parametrize(
    ("asset", "claimed", "source", "country"),
    [
        (Asset(ip="192.0.2.200"), "BE", "ripe:country 2026-11-20", "NL"),
        (Asset(ip="203.0.113.70"), "BE", "delegated 2026-11-20", "NL"),
        (Asset(asn=64501), "NL", "partner:country", "NL"),
        (Asset(asn=64501), None, "partner:country", "country not known"),
    ],
    ids=["network-before-partner", "delegation-before-partner", "partner-if-nobody-else", "nobody"],
)
def test_the_country_is_taken_from_who_knows_best(asset: Asset, claimed: str | None, source: str, country: str) -> None:
    (decision,) = decision_on(an_indicator(asset, country=claimed))

    assert isinstance(decision, Attributed)
    assert (source, country) in [(step.source, step.answered) for step in decision.evidence]


def test_each_rung_leaves_its_evidence_also_when_it_knows_nothing() -> None:
    decision = settled(an_indicator(Asset(domain="unknown.example", ip="198.51.100.200"), asn=64502))

    assert [(step.source, step.answered) for step in decision.evidence] == [
        ("registered-domain", "not registered"),
        ("registered-range", "not registered"),
        ("registered-asn", "not registered"),
        ("ripe:country 2026-11-20", "NL"),
        ("ripe:abuse-c 2026-11-20", "198.51.100.128/25 NO-DESK, no abuse contact"),
        ("ripe:aut-num 2026-11-20", "AS64502 MUTE-AS, no abuse contact"),
    ]
    assert {step.at for step in decision.evidence} == {NOW}


def test_an_inherited_desk_names_the_range_it_is_inherited_from() -> None:
    (decision,) = decision_on(an_indicator(Asset(ip="192.0.2.130")))

    assert decision.evidence[-1].answered == "192.0.2.128/26 CUSTOMER: abuse@isp.example, inherited from 192.0.2.0/24"


def test_what_a_person_said_once_comes_after_registered_assets_and_before_the_network() -> None:
    learnt = {"192.0.2.200": BRANCH, "192.0.2.9": BRANCH}
    by_person, by_registration = decision_on(
        an_indicator(Asset(ip="192.0.2.200")), an_indicator(Asset(ip="192.0.2.9")), learnt=learnt
    )

    assert isinstance(by_person, Attributed)
    assert (by_person.recipient.email, by_person.confidence) == ("it@branch.example", 0.9)
    assert isinstance(by_registration, Attributed)
    assert by_registration.recipient.email == "security@bakery.example"


@pytest.mark.parametrize(
    ("asset", "part"),
    [
        (Asset(ip="192.0.2.200", domain="www.a.example"), "www.a.example"),
        (Asset(ip="192.0.2.200", url="https://WWW.A.example:8443/login"), "www.a.example"),
        (Asset(ip="192.0.2.200", email="jan@a.example"), "a.example"),
        (Asset(email="Jan@a.example"), "jan@a.example"),
        (Asset(ip="192.0.2.200", hostname="www.a.example"), "192.0.2.200"),
        (Asset(url="http://192.0.2.200/shell.php"), "192.0.2.200"),
        (Asset(ip="192.0.2.200", asn=64500), "192.0.2.200"),
        (Asset(asn=64500), "AS64500"),
    ],
)
def test_what_a_person_said_counts_for_the_name_and_for_the_address_only_where_there_is_no_name(
    asset: Asset, part: str
) -> None:
    assert question_of(an_indicator(asset)).owned_part == part


def test_what_a_person_said_of_one_name_says_nothing_of_another_at_the_same_address() -> None:
    learnt = {"www.a.example": BRANCH}
    same, neighbour, address = decision_on(
        an_indicator(Asset(ip="192.0.2.200", domain="www.a.example")),
        an_indicator(Asset(ip="192.0.2.200", domain="www.b.example")),
        an_indicator(Asset(ip="192.0.2.200")),
        learnt=learnt,
    )

    assert [each.route for each in (same, neighbour, address)] == [
        Route.ORGANISATION,
        Route.NETWORK_OWNER,
        Route.NETWORK_OWNER,
    ]


def test_nothing_is_carried_over_from_one_record_to_the_next() -> None:
    """Decided in one batch, in any order or alone, a record gets the same recipient on the same evidence."""
    indicators = [
        an_indicator(Asset(domain="bakery.example", ip="192.0.2.200"), asn=64500, country="BE"),
        an_indicator(Asset(ip="198.51.100.3")),
        an_indicator(Asset(domain="unknown.example")),
        an_indicator(Asset(ip="203.0.113.5")),
        an_indicator(Asset(email="security@bakery.example")),
        an_indicator(Asset(ip="203.0.113.70")),
        an_indicator(Asset(asn=64502)),
        an_indicator(Asset(ip="192.0.2.130")),
    ]
    alone = [decision_on(indicator)[0] for indicator in indicators]

    assert decision_on(*indicators) == alone
    assert decision_on(*reversed(indicators)) == alone[::-1]
    assert decision_on(*indicators, *indicators) == alone * 2


def test_a_look_up_ranks_everybody_on_the_ladder() -> None:
    question = question_of(an_indicator(Asset(domain="bakery.example", ip="192.0.2.17"), asn=64501))
    (findings,) = DIRECTORY.find([question])

    candidates = ranked(climb(Case(findings, directory=DIRECTORY, ladder=LADDER, at=NOW)))

    assert [candidate.recipient.email for candidate in candidates if candidate.recipient] == [
        "security@bakery.example",
        "it@branch.example",
        "abuse@isp.example",
        "abuse@host.example",
    ]
    decision = decide(findings, directory=DIRECTORY, ladder=LADDER, at=NOW)
    assert isinstance(decision, Attributed)
    assert decision.evidence[0].confidence == 1.0


def test_an_organisation_id_travels_with_its_recipient() -> None:
    (decision,) = decision_on(an_indicator(Asset(domain="bakery.example")))
    assert isinstance(decision, Attributed)
    assert isinstance(decision.recipient.organisation_id, UUID)


def test_an_unreadable_url_or_address_names_nobody_and_breaks_nothing() -> None:
    for asset in (Asset(url="http://[broken"), Asset(ip="not-an-address"), Asset(email="@"), Asset()):
        assert settled(an_indicator(asset)).outcome is Outcome.UNATTRIBUTABLE


@pytest.mark.parametrize(
    ("asset", "kind"),
    [
        (Asset(domain="www.bakery.example"), RecipientKind.ORGANISATION),
        (Asset(ip="192.0.2.200"), RecipientKind.NETWORK_OWNER),
        (Asset(ip="203.0.113.70"), RecipientKind.NETWORK_OWNER),
    ],
)
def test_of_a_test_only_the_kind_and_the_language_of_whom_it_found_are_told(asset: Asset, kind: RecipientKind) -> None:
    (decision,) = decision_on(an_indicator(asset))
    assert isinstance(decision, Attributed)

    tried = tried_out(decision, partner="demo", mails_to="desk@demo.example")

    assert (tried.recipient.kind, tried.recipient.language) == (kind, decision.recipient.language)
    assert (tried.recipient.email, tried.recipient.name, tried.recipient.test_of) == (
        "desk@demo.example",
        "demo",
        "demo",
    )
    told = msgspec.json.encode(tried).decode().lower()
    for secret in ("bakery", "isp", "host", "b.v.", "192.0.2", "203.0.113", "registered", "ripe"):
        assert secret not in told


def test_what_speaks_of_somebody_else_is_kept_and_never_told_to_the_recipient() -> None:
    """A name of one company at an address that another has registered, and a name in reverse DNS of a third."""
    (decision,) = decision_on(an_indicator(Asset(domain="bakery.example", ip="192.0.2.17")))
    assert isinstance(decision, Attributed)
    elsewhere = [step for step in decision.evidence if step.leads_elsewhere]
    told = [step for step in decision.evidence if not step.leads_elsewhere]
    assert not any("Branch" in step.answered for step in told)
    assert any("bakery.example" in step.answered for step in told)

    (passed_on,) = decision_on(an_indicator(Asset(ip="192.0.2.200", hostname="www.bakery.example")))
    assert isinstance(passed_on, Attributed)
    assert passed_on.recipient.email == "abuse@isp.example"
    elsewhere += [step for step in passed_on.evidence if step.leads_elsewhere]
    assert [step.source for step in elsewhere if "Bakery" in step.answered] == ["reverse-name"]
    assert not any("Bakery" in step.answered for step in passed_on.evidence if not step.leads_elsewhere)

"""What is decided of a record depends on that record alone: mails about one domain never go to another's contact."""

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import Indicator
from libs.common.contracts.intake import Asset
from services.attribution.domain.answers import (
    Answer,
    DomainRegistration,
    Enquiry,
    PublishedContact,
    SecurityTxt,
    Source,
)
from services.attribution.domain.directory import Findings, question_of
from services.attribution.domain.ladder import Attributed, Doubted, Verdict, decide
from tests.unit.attribution.world import NOW, SHIPPED, directory, in_days

DOMAINS = ("aa.nl", "bb.nl", "cc.nl", "a.github.io", "b.github.io", "dd.co.uk")
ADDRESSES = ("192.0.2.240", "192.0.2.70", "192.0.2.97", "104.16.1.1", "203.0.113.150", "2001:db8:1::1")


@st.composite
def records(draw: st.DrawFn) -> Indicator:
    """Names and addresses as they meet on shared hosting: any name at any address."""
    name = draw(st.sampled_from(DOMAINS))
    host = draw(st.sampled_from((name, f"www.{name}", f"mail.www.{name}")))
    ip = draw(st.none() | st.sampled_from(ADDRESSES))
    forms = (Asset(domain=host, ip=ip), Asset(url=f"https://{host}/x", ip=ip), Asset(email=f"jan@{host}", ip=ip))
    return Indicator(seen_at=NOW, category="x", identifier="x", asset=draw(st.sampled_from(forms)))


def answers_about(indicator: Indicator) -> dict[Enquiry, Answer]:
    """What outside says of this record's name, its own contacts each, and of all others, which nobody asked."""
    told: dict[Enquiry, Answer] = {}
    for name in DOMAINS:
        contact = PublishedContact(f"admin@{name}", "administrative")
        registration = DomainRegistration(domain=name, registrant=name, contacts=(contact,), country="NL")
        published = SecurityTxt(url=f"https://{name}/", emails=(f"security@{name}",))
        for source, found in ((Source.RDAP_DOMAIN, registration), (Source.SECURITY_TXT, published)):
            enquiry = Enquiry(source, name)
            told[enquiry] = Answer(enquiry, at=in_days("-1d"), until=in_days("5d"), found=found)
    return told


def findings_of(indicators: Sequence[Indicator]) -> list[Findings]:
    found = directory().find([question_of(indicator) for indicator in indicators])
    return [
        msgspec.structs.replace(findings, answers=answers_about(indicator))
        for findings, indicator in zip(found, indicators, strict=True)
    ]


def decided(indicators: Sequence[Indicator]) -> list[Verdict]:
    return [decide(each, directory=directory(), ladder=SHIPPED, at=NOW) for each in findings_of(indicators)]


@given(st.lists(records(), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_a_batch_in_any_order_decides_as_each_record_alone(indicators: list[Indicator], chance: object) -> None:
    alone = [decided([indicator])[0] for indicator in indicators]
    order = list(range(len(indicators)))
    chance.shuffle(order)  # type: ignore[attr-defined]  # hypothesis gives a random.Random

    shuffled = decided([indicators[place] for place in order])

    assert shuffled == [alone[place] for place in order]


@given(st.lists(records(), min_size=1, max_size=12))
def test_news_of_one_domain_never_reaches_another_domains_contact(indicators: list[Indicator]) -> None:
    for indicator, verdict in zip(indicators, decided(indicators), strict=True):
        own = next(domain for domain in DOMAINS if any(host.endswith(domain) for host in indicator.asset.hosts))
        emails = [verdict.recipient.email] if isinstance(verdict, Attributed) else []
        if isinstance(verdict, Doubted):
            emails = [each.recipient.email for each in verdict.candidates if each.recipient is not None]
        for email in emails:
            assert not any(email.endswith(f"@{domain}") for domain in DOMAINS if domain != own)


@given(records(), st.sampled_from(DOMAINS))
def test_an_address_of_the_record_is_never_written_to(indicator: Indicator, domain: str) -> None:
    reported = f"security@{domain}"
    indicator = msgspec.structs.replace(indicator, asset=Asset(email=reported, ip=indicator.asset.ip))

    (verdict,) = decided([indicator])

    assert not isinstance(verdict, Attributed) or verdict.recipient.email != reported

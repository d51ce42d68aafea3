"""Whether the world will believe our mails: what the DNS says, and what is made of it."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.dns import MailHost, StaticDns
from services.notifier.domain.dkim import DkimKey, DkimKeys
from services.notifier.domain.sealing.seal import SigningCertificate
from services.notifier.domain.sender_check import Finding, Record, Setup, Subject, Verdict, worst_of
from services.notifier.domain.spf import Pass
from services.notifier.handlers.checking_sender import SenderChecker, may_send
from tests.certificates import mail_certificate, rsa_key

KEY = DkimKey(selector="s1", key=Ed25519PrivateKey.generate())
OTHER = DkimKey(selector="s1", key=Ed25519PrivateKey.generate())
FROM, BOUNCE, ADDRESS = "tocsin.example", "bounce.tocsin.example", "192.0.2.25"
SELECTOR, POLICY = f"s1._domainkey.{FROM}", f"_dmarc.{FROM}"

SETUP = Setup(
    from_domain=FROM,
    return_domain=BOUNCE,
    keys=DkimKeys(FROM, [KEY]),
    sending_addresses=[ADDRESS],
    reports_to="desk@tocsin.example",
)
TEXTS = {
    BOUNCE: ["google-site-verification=x", "v=spf1 ip4:192.0.2.0/27 -all"],
    SELECTOR: [KEY.record],
    POLICY: ["v=DMARC1; p=reject; rua=mailto:desk@tocsin.example"],
}


def dns(texts: Mapping[str, Sequence[str]] | None = None, *, failing: str = "", **known: object) -> StaticDns:
    """All is well, but for what is given."""
    return StaticDns(
        known_texts={**TEXTS, **(texts or {})},
        known_mail_hosts=known.get("mail_hosts", {BOUNCE: [MailHost(10, "mx.tocsin.example")]}),  # type: ignore[arg-type] # as given
        known_addresses={"mail.tocsin.example": [ADDRESS]},
        known_names=known.get("names", {ADDRESS: ["mail.tocsin.example"]}),  # type: ignore[arg-type] # as given
        failing=frozenset({failing}),
    )


def finding(subject: Subject, of: StaticDns, setup: Setup = SETUP) -> Finding:
    found = asyncio.run(SenderChecker(setup, of).findings())
    [one] = [each for each in found if each.subject is subject]
    return one


def test_a_sender_that_is_well_set_up_has_nothing_to_mend() -> None:
    ours = mail_certificate("us@tocsin.example", until=datetime.now(UTC) + timedelta(days=99))
    signing = SigningCertificate(ours.certificate, rsa_key())
    checker = SenderChecker(SETUP, dns(), certificate=signing, from_address="us@tocsin.example")
    found = asyncio.run(checker.findings())

    assert {each.subject for each in found} == set(Subject)
    assert [each.verdict for each in found] == [Verdict.RIGHT] * 6
    assert worst_of(found) is Verdict.RIGHT


@pytest.mark.parametrize(
    ("records", "verdict", "words"),
    [
        ([], Verdict.MISSING, "does not say who may send"),
        (["v=spf10 -all"], Verdict.MISSING, "does not say who may send"),
        (["v=spf1 -all", "v=spf1 -all"], Verdict.WRONG, "several"),
        (["v=spf1 ip4:198.51.100.1 -all"], Verdict.WRONG, "192.0.2.25"),
        (["v=spf1 ip4:192.0.2.25 ?all"], Verdict.WEAK, "everybody"),
        (["v=spf1 ip4:192.0.2.25"], Verdict.WEAK, "everybody"),
        (["v=spf1 exists:%{i}.x.example -all"], Verdict.UNKNOWN, "can't be seen"),
        (["v=spf1 ip4:192.0.2.25 ~all"], Verdict.RIGHT, "nobody else"),
    ],
)
def test_spf(records: Sequence[str], verdict: Verdict, words: str) -> None:
    found = finding(Subject.SPF, dns({BOUNCE: records}))

    assert found.verdict is verdict
    assert words in found.sentence
    if verdict in (Verdict.MISSING, Verdict.WRONG):
        assert found.record == Record(BOUNCE, "TXT", "v=spf1 ip4:192.0.2.25 -all")


@pytest.mark.parametrize(
    ("records", "verdict", "words"),
    [
        ([], Verdict.MISSING, "not in the DNS"),
        ([OTHER.record], Verdict.WRONG, "another key"),
        (["v=DKIM1; p="], Verdict.WRONG, "another key"),
        ([KEY.record, OTHER.record], Verdict.WRONG, "several"),
        ([f"{KEY.record}; t=y"], Verdict.WEAK, "test"),
        ([f"k=ed25519;p={KEY.public[:20]} {KEY.public[20:]}"], Verdict.RIGHT, "our key"),
    ],
)
def test_dkim(records: Sequence[str], verdict: Verdict, words: str) -> None:
    found = finding(Subject.DKIM, dns({SELECTOR: records}))

    assert found.verdict is verdict
    assert words in found.sentence
    assert found.record == (None if verdict is Verdict.RIGHT else Record(SELECTOR, "TXT", KEY.record))


@pytest.mark.parametrize(
    ("records", "verdict", "words"),
    [
        ([], Verdict.MISSING, "anybody can write in our name"),
        (["v=DMARC1; p=none"], Verdict.WEAK, "p=none"),
        (["v=DMARC1; p=reject", "v=DMARC1; p=none"], Verdict.WRONG, "several"),
        (["v=DMARC1; p=quarantine"], Verdict.RIGHT, "not let in"),
        (["v=DMARC1; p=reject; aspf=s; adkim=s"], Verdict.RIGHT, "not let in"),
    ],
)
def test_dmarc(records: Sequence[str], verdict: Verdict, words: str) -> None:
    found = finding(Subject.DMARC, dns({POLICY: records}))

    assert (found.verdict, words in found.sentence) == (verdict, True)


def test_a_policy_of_the_registered_domain_counts_for_those_below() -> None:
    setup = Setup(from_domain=f"mail.{FROM}", return_domain=BOUNCE, keys=None, reports_to="desk@tocsin.example")

    assert finding(Subject.DMARC, dns(), setup).verdict is Verdict.RIGHT


@pytest.mark.parametrize("policy", ["v=DMARC1; p=reject", "v=DMARC1; p=none"])
def test_a_policy_that_refuses_our_own_mails_is_wrong(policy: str) -> None:
    setup = Setup(from_domain=FROM, return_domain="relay.other.example", keys=None, reports_to="desk@tocsin.example")

    found = finding(Subject.DMARC, dns({POLICY: [policy]}), setup)

    assert (found.verdict, "our own mails" in found.sentence) == (Verdict.WRONG, True)


@pytest.mark.parametrize(
    ("hosts", "verdict"), [([], Verdict.MISSING), ([MailHost(0, "")], Verdict.WRONG)], ids=["none", "null"]
)
def test_bounces_have_to_arrive(hosts: Sequence[MailHost], verdict: Verdict) -> None:
    assert finding(Subject.BOUNCES, dns(mail_hosts={BOUNCE: hosts})).verdict is verdict


@pytest.mark.parametrize("names", [[], ["somebody.else.example"]], ids=["none", "leads elsewhere"])
def test_an_address_needs_a_name_that_leads_back(names: Sequence[str]) -> None:
    assert finding(Subject.REVERSE_NAME, dns(names={ADDRESS: names})).verdict is Verdict.MISSING


@pytest.mark.parametrize(
    ("failing", "subject"),
    [
        (BOUNCE, Subject.SPF),
        (SELECTOR, Subject.DKIM),
        (POLICY, Subject.DMARC),
        (BOUNCE, Subject.BOUNCES),
        (ADDRESS, Subject.REVERSE_NAME),
    ],
)
def test_what_the_dns_does_not_answer_is_not_known(failing: str, subject: Subject) -> None:
    assert finding(subject, dns(failing=failing)).verdict is Verdict.UNKNOWN


def test_what_nobody_told_us_is_not_known() -> None:
    setup = Setup(from_domain=FROM, return_domain=BOUNCE, keys=None, reports_to="desk@tocsin.example")

    verdicts = {s: finding(s, dns(), setup).verdict for s in (Subject.SPF, Subject.DKIM, Subject.REVERSE_NAME)}

    assert set(verdicts.values()) == {Verdict.UNKNOWN}


@pytest.mark.parametrize(
    ("record", "may"),
    [
        ("v=spf1 a:mail.tocsin.example -all", Pass.YES),
        ("v=spf1 a:mail.tocsin.example/24 -all", Pass.YES),
        ("v=spf1 mx:in.example -all", Pass.YES),
        ("v=spf1 mx -all", Pass.NO),
        ("v=spf1 include:ours.example -all", Pass.YES),
        ("v=spf1 include:others.example ~all", Pass.NO),
        ("v=spf1 redirect=ours.example", Pass.YES),
        ("v=spf1 redirect=nowhere.example", Pass.NO),
        ("v=spf1 ip6:2001:db8::/32 ip4:192.0.2.25 -all", Pass.YES),
        ("v=spf1 -ip4:192.0.2.25 +all", Pass.NO),
        ("v=spf1 ip4:nonsense -all", Pass.NO),
        ("v=spf1 nonsense -all", Pass.UNKNOWN),
        ("v=spf1 ptr -all", Pass.UNKNOWN),
        ("v=spf1 include:loop.example -all", Pass.UNKNOWN),
        ("v=spf1 include:away.example -all", Pass.UNKNOWN),
    ],
)
def test_who_may_send(record: str, may: Pass) -> None:
    known = StaticDns(
        known_texts={
            FROM: [record],
            "ours.example": ["v=spf1 ip4:192.0.2.25 -all"],
            "others.example": ["v=spf1 ip4:198.51.100.1 -all"],
            "loop.example": ["v=spf1 include:loop.example -all"],
        },
        known_mail_hosts={"in.example": [MailHost(10, "mail.tocsin.example")]},
        known_addresses={"mail.tocsin.example": ["2001:db8::25", ADDRESS]},
        failing=frozenset({"away.example"}),
    )

    assert asyncio.run(may_send(ADDRESS, FROM, known)) is may


def test_the_dns_is_asked_once_a_minute() -> None:
    asked = []

    class Counting(StaticDns):
        async def mail_hosts(self, name: str) -> Sequence[MailHost]:
            asked.append(name)
            return ()

    async def ask_thrice() -> None:
        checker = SenderChecker(SETUP, Counting())
        await asyncio.gather(*(checker.findings() for _ in range(3)))

    asyncio.run(ask_thrice())

    assert asked == [BOUNCE]

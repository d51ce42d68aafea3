"""The worked cases of `cases/*.toml`: what a record says and what is known, and whom it leads to on which evidence.

They are written for people: an analyst finds there what the system does, and says so where it should do otherwise. The
world that they share is in `cases/world`. Days are counted from now; what a case does not say is as an operator has it
who has imported everything four days ago, and can ask nobody outside.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from libs.common.contracts import Indicator, ListedOperator
from libs.common.contracts.intake import CERTIFICATE_FIELD, Asset
from services.attribution.domain.answers import (
    Answer,
    Companies,
    Company,
    DomainRegistration,
    Enquiry,
    Found,
    MailExchange,
    NetworkRegistration,
    PublishedContact,
    SecurityTxt,
    Source,
)
from services.attribution.domain.directory import Findings, question_of
from services.attribution.domain.ladder import Attributed, Doubted, Settled, Verdict, Waiting, decide, explain
from services.attribution.domain.learnt import Learnt
from tests.unit.attribution.world import NOW, directory, in_days, ladder_of, organisations

CASES = Path(__file__).parent / "cases"
ALL_SOURCES = frozenset(Source)

Words = Mapping[str, Any]  # Any: what a TOML table holds


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One worked case: what is known, then what comes of it."""

    name: str
    asset: Asset
    asn: int | None = None
    country: str | None = None
    """As the partner claims."""
    category: str = "vulnerable/vulnerable-system"
    certificate: str = ""
    learnt: str = ""
    """The organisation that a person has named for the asset."""
    answers: list[dict[str, Any]] = []
    online: bool = False
    waits: bool = False
    """Whether an answer may be waited for."""
    ladders: list[str] = []
    others: int = 0
    """Names of other owners that records have placed at the address."""
    listed: ListedOperator | None = None
    """Whose it is, by the verifier's list of those whom other teams warn."""
    concerns: str = ""
    ripe_days: int = 4
    delegated_days: int = 4

    to: str = ""
    """The recipient's address, and so `attributed`."""
    ends: str = ""
    """The reason where nobody is written to."""
    asks: list[str] = []
    """What is asked before it is decided."""
    sure: float | None = None
    route: str = ""
    kind: str = ""
    called: str = ""
    language: str = ""
    copy: str = ""
    outcome: str = ""
    says: list[str] = []
    """`source: words of its answer`, each a step of the evidence."""
    silent: list[str] = []
    """Sources that have no say in it."""
    among: list[str] = []
    """Whom a person sees to choose from."""


def all_cases() -> list[Any]:  # Any: pytest's parameter sets
    return [
        pytest.param(case, id=f"{path.stem}: {case.name}")
        for path in sorted(CASES.glob("*.toml"))
        for case in msgspec.convert(tomllib.loads(path.read_text())["case"], list[Case])
    ]


@pytest.mark.parametrize("case", all_cases())
def test_whom_it_leads_to(case: Case) -> None:
    verdict = verdict_on(case)

    match verdict:
        case Attributed():
            assert (case.to, case.ends, case.asks) == (verdict.recipient.email, "", []), told(verdict)
            expect_recipient(case, verdict)
        case Settled() | Doubted():
            assert (case.to, case.ends, case.asks) == ("", verdict.reason, []), told(verdict)
            assert case.outcome in ("", verdict.outcome)
        case Waiting():
            asked = [f"{each.source} {each.subject}" for each in verdict.enquiries]
            assert (case.to, case.ends, case.asks) == ("", "", asked)
    expect_evidence(case, verdict)


def expect_recipient(case: Case, verdict: Attributed) -> None:
    recipient = verdict.recipient
    assert case.sure is None or verdict.confidence == pytest.approx(case.sure), told(verdict)
    assert case.route in ("", verdict.route), told(verdict)
    assert case.kind in ("", recipient.kind)
    assert case.called in ("", recipient.name)
    assert case.concerns in ("", verdict.concerns)
    assert case.language in ("", recipient.language)
    assert [copy.recipient.email for copy in verdict.copies] == ([case.copy] if case.copy else [])
    assert not case.asset.email or recipient.email.lower() != case.asset.email.lower()


def expect_evidence(case: Case, verdict: Verdict) -> None:
    steps = () if isinstance(verdict, Waiting) else verdict.evidence
    for expected in case.says:
        source, _, words = expected.partition(": ")
        assert any(each.source.startswith(source) and words in each.answered for each in steps), told(verdict)
    for source in case.silent:
        assert not any(each.source.startswith(source) for each in steps), told(verdict)
    if isinstance(verdict, Doubted):
        named = [each.recipient.email for each in verdict.candidates if each.recipient is not None]
        assert case.among in ([], named), told(verdict)


def told(verdict: Verdict) -> str:
    return "\n".join(explain(verdict, asked="the asset"))


def test_of_somebody_elses_claim_or_site_whoever_is_written_to_hears_nothing() -> None:
    asset = Asset(ip="192.0.2.203")
    verdict = verdict_on(Case(name="", asset=asset, certificate="vpn.bakery.example", others=12))

    assert isinstance(verdict, Attributed)
    told = " ".join(step.answered for step in verdict.evidence if not step.leads_elsewhere)
    assert "claim" not in told
    assert "bakery" not in told.lower()
    assert "12 other names" in told


def test_there_are_a_hundred_and_fifty_of_them_and_no_two_have_one_name() -> None:
    names = [case.id for case in all_cases()]

    assert len(set(names)) == len(names) >= 150


def verdict_on(case: Case) -> Verdict:
    return decide(
        findings_of(case),
        directory=directory(case.ripe_days, case.delegated_days),
        ladder=ladder_of(case.ladders),
        at=NOW,
        online=ALL_SOURCES if case.online else frozenset(),
        may_wait=case.waits,
    )


def findings_of(case: Case) -> Findings:
    indicator = Indicator(
        seen_at=NOW,
        category=case.category,
        identifier="x",
        asset=case.asset,
        asn=case.asn,
        geo_country=case.country,
        extra={CERTIFICATE_FIELD: case.certificate} if case.certificate else {},
    )
    (found,) = directory(case.ripe_days, case.delegated_days).find([question_of(indicator, listed=case.listed)])
    answers = [answer_of(given) for given in case.answers]
    return msgspec.structs.replace(
        found,
        learnt=Learnt(said_by="ann", organisation=organisations()[case.learnt]) if case.learnt else None,
        answers={answer.enquiry: answer for answer in answers},
        others_there=case.others,
    )


def answer_of(given: Words) -> Answer:
    """Asked yesterday and good for a week, unless the case says otherwise."""
    source, _, subject = given["ask"].partition(" ")
    return Answer(
        Enquiry(Source(source), subject),
        at=in_days(given.get("at", "-1d")),
        until=in_days(given.get("until", "6d")),
        found=None if given.get("unknown") or "failure" in given else found_in(Source(source), subject, given),
        failure=given.get("failure", ""),
    )


def found_in(source: Source, subject: str, given: Words) -> Found:
    match source:
        case Source.SECURITY_TXT:
            return SecurityTxt(
                url=f"https://{subject}/.well-known/security.txt",
                emails=tuple(given.get("emails", ())),
                languages=tuple(given.get("languages", ())),
                expires_at=in_days(given.get("expires", "90d")),
            )
        case Source.RDAP_DOMAIN:
            return DomainRegistration(
                domain=subject,
                registrant=given.get("registrant", ""),
                registrar=given.get("registrar", ""),
                contacts=tuple(map(contact_of, given.get("contacts", ()))),
                redacted=tuple(given.get("redacted", ())),
                country=given.get("country"),
            )
        case Source.RDAP_NETWORK:
            return NetworkRegistration(
                network=given.get("network", "203.0.113.0/24"),
                name=given.get("netname", "NET"),
                organisation=given.get("organisation", ""),
                country=given.get("country"),
                contacts=tuple(map(contact_of, given.get("contacts", ()))),
            )
        case Source.COMPANY_REGISTRY:
            return Companies(tuple(msgspec.convert({"country": "NL", **each}, Company) for each in given["companies"]))
        case _:
            return MailExchange(subject, takes_mail=given["takes_mail"])


def contact_of(text: str) -> PublishedContact:
    """`role:address`, a registrar's as `registrar/role:address`."""
    role, _, email = text.partition(":")
    return PublishedContact(email, role.removeprefix("registrar/"), is_registrars=role.startswith("registrar/"))

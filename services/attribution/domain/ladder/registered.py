"""Rungs of what is registered with us, and of what people have said."""

from collections.abc import Iterable, Iterator

from libs.common.contracts import Recipient
from libs.common.vocabulary import RecipientKind
from services.attribution.domain.ladder.case import Case, numbers
from services.attribution.domain.ladder.organisations import organisation_step
from services.attribution.domain.ladder.providers import ProviderKind
from services.attribution.domain.ladder.rules import Certainty, NameKind
from services.attribution.domain.ladder.values import ADDRESS, NAME, SYSTEM, About, Candidate, Route, Step
from services.attribution.domain.organisations import RegisteredAsset
from services.attribution.domain.withheld import WithheldClaim

REGISTRATION = "registration"


def registered(case: Case) -> Iterator[Step]:
    """Name (closest parent), then smallest range, then AS. Only what the record names is asked for."""
    findings = case.findings
    question = findings.question
    if question.names:
        withheld = next(filter(None, map(case.directory.registered.withheld.of_name, question.names)), None)
        yield _step(case, "registered-domain", ", ".join(question.names), findings.by_name, NAME, withheld=withheld)
        if len(question.names) > 1 and findings.by_name is not None:
            yield from _other_names(case, findings.by_name)
    if question.address is not None:
        withheld = findings.withheld
        yield _step(case, "registered-range", question.address.text, findings.by_address, ADDRESS, withheld=withheld)
    if findings.asns:
        withheld = next(filter(None, map(case.directory.registered.withheld.of_asn, findings.asns)), None)
        yield _step(case, "registered-asn", numbers(findings.asns), findings.by_asn, SYSTEM, withheld=withheld)


def _step(
    case: Case,
    source: str,
    asked: str,
    asset: RegisteredAsset | None,
    about: About,
    *,
    withheld: WithheldClaim | None = None,
) -> Step:
    """Where nobody has it by right, whether somebody claims it."""
    if asset is None:
        if withheld is None:
            return Step(case.evidence(source, asked, "not registered"), about=about)
        return Step(case.evidence_elsewhere(source, asked, f"not registered: {withheld}"), about=about)
    organisation = case.directory.organisation(asset)
    return organisation_step(
        case,
        organisation,
        source=source,
        asked=asked,
        answered=f"{asset.claim.value} of {organisation.name}",
        about=about,
        witness=REGISTRATION,
        rests_on=asset,
    )


def _other_names(case: Case, first: RegisteredAsset) -> Iterator[Step]:
    """A record that names sites of two organisations does not say which of them it is about.

    An account's domain is no such name: whose account it is and where it opens something are two questions.
    """
    for name in case.findings.question.names:
        asset = case.directory.registered.domain(name) if name != case.findings.question.mail_name else None
        if asset is not None and asset.organisation_id != first.organisation_id:
            yield _step(case, "registered-domain", name, asset, NAME)


def learnt(case: Case) -> Iterable[Step]:
    """Silent without an answer: what nobody ever taught us was not asked of anybody."""
    taught = case.findings.learnt
    if taught is None:
        return ()
    if taught.organisation is None:
        return (_taught_recipient(case, taught.recipient),)
    organisation = taught.organisation
    at_most, answered = case.confidence(Certainty.LEARNT), f"a person said that it is of {organisation.name}"
    question = case.findings.question
    if not question.names and (provider := case.provider) is not None and provider.kind is ProviderKind.ACCESS:
        at_most = max(0.0, at_most - case.ladder.conflict_cost)
        answered = f"{answered}, and addresses of {provider.name} change hands"
    step = organisation_step(
        case,
        organisation,
        source="learnt",
        asked=question.owned_part,
        answered=answered,
        about=NAME if question.names else ADDRESS,
        witness="person",
        at_most=at_most,
    )
    return (step,)


def _taught_recipient(case: Case, recipient: Recipient | None) -> Step:
    """Whom a person chose among those who were not certain enough, or that they found nobody."""
    asked = case.findings.question.owned_part
    if recipient is None:
        return Step(case.evidence("learnt", asked, "a person has found nobody to warn"), witness="person", is_end=True)
    if why_not := case.why_not(recipient.email):
        return Step(case.evidence("learnt", asked, f"{recipient.email}, {why_not}"))
    confidence = case.confidence(Certainty.LEARNT)
    evidence = case.evidence("learnt", asked, f"a person chose {recipient.name}: {recipient.email}", confidence)
    route = Route.ORGANISATION if recipient.kind is RecipientKind.ORGANISATION else Route.NETWORK_OWNER
    return Step(evidence, Candidate(route, confidence, recipient), witness="person")


def record_names(case: Case) -> Iterable[Step]:
    """Names that were found at the address, if their owner is known to us; alone they prove little."""
    question, owner_of = case.findings.question, case.directory.registered.domain
    found: list[Step] = []
    name = question.certificate_name
    if name is not None and name not in question.names and (asset := owner_of(name)) is not None:
        found += _found_there(case, NameKind.CERTIFICATE, name, asset)
    name = question.reverse_name
    if name is not None and name not in question.names and (asset := owner_of(name)) is not None:
        found += _found_there(case, NameKind.REVERSE, name, asset)
    return found


def _found_there(case: Case, kind: NameKind, name: str, asset: RegisteredAsset) -> Iterator[Step]:
    """Nothing of an address that had another user yesterday."""
    if case.provider is not None and case.provider.kind is ProviderKind.ACCESS:
        return
    organisation = case.directory.organisation(asset)
    answered = f"{asset.claim.value} of {organisation.name}"
    if case.is_shared:
        answered = f"{answered}, but {case.findings.others_there} other names were seen at the address"
        yield Step(case.evidence_elsewhere(f"{kind}-name", name, answered), about=ADDRESS, witness=kind)
        return
    yield organisation_step(
        case,
        organisation,
        source=f"{kind}-name",
        asked=name,
        answered=answered,
        about=ADDRESS,
        witness=kind,
        at_most=case.ladder.proof[kind],
        rests_on=asset,
    )

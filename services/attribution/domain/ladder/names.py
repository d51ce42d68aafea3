"""The names of a record, judged: of which of them is it worth asking outside who has it?"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from services.attribution.domain.answers import Answer, DomainRegistration, Enquiry, Source
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.outside import found_in
from services.attribution.domain.ladder.rules import NameKind
from services.attribution.domain.names import platform_of, registrable


class OwnName(NamedTuple):
    """`domain` is what its owner has registered; `platform` who gave it out, where that is not a registry."""

    kind: NameKind
    name: str
    domain: str
    platform: str | None

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where its owner publishes; a mail domain is no host."""
        names = (self.domain,) if self.kind is NameKind.EMAIL else (self.name, self.domain)
        return tuple(dict.fromkeys(names))


def own_names(case: Case) -> Iterator[OwnName]:
    """Those that name somebody, most proving first. An account at a mail provider names no organisation."""
    question = case.findings.question
    for name in question.names:
        kind = NameKind.EMAIL if name == question.mail_name else NameKind.DOMAIN
        is_everybodys = kind is NameKind.EMAIL and case.ladder.providers.of_mailboxes(name) is not None
        if case.ladder.proof[kind] >= case.ladder.ask_from_proof and not is_everybodys:
            platform = platform_of(name)
            yield OwnName(kind, name, registrable(name) or name, platform)


def names_to_ask(case: Case) -> Iterable[OwnName]:
    """None of a domain that serves an attacker: what it publishes of itself is the attacker's word."""
    return () if is_malicious(case) else own_names(case)


def is_malicious(case: Case) -> bool:
    return case.findings.question.category in case.ladder.malicious


def registration_of(case: Case, domain: str) -> DomainRegistration | None:
    """What the registry has said already; nobody is asked."""
    answer: Answer | None = case.findings.answers.get(Enquiry(Source.RDAP_DOMAIN, domain))
    return found_in(answer, DomainRegistration) if answer is not None else None

"""What all rungs are given: what is known of one question, and by which rules it is decided."""

from datetime import datetime, timedelta
from functools import lru_cache

from libs.common.contracts import Evidence
from services.attribution.domain.answers import Source
from services.attribution.domain.directory import Directory, Findings
from services.attribution.domain.ladder.countries import Country, country_of
from services.attribution.domain.ladder.imports import imports_of
from services.attribution.domain.ladder.providers import SHARED_BY_MANY, Provider
from services.attribution.domain.ladder.rules import Certainty, Ladder

NOTHING = 0.0


class Case:
    """One question, as it is being decided. `online` are the sources that can be asked.

    `unreachable` are addresses, in lower case, at which it was tried before in vain: each rung has its next one.
    """

    __slots__ = ("_country", "_provider", "at", "directory", "findings", "imports", "ladder", "online", "unreachable")

    def __init__(
        self,
        findings: Findings,
        *,
        directory: Directory,
        ladder: Ladder,
        at: datetime,
        online: frozenset[Source] = frozenset(),
        unreachable: frozenset[str] = frozenset(),
    ) -> None:
        self.findings, self.directory, self.ladder = findings, directory, ladder
        self.at, self.online, self.unreachable = at, online, unreachable
        self.imports = imports_of(ladder, directory, at)
        self._country: Country | None = None
        self._provider: Provider | bool | None = False

    @property
    def country(self) -> Country:
        if self._country is None:
            self._country = country_of(self.findings, self.directory, self.imports)
        return self._country

    @property
    def provider(self) -> Provider | None:
        """Whose customers use the address, if it is known to be provided."""
        if isinstance(self._provider, bool):
            findings = self.findings
            listed = self.ladder.providers.around(
                findings.question.asked,
                asns=findings.asns,
                netname=findings.network.netname if findings.network else "",
                hostname=findings.question.reverse_name,
            )
            self._provider = listed or (SHARED_BY_MANY if self.is_shared else None)
        return self._provider

    @property
    def is_shared(self) -> bool:
        """Have so many names of other owners been seen at the address that it is nobody's own?"""
        return self.findings.others_there >= self.ladder.shared_from_names

    def has_expired(self, source: Source, since: datetime) -> bool:
        days = self.ladder.greatest_age_days.get(source)
        return days is not None and self.at - since > timedelta(days=days)

    def confidence(self, certainty: Certainty) -> float:
        return self.ladder.confidence[certainty]

    def evidence(
        self, source: str, asked: str, answered: str, confidence: float = NOTHING, *, at: datetime | None = None
    ) -> Evidence:
        return Evidence(source=source, asked=asked, answered=answered, at=at or self.at, confidence=confidence)

    def evidence_elsewhere(self, source: str, asked: str, answered: str) -> Evidence:
        """What speaks of somebody else, whoever is written to, and so is never told to them."""
        return Evidence(
            source=source, asked=asked, answered=answered, at=self.at, confidence=NOTHING, leads_elsewhere=True
        )

    def why_not(self, email: str) -> str:
        """Why nobody is written to there: it may be in the attacker's hands, or nobody reads it. Empty: they can be."""
        address = email.lower()
        if address == self.findings.question.reported_email:
            return "which is the address under report"
        return "which could not be reached" if address in self.unreachable else ""


@lru_cache(maxsize=4_096)
def numbers(asns: tuple[int, ...]) -> str:
    return ", ".join(f"AS{asn}" for asn in asns)

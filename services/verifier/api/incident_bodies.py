"""Incidents as they come in and go out over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from libs.common.contracts import Advisory
from libs.common.vocabulary import IncidentState, Language, Severity
from services.verifier.domain import Incident, Matches
from services.verifier.domain.affected import MAX_VERSION_CHARS, Affected, read_version
from services.verifier.domain.drafts import Evidence


def _comparable(version: str | None) -> str | None:
    if version is not None and read_version(version) is None:
        raise ValueError("no version that can be compared, as 9.1r18, 13.1-49.13 or 7.2.3p1 are")
    return version


OPT_IN = "Told only to those who have registered the asset with us"
Words = Annotated[list[str], Field(max_length=500)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Version = Annotated[str | None, Field(max_length=MAX_VERSION_CHARS), AfterValidator(_comparable)]
Versions = Annotated[list["AffectedBody"], Field(max_length=50)]


class AdvisoryBody(BaseModel):
    """What a recipient reads, in one language. Paragraphs are parted by an empty line."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=5, max_length=90)
    what: str = Field(min_length=20, max_length=4000)
    why: str = Field(min_length=20, max_length=4000)
    check: list[str] = Field(min_length=1, max_length=12)
    act: list[str] = Field(min_length=1, max_length=12)
    otherwise: str = Field(min_length=10, max_length=4000)
    sources: list[str] = Field(min_length=1, max_length=12)

    def advisory(self) -> Advisory:
        return msgspec.convert(self.model_dump(), Advisory)


class MatchesBody(BaseModel):
    """What the incident recognises; any one hit is enough."""

    model_config = ConfigDict(extra="forbid")

    cve_ids: Words = []
    identifiers: Words = []
    malware_names: Words = []
    tags: Words = []
    categories: Words = []

    def matches(self) -> Matches:
        return msgspec.convert(self.model_dump(), Matches)


class RangeBody(BaseModel):
    """Versions from `from` on, that one too, and before `below`. What is left out has no end on that side."""

    model_config = ConfigDict(extra="forbid")

    from_: Version = Field(None, alias="from")
    below: Version = None


class AffectedBody(BaseModel):
    """The affected versions of one product. A record that names another version of it is held."""

    model_config = ConfigDict(extra="forbid")

    vendor: Name | None = None
    name: Name
    aliases: list[Name] = Field([], max_length=20, description="Other names that records give it")
    ranges: list[RangeBody] = Field(min_length=1, max_length=100)

    def affected(self) -> Affected:
        return msgspec.convert(self.model_dump(by_alias=True), Affected)


class NewIncident(BaseModel):
    """An incident as a person writes it; it starts as a draft, whose text may come later."""

    model_config = ConfigDict(extra="forbid")

    slug: str = Field(pattern="^[a-z0-9][a-z0-9-]{1,79}$")
    category: str = Field(pattern="^[a-z-]{2,40}/[a-z0-9-]{2,40}$")
    severity: Severity
    cve_ids: Words = []
    opt_in: bool = Field(False, description=OPT_IN)
    matches: MatchesBody
    affected: Versions = []
    advisory: dict[Language, AdvisoryBody] = {}

    def incident(self, *, author: str) -> Incident:
        return Incident(
            slug=self.slug,
            category=self.category,
            severity=self.severity,
            state=IncidentState.DRAFT,
            cve_ids=tuple(self.cve_ids),
            opt_in=self.opt_in,
            matches=self.matches.matches(),
            affected=_affected(self.affected),
            advisory=_advisories(self.advisory),
            author=author,
        )


class IncidentChanges(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    category: str | None = Field(None, pattern="^[a-z-]{2,40}/[a-z0-9-]{2,40}$")
    severity: Severity | None = None
    state: IncidentState | None = None
    cve_ids: Words | None = None
    opt_in: bool | None = Field(None, description=OPT_IN)
    matches: MatchesBody | None = None
    affected: Versions | None = None
    advisory: dict[Language, AdvisoryBody] | None = Field(None, min_length=1)

    def changes(self) -> dict[str, object]:
        """By field of `Incident`, in its types."""
        given: dict[str, object] = {
            "category": self.category,
            "severity": self.severity,
            "state": self.state,
            "cve_ids": tuple(self.cve_ids) if self.cve_ids is not None else None,
            "opt_in": self.opt_in,
            "matches": self.matches.matches() if self.matches else None,
            "affected": _affected(self.affected) if self.affected is not None else None,
            "advisory": _advisories(self.advisory) if self.advisory else None,
        }
        return {name: value for name, value in given.items() if value is not None}


class ProposalView(BaseModel):
    """What of an incident would be otherwise, and who wants it to: what it would recognise besides, and no more
    (`dropped`), and the other fields that would be others. What is null stays.
    """

    matches: MatchesBody
    affected: list[AffectedBody]
    dropped: MatchesBody
    dropped_affected: list[AffectedBody]
    category: str | None
    severity: Severity | None
    cve_ids: list[str] | None
    opt_in: bool | None
    advisory: dict[Language, AdvisoryBody] | None
    by: list[str]


class EvidenceView(BaseModel):
    """What the held records of a draft have in common: a `kind` (`identifier`, `cve`, `malware`) and a `word`.

    Kept up to date while it is a draft; counts stop at 20,000.
    """

    kind: str
    word: str
    records: int
    assets: int
    partners: list[str]
    first_at: datetime
    last_at: datetime
    samples: list[UUID] = Field(description="Ten of the newest indicators, as `GET /v1/indicators/{id}` shows them")


class IncidentView(BaseModel):
    """An incident as it is now. `title` is the Dutch one, or else any."""

    slug: str
    title: str
    category: str
    severity: Severity
    state: IncidentState
    cve_ids: list[str]
    opt_in: bool = Field(description=OPT_IN)
    matches: MatchesBody
    affected: list[AffectedBody]
    advisory: dict[Language, AdvisoryBody]
    revision: int
    author: str
    approver: str | None
    proposed: ProposalView | None = Field(description="What was merged or is wanted, and waits for an approver")
    merged_into: str | None


class IncidentWithEvidence(IncidentView):
    """`evidence` is there where no person opened it."""

    evidence: EvidenceView | None


def _advisories(bodies: dict[Language, AdvisoryBody]) -> dict[Language, Advisory]:
    return {language: body.advisory() for language, body in bodies.items()}


def _affected(bodies: list[AffectedBody]) -> tuple[Affected, ...]:
    return tuple(body.affected() for body in bodies)


def incident_view(incident: Incident) -> IncidentView:
    return IncidentView.model_validate({**msgspec.to_builtins(incident), "title": incident.title(Language.DUTCH)})


def incident_with_evidence_view(incident: Incident, evidence: Evidence | None) -> IncidentWithEvidence:
    said = msgspec.to_builtins(evidence)
    return IncidentWithEvidence.model_validate({**incident_view(incident).model_dump(by_alias=True), "evidence": said})

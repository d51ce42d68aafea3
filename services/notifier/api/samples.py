"""What can be wanted of a sample, in JSON; and the answer to what does not go together."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from libs.common.problems import FieldError, Problem, not_found
from libs.common.vocabulary import AssetKind, ClaimState, DigestCadence, Language, RecipientKind, Severity
from services.notifier.domain.amount.repeats import Again
from services.notifier.domain.notification import Consignment
from services.notifier.domain.samples.beside import Came, SideKind, SideWish, side_misfits
from services.notifier.domain.samples.registrations import MOST_ASSETS
from services.notifier.domain.samples.wish import Closed, Found, Misfit, SampleMail, Wish

Slug = Annotated[str, Field(max_length=100)]


class Sample(BaseModel):
    """Which mail to show. Whatever is not said is made up as it is most often."""

    model_config = ConfigDict(extra="forbid")

    incident: Slug
    mail: SampleMail = Field(SampleMail.WARNING, description="To a team (`national-cert`) a `warning` is a hand-over")
    language: Language = Language.DUTCH
    kind: RecipientKind = RecipientKind.ORGANISATION
    severity: Severity | None = Field(None, description="Else the incident's; in a round-up `low` or `info`")
    findings: int = Field(1, ge=1, le=2000, description="How many made-up findings")
    found: Found | None = Field(
        None,
        description="What they are of; else `accounts` of an incident about leaked data, and `addresses` of others",
    )
    first: bool = Field(False, description="As to somebody who has had no mail from us yet")
    test: bool = Field(False, description="As a partner gets it that tries something out; what is sent always is")
    others: list[Slug] = Field([], max_length=20, description="The other incidents of a round-up")
    again: Again | None = Field(None, description="Why it is told again (a reminder); else `still-there`")
    mails: int | None = Field(None, ge=1, le=20, description="How often we wrote before (a reminder)")
    in_part: bool = Field(False, description="The rest of what we wrote still holds (a correction)")
    perhaps_told: bool = Field(False, description="We do not know whether what we wrote has arrived (a correction)")
    handed_over_because: str = Field(
        "",
        max_length=100,
        description="Why a team gets it: `vital-organisation`, `sector`, `foreign-network`, `also-warned` (a copy), or "
        "the reason of a route of yours",
    )
    organisations: int | None = Field(
        None, ge=0, le=2000, description="How many it concerns, of what is handed over; 0: nobody knows whom"
    )
    reopened: Closed | None = Field(None, description="Why the findings had been closed before they were seen again")
    reopened_findings: int | None = Field(None, ge=1, le=2000, description="How many of them had been; else all")
    evidence: list[Slug] = Field(
        [], max_length=20, description="How we know whose they are, in turn: a source such as `company-registry`"
    )
    grade: str = Field("B2", pattern="^[A-F][1-6]$", description="Admiralty scale")
    seen_once: bool = Field(False, description="First seen when last seen")
    advice_language: Language | None = Field(None, description="As if there were advice in this language alone")


class SampleOrder(Sample):
    """Which mail to send, and where to."""

    to: str = Field(max_length=320, description="An address of the house's own, at one of `SAMPLE_DOMAINS`")


class SideSample(BaseModel):
    """Which mail to show that is no notification."""

    model_config = ConfigDict(extra="forbid")

    mail: SideKind
    language: Language = Language.DUTCH
    without_page: bool = Field(False, description="As if the service did not know the address of its own pages")
    cadence: DigestCadence | None = Field(None, description="How often a partner gets its digest; else `daily`")
    came: Came | None = Field(None, description="What a partner has pushed; else `little`")
    asset: AssetKind | None = Field(None, description="What is claimed, or registered; else what is usual")
    source: str = Field("", max_length=100, description="Where a claim's contact is from; else `rdap-domain`")
    assets: int | None = Field(None, ge=1, le=MOST_ASSETS, description="How many are registered")
    states: list[ClaimState] = Field(
        [], max_length=20, description="How far what is registered is, in turn; else `record-wanted`"
    )


def side_wish_of(sample: SideSample) -> SideWish:
    """Raises the 422 problem that says what would fit."""
    wish = SideWish(**sample.model_dump(exclude={"states"}), states=tuple(sample.states))
    if wrong := [*side_misfits(wish)]:
        raise _unfitting(wrong)
    return wish


def wish_of(sample: Sample) -> Wish:
    same = sample.model_dump(exclude={"to", "first", "test", "others", "evidence"})
    return Wish(
        **same,
        is_first=sample.first,
        is_test=sample.test,
        others=tuple(sample.others),
        evidence=tuple(sample.evidence),
    )


def required(made_up: Consignment | Sequence[Misfit] | None) -> Consignment:
    """Raises the 404 problem without an incident, and the 422 problem that says what would fit."""
    if made_up is None:
        raise not_found("incident")
    if isinstance(made_up, Consignment):
        return made_up
    raise _unfitting(made_up)


def _unfitting(wrong: Sequence[Misfit]) -> Problem:
    errors = [FieldError(f"body.{each.option}", "unfitting", each.message) for each in wrong]
    detail = " ".join(f"`{each.option}`: {each.message}" for each in wrong)
    return Problem(422, "unfitting-sample", "There is no such mail", detail, errors=errors)

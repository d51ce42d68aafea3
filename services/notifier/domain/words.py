"""The words of a mail in one language: a content file of `templates/` in typed form. A missing word stops the start."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from libs.common.contracts import Reopened
from libs.common.vocabulary import RecipientKind, Severity


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sentence in the singular and in the plural."""

    one: str
    many: str

    def for_count(self, count: int) -> str:
        return self.one if count == 1 else self.many


class KindWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said differently to an organisation, to a network owner, and to a national or sector team.

    `introduction` is read once, in the first mail. In a test `stand_in` takes the place of the name, and `test_notice`
    says first of all that it is one.
    """

    subject: str
    subject_urgent: str
    greeting: str
    who_we_are: str
    introduction: str
    problem: str
    seen: Counted
    first_step: str
    handing_on: str
    ownership_heading: str
    stand_in: str
    test_notice: str
    advice_heading: str
    advice_introduction: str
    answer: str
    stop: str


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The labels of what stands first in a hand-over, in their order. `several` and `unknown`: whom it concerns."""

    concerns: str
    reason: str
    sharing: str
    several: str
    unknown: str


class LeakWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which leak stolen credentials are, and of which day."""

    named: str
    named_on: str
    on: str

    def told(self, name: str, day: str) -> str:
        """Empty where neither is known."""
        if not name:
            return self.on.format(day=day) if day else ""
        return self.named_on.format(leak=name, day=day) if day else self.named.format(leak=name)


class Headings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The headings of the sections, and the labels within the box at the top and the findings."""

    problem: str
    first_step: str
    findings: str
    seen: str
    certainty: str
    what: str
    why: str
    check: str
    act: str
    otherwise: str
    sources: str
    answer: str
    genuine: str


class Columns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The columns of the findings, in the order of the attachment."""

    where: str
    port: str
    what: str
    first_seen: str
    last_seen: str
    source: str
    because: str
    again: str


class Phrases(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sentences that every recipient reads, in the order of the mail."""

    masthead: str
    test_subject: str
    reference: str
    more_findings: str
    attached: str
    attached_table: str
    attached_reports: str
    attached_reports_part: str
    attached_packed: str
    attached_part: str
    full: str
    brackets: str
    times: str
    untouched: str
    advice_in_other_language: str
    answer_by_mail: str
    rating: str
    genuine: str
    never: str
    footer: str
    attachment_name: str


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All words of one language. `{names}` in them are filled in from the values of a letter.

    `sealed_subject` is what all that carry an encrypted mail can read of it: nothing of what is weak.
    `again` says of a threat that has come back why it had been closed. `evidence_told_to_teams` takes the place of
    `evidence` where that is told to somebody else than whose it is; `handed_over` says why it is told to them.
    """

    brand_line: str
    sample_name: str
    sealed_subject: str
    months: tuple[str, ...]
    moment: str
    day: str
    lowered: frozenset[str]
    addresses: Counted
    urgency: Mapping[Severity, str]
    urgency_in_subject: Mapping[Severity, str]
    reliability: Mapping[str, str]
    credibility: Mapping[str, str]
    grade: str
    evidence: Mapping[str, str]
    evidence_told_to_teams: Mapping[str, str]
    handed_over: Mapping[str, str]
    facts: Facts
    again: Mapping[str, str]
    leak: LeakWords
    headings: Headings
    columns: Columns
    phrases: Phrases
    kinds: Mapping[RecipientKind, KindWords]

    def at(self, moment: datetime) -> str:
        """A moment as people write it, in UTC and saying so."""
        utc = moment.astimezone(UTC)
        return self.moment.format(day=utc.day, month=self.months[utc.month - 1], year=utc.year, time=f"{utc:%H:%M}")

    def on(self, moment: datetime) -> str:
        """The day of a moment, in UTC."""
        utc = moment.astimezone(UTC)
        return self.day.format(day=utc.day, month=self.months[utc.month - 1], year=utc.year)

    def came_back(self, reopened: Reopened, seen_at: datetime) -> str:
        """That a closed threat was seen again; nothing where we have no words for why it had been closed."""
        sentence = self.again.get(reopened.reason, "")
        return sentence.format(closed_on=self.on(reopened.closed_at), seen_on=self.on(seen_at))

    def evidence_for(self, kind: RecipientKind) -> Mapping[str, str]:
        """How we know whose it is, as this kind of recipient reads it."""
        return self.evidence_told_to_teams if kind is RecipientKind.NATIONAL_CERT else self.evidence

    def graded(self, grade: str) -> str:
        """An Admiralty grade, such as `B2`, in words."""
        letter, number = grade[:1] or "F", grade[1:2] or "6"
        return self.grade.format(source=self.reliability[letter], information=self.credibility[number])

    def lowered_start(self, title: str) -> str:
        """A title as it continues a sentence: an ordinary first word loses its capital, a name keeps it."""
        first = title.partition(" ")[0]
        return first.lower() + title[len(first) :] if first in self.lowered else title

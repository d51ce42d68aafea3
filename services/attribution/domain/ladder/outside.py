"""What a source outside has answered, or why there is no answer of it."""

from typing import NamedTuple, TypeVar

from services.attribution.domain.answers import Answer, Enquiry, Found
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.values import About, Step

T = TypeVar("T", bound=Found)


class Heard(NamedTuple):
    """`steps` are what is to be said of the asking itself; without `answer` there is nothing else to go by."""

    answer: Answer | None
    steps: tuple[Step, ...] = ()


def consult(case: Case, enquiry: Enquiry, *, about: About = About.NAME) -> Heard:
    """Silent where nobody was asked and nobody could be.

    A question is open while there is no answer, and again when the answer has run its time; until then the old one
    serves, if it is not older than its source may be.
    """
    answer = case.findings.answers.get(enquiry)
    is_open = enquiry.source in case.online and (answer is None or answer.until <= case.at)
    asks = (Step(None, asks=(enquiry,), about=about),) if is_open else ()
    if answer is None:
        return Heard(None, (*asks, _said(case, enquiry, "not asked", about)) if is_open else ())
    if answer.failure:
        return Heard(None, (*asks, _said(case, enquiry, f"did not answer: {answer.failure}", about, answer)))
    if case.has_expired(enquiry.source, answer.at):
        old = f"not used: it answered on {answer.at.date().isoformat()}, too long ago"
        return Heard(None, (*asks, _said(case, enquiry, old, about, answer)))
    return Heard(answer, asks)


def found_in(answer: Answer, kind: type[T]) -> T | None:
    """What the source knows, if it speaks of such things at all."""
    return answer.found if isinstance(answer.found, kind) else None


def _said(case: Case, enquiry: Enquiry, answered: str, about: About, answer: Answer | None = None) -> Step:
    at = answer.at if answer is not None else case.at
    return Step(case.evidence(enquiry.source, enquiry.subject, answered, at=at), about=about)

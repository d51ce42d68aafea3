"""A difference in a sentence, for whoever is called at night."""

from typing import assert_never

from services.intake.domain.reconciliation.differences import Difference, Kind


def sentence(difference: Difference) -> str:
    """What differs, where, and by how many."""
    return f"{_subject(difference)}: {_finding(difference)}"


def _subject(difference: Difference) -> str:
    return f"Submission {difference.submission_id}" if difference.submission_id else f"Mails of {difference.day}"


def _finding(difference: Difference) -> str:
    giver, _, taker = difference.border.partition(" → ")
    things = "notifications" if difference.day else "records"
    expected, found, by = (
        f"{number:,}" for number in (difference.expected, difference.found, abs(difference.expected - difference.found))
    )
    match difference.kind:
        case Kind.UNKNOWN:
            return f"intake does not know it, and the services have {found} records of it."
        case Kind.MISCOUNTED:
            return f"its receipt counts {found} as {difference.outcome}, and {expected} of its records are."
        case Kind.CONFLICT:
            return f"{found} records were given a second, different, final outcome; the first stands."
        case Kind.MISSING:
            return f"{giver} handed on {expected} {things} and {taker} has {found}: {by} missing."
        case Kind.TOO_MANY:
            return f"{taker} has {found} {things} and {giver} handed on {expected}: {by} too many."
        case Kind.UNHEARD:
            return (
                f"the services say that {expected} ended as {difference.outcome}, "
                f"intake has heard of {found}: {by} missing."
            )
        case Kind.UNFOUNDED:
            return (
                f"intake says that {found} ended as {difference.outcome}, the services say {expected}: {by} too many."
            )
        case _:
            assert_never(difference.kind)

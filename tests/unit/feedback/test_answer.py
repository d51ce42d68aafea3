"""What an answer is."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from libs.common.contracts import NotifiedTarget, Recipient
from libs.common.vocabulary import FeedbackKind, Language, RecipientKind
from services.feedback.domain.answer import Answer, AnswerForm, answer, can_opt_out, event_of_answer
from services.feedback.domain.notification import Notification
from services.feedback.domain.rating import Incomplete

NOW = datetime(2026, 5, 9, 10, 42, tzinfo=UTC)
LATER = datetime(2026, 5, 10, 8, 0, tzinfo=UTC)
FIRST, SECOND = UUID(int=1), UUID(int=2)
MAIL = Notification(
    notification_id=UUID(int=9),
    reference="TOC-0000000000",
    recipient_key="it@example.com",
    language=Language.DUTCH,
    incident="open-smb",
    subject="Warning",
    sent_at=NOW,
    targets=(
        NotifiedTarget(target_id=UUID(int=11), threat_id=FIRST, asset="192.0.2.1"),
        NotifiedTarget(target_id=UUID(int=12), threat_id=SECOND, asset="192.0.2.2"),
    ),
    traceparent="00-trace",
)


def answered(form: AnswerForm, *, now: datetime = NOW) -> Answer:
    given = answer(MAIL, form, now=now)
    assert isinstance(given, Answer)
    return given


def test_nothing_ticked_means_all_threats() -> None:
    assert answered(AnswerForm(kind="fixed")).threat_ids == (FIRST, SECOND)


def test_only_what_is_ticked_is_meant() -> None:
    assert answered(AnswerForm(kind="fixed", threats=(str(SECOND),))).threat_ids == (SECOND,)


def test_a_threat_of_somebody_else_can_not_be_answered_for() -> None:
    stranger = str(UUID(int=77))

    assert answered(AnswerForm(kind="fixed", threats=(stranger, str(FIRST)))).threat_ids == (FIRST,)


def test_a_kind_that_is_not_offered_is_no_answer() -> None:
    for kind in ("", "rating", "bounce", "FIXED"):
        assert answer(MAIL, AnswerForm(kind=kind, text="x"), now=NOW) == Incomplete(("kind",))


def test_a_question_and_a_false_positive_want_words() -> None:
    for kind in ("question", "false-positive"):
        assert answer(MAIL, AnswerForm(kind=kind, text=" \u200b\n"), now=NOW) == Incomplete(("text",))


def test_the_same_answer_later_is_the_same_feedback() -> None:
    once = answered(AnswerForm(kind="fixed"))
    again = answered(AnswerForm(kind="fixed", threats=(str(SECOND), str(FIRST)), text="really"), now=LATER)

    assert once.feedback_id == again.feedback_id


def test_another_kind_or_another_threat_is_another_feedback() -> None:
    forms = (
        AnswerForm(kind="fixed"),
        AnswerForm(kind="not-ours"),
        AnswerForm(kind="fixed", threats=(str(FIRST),)),
    )

    assert len({answered(form).feedback_id for form in forms}) == 3


def test_a_second_question_is_not_the_first() -> None:
    first, second = (answered(AnswerForm(kind="question", text=text)) for text in ("How?", "When?"))

    assert first.feedback_id != second.feedback_id


def test_opting_out_is_about_everything_whatever_is_ticked() -> None:
    given = answered(AnswerForm(kind="opt-out", threats=(str(FIRST),)))

    assert given.kind is FeedbackKind.OPT_OUT
    assert given.threat_ids == (FIRST, SECOND)


def test_the_event_names_whom_it_is_about_and_stays_in_the_mails_trace() -> None:
    event = event_of_answer(answered(AnswerForm(kind="false-positive", text="It is a honeypot")), MAIL)

    assert event.notification_id == MAIL.notification_id
    assert event.recipient_key == "it@example.com"
    assert event.threat_ids == (FIRST, SECOND)
    assert event.traceparent == "00-trace"
    assert event.key == "open-smb"


def test_a_team_cannot_opt_out_and_can_say_all_else() -> None:
    team = Recipient(kind=RecipientKind.NATIONAL_CERT, name="CERT", email="it@example.com", language=Language.DUTCH)
    handed_over = msgspec.structs.replace(MAIL, recipient_key=team.key)

    assert not can_opt_out(handed_over)
    assert can_opt_out(MAIL)
    assert answer(handed_over, AnswerForm(kind="opt-out"), now=NOW) == Incomplete(("kind",))
    assert isinstance(answer(handed_over, AnswerForm(kind="fixed"), now=NOW), Answer)

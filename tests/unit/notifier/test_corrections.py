"""What a correction says, in the words that a baker reads; and what becomes of a target that is withdrawn."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from libs.common.contracts import Asset, Recipient
from libs.common.errors import Permanent
from libs.common.ids import derived_id
from libs.common.vocabulary import Language, NotificationKind, RecipientKind, Transport
from services.notifier.domain.corrections.letter import CorrectionLetter, correction_of
from services.notifier.domain.message import Printed, mail_of
from services.notifier.domain.notification import Consignment, State
from services.notifier.domain.withdrawal import (
    Corrected,
    Fate,
    Withdrawn,
    correction_id_of,
    fate_of,
    needs_correction,
    to_correct,
)
from services.notifier.gateway.press import Press
from tests.reading_ease import reading_ease
from tests.unit.notifier.builders import (
    HOUSE,
    NOW,
    TOKENS,
    consignment,
    notification,
    recipient,
    target,
    trying_partner,
)

PRESS = Press()
GOLDEN = Path(__file__).parent / "golden"
ORIGINAL_ID = derived_id("notification", "original")


def corrects(
    *, to: Recipient | None = None, places: int = 1, in_part: bool = False, is_sure: bool = True
) -> Consignment:
    """A correction of a mail about so many places. Not `is_sure`: nobody knows whether that mail arrived."""
    to = to or recipient()
    original = notification(to=to, sent_at=NOW if is_sure else None)
    wrong = [
        target(to=to, asset=Asset(ip=f"192.0.2.{place + 1}", port=445, transport=Transport.TCP))
        for place in range(places)
    ]
    about = msgspec.structs.replace(notification(to=to), kind=NotificationKind.CORRECTION, corrects=ORIGINAL_ID)
    return msgspec.structs.replace(
        consignment(*wrong, about=about),
        original=msgspec.structs.replace(original, id=ORIGINAL_ID, reference="TOC-0123456789"),
        rest_holds=in_part,
    )


def write(of: Consignment) -> tuple[CorrectionLetter, Printed]:
    language = of.notification.recipient.language
    letter = correction_of(
        of, words=PRESS.correction_words(language), common=PRESS.words(language), house=HOUSE, tokens=TOKENS
    )
    return letter, PRESS.print_correction(letter)


@pytest.mark.parametrize("language", list(Language))
def test_a_correction_reads_as_somebody_has_read_it(language: Language) -> None:
    """A changed word is read again by a person, who then changes the golden file."""
    letter, printed = write(corrects(to=recipient(language=language), places=2, in_part=True))
    told = f"Subject: {letter.subject}\n\n{printed.text}\n"
    assert told == (GOLDEN / f"correction.{language}.txt").read_text()


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(RecipientKind))
@pytest.mark.parametrize("places", [1, 2, 11])
@pytest.mark.parametrize("in_part", [False, True])
@pytest.mark.parametrize("is_sure", [False, True])
def test_every_correction_is_complete_and_easy_to_read(
    language: Language, kind: RecipientKind, places: int, in_part: bool, is_sure: bool
) -> None:
    to = recipient(language=language, kind=kind)

    letter, printed = write(corrects(to=to, places=places, in_part=in_part, is_sure=is_sure))

    for part in (letter.subject, printed.text, printed.html.partition("</style>")[2]):
        assert "{" not in part
        assert "None" not in part
    for part in (" ".join(printed.text.split()), " ".join(printed.html.split())):
        for said in (
            letter.title,
            letter.told,
            letter.verdict,
            letter.rest,
            letter.changed,
            letter.passed_on,
            "TOC-0123456789",
        ):
            assert said in part
        assert letter.notification.reference in part
        assert "192[.]0[.]2[.]1" in part
        assert "tocsin.example/verify" in part
        assert "/r/" not in part, "there is nothing to fix or to deny"
        assert "/f/" not in part, "and nothing to rate"
    assert max(len(line) for line in printed.text.splitlines()) <= 78
    prose = (letter.title, letter.verdict, letter.words.phrases.nothing, letter.changed, letter.passed_on)
    assert reading_ease(" ".join(prose), language) >= 60


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("in_part", [False, True])
@pytest.mark.parametrize("is_sure", [False, True])
@pytest.mark.parametrize("places", [1, 2])
def test_a_team_was_handed_something_over_and_never_warned(
    language: Language, in_part: bool, is_sure: bool, places: int
) -> None:
    team = recipient(language=language, kind=RecipientKind.NATIONAL_CERT)
    letter, printed = write(corrects(to=team, places=places, in_part=in_part, is_sure=is_sure))
    said = f"{letter.subject} {letter.title} {letter.told} {letter.verdict} {letter.rest} {letter.passed_on}"
    for word in ("warning", "warned you", "waarschuwing", "waarschuwen", "onze melding", "Warnung"):
        assert word not in said
        assert word not in " ".join(printed.text.split())
    hand_over = {Language.DUTCH: "overdracht", Language.ENGLISH: "hand-over"}.get(language, "Übergabe")
    assert hand_over in letter.subject


def test_only_what_holds_in_part_says_so() -> None:
    whole, _ = write(corrects())
    part, _ = write(corrects(in_part=True))
    assert (whole.title, whole.rest) == ("Onze melding klopte niet.", "")
    assert (part.title, part.rest != "") == ("Onze melding klopte voor een deel niet.", True)


def test_more_than_ten_places_come_as_an_attachment_with_all_of_them() -> None:
    letter, printed = write(corrects(places=12))
    assert len(letter.wrong) == 10
    assert "En nog 2 meer." in printed.text
    [spreadsheet] = letter.attachments
    assert len(spreadsheet.content.splitlines()) == 1 + 12


def test_a_correction_of_a_test_says_that_it_is_one_and_names_nobody() -> None:
    letter, printed = write(corrects(to=trying_partner()))
    assert letter.subject.startswith("TEST: Correctie: ")
    assert printed.text.startswith("DIT IS EEN TEST van demo.")
    assert "Beste [de organisatie]," in printed.text


def test_nothing_of_others_becomes_markup() -> None:
    _, printed = write(corrects(to=recipient(name="Jansen & <b>Zoon</b> {reference}")))
    assert "Jansen &amp; &lt;b&gt;Zoon&lt;/b&gt; {reference}" in printed.html
    assert "Jansen & <b>Zoon</b> {reference}" in printed.text


def test_a_correction_belongs_to_the_mail_that_was_wrong() -> None:
    of = corrects()
    letter, printed = write(of)

    content = mail_of(letter, printed, house=HOUSE, now=NOW).content
    message = message_from_bytes(content, policy=policy.default)

    assert isinstance(message, EmailMessage)
    assert message["In-Reply-To"] == message["References"] == f"<{ORIGINAL_ID}@tocsin.example>"
    assert message["Message-ID"] == f"<{of.notification.id}@tocsin.example>"
    assert message["Reply-To"] == f"Tocsin <desk+{of.notification.reference}@tocsin.example>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_what_corrects_nothing_is_not_written() -> None:
    with pytest.raises(Permanent):
        write(consignment())


def withdrawn(
    state: State,
    *,
    settled: bool = False,
    may_have_arrived: bool = False,
    is_corrected: bool = False,
    corrects: bool = True,
    mail: UUID = ORIGINAL_ID,
) -> Withdrawn:
    return Withdrawn(
        notification_id=mail,
        state=state,
        settled=settled,
        may_have_arrived=may_have_arrived,
        is_left_out=False,
        is_corrected=is_corrected,
        corrects=corrects,
        withdrawal_id=UUID(int=1),
        by="anna",
        target=target(),
    )


CASES = [
    *((withdrawn(state), Fate.TAKEN_OUT, False) for state in (State.PLANNED, State.AWAITING_APPROVAL, State.QUEUED)),
    (withdrawn(State.DEFERRED), Fate.TAKEN_OUT, False),
    (withdrawn(State.DEFERRED, may_have_arrived=True), Fate.KEPT, True),
    (withdrawn(State.QUEUED, settled=True), Fate.LEFT_OUT, False),
    (withdrawn(State.QUEUED, settled=True, may_have_arrived=True), Fate.LEFT_OUT, True),
    (withdrawn(State.SENDING), Fate.KEPT, True),
    (withdrawn(State.IN_DOUBT, may_have_arrived=True), Fate.KEPT, True),
    (withdrawn(State.SENT, settled=True, may_have_arrived=True), Fate.KEPT, True),
    (withdrawn(State.SENT, settled=True, may_have_arrived=True, is_corrected=True), Fate.KEPT, False),
    (withdrawn(State.SENT, settled=True, may_have_arrived=True, corrects=False), Fate.KEPT, False),
    (withdrawn(State.FAILED, settled=True), Fate.KEPT, False),
    (withdrawn(State.FAILED, settled=True, may_have_arrived=True), Fate.KEPT, True),
    (withdrawn(State.CANCELLED, settled=True), Fate.KEPT, False),
]


@pytest.mark.parametrize(("case", "fate", "is_told"), CASES, ids=lambda value: getattr(value, "state", None))
def test_what_becomes_of_a_withdrawn_target_depends_on_where_its_mail_is(
    case: Withdrawn, fate: Fate, is_told: bool
) -> None:
    assert (fate_of(case), needs_correction(case)) == (fate, is_told)


def test_each_threat_of_a_mail_is_corrected_once_and_the_order_does_not_matter() -> None:
    first = withdrawn(State.SENT, settled=True, may_have_arrived=True)
    again = msgspec.structs.replace(first, target=msgspec.structs.replace(target(), threat_id=first.target.threat_id))
    other = msgspec.structs.replace(first, target=target())

    found = to_correct([first, again, other])

    assert found == to_correct([other, again, first])
    assert {each.threat_id for each in found[ORIGINAL_ID]} == {first.target.threat_id, other.target.threat_id}
    assert len(found[ORIGINAL_ID]) == 2


def test_the_id_of_a_correction_follows_from_what_opens_it() -> None:
    opens = Corrected(ORIGINAL_ID, UUID(int=2), UUID(int=3))
    assert correction_id_of(opens) == correction_id_of(Corrected(ORIGINAL_ID, UUID(int=2), UUID(int=3)))
    assert correction_id_of(opens) != correction_id_of(Corrected(ORIGINAL_ID, UUID(int=2), UUID(int=4)))

"""What is handed over to a national or sector team: the mail it gets, what the partner hears, and what stops it."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import msgspec
import pytest

from libs.common.contracts import Asset, HandOver, IndicatorSettled, NotificationSent, TargetAttributed, address_of
from libs.common.ids import derived_id
from libs.common.vocabulary import Language, NotificationKind, RecipientKind, Severity, Tlp
from services.notifier.domain.amount.repeats import Told
from services.notifier.domain.corrections.letter import CorrectionLetter, correction_of
from services.notifier.domain.letter import Letter, letter_of
from services.notifier.domain.message import mail_of
from services.notifier.domain.notification import Consignment
from services.notifier.domain.outcome import events_of, nameless
from services.notifier.domain.planning import (
    History,
    Planned,
    PlanningPolicy,
    Suppressed,
    Suppression,
    SuppressionReason,
    Warned,
    plan,
)
from services.notifier.domain.replies import Failed, Sent
from services.notifier.gateway.press import Press
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
POLICY = PlanningPolicy(windows=dict.fromkeys(Severity, timedelta(minutes=5)), repeat_interval=timedelta(days=14))
CERT = recipient(
    kind=RecipientKind.NATIONAL_CERT, name="NCSC Voorbeeld", email="in@cert.example", language=Language.DUTCH
)
HOSPITAL = HandOver(reason="vital-organisation", organisation="Ziekenhuis Zuid")
languages = pytest.mark.parametrize("language", list(Language))


def handed_over(
    *, ip: str = "192.0.2.1", because: HandOver | None = HOSPITAL, tlp: Tlp | None = None, incident: str = "open-smb"
) -> TargetAttributed:
    made = target(asset=Asset(ip=ip), to=CERT, incident=incident)
    return msgspec.structs.replace(
        made, handed_over=because, indicator=msgspec.structs.replace(made.indicator, tlp=tlp)
    )


def hand_over(*targets: TargetAttributed, language: Language = Language.DUTCH) -> Consignment:
    to = msgspec.structs.replace(CERT, language=language)
    return consignment(*(targets or (handed_over(),)), about=notification(to=to))


def written(of: Consignment) -> tuple[Letter, str]:
    letter = letter_of(of, words=PRESS.words(of.notification.recipient.language), house=HOUSE, tokens=TOKENS)
    return letter, PRESS.print(letter).text


def mailed(of: Consignment) -> EmailMessage:
    letter, _ = written(of)
    message = message_from_bytes(
        mail_of(letter, PRESS.print(letter), house=HOUSE, now=NOW).content, policy=policy.default
    )
    assert isinstance(message, EmailMessage)
    return message


def corrected(*wrong: TargetAttributed) -> CorrectionLetter:
    original = notification(to=CERT, sent_at=NOW)
    about = msgspec.structs.replace(original, kind=NotificationKind.CORRECTION, corrects=original.id)
    made = msgspec.structs.replace(consignment(*wrong, about=about), original=original)
    words = PRESS.correction_words(Language.DUTCH)
    return correction_of(made, words=words, common=PRESS.words(Language.DUTCH), house=HOUSE, tokens=TOKENS)


def test_the_mail_says_first_whom_it_concerns_why_it_is_theirs_and_who_may_know() -> None:
    letter, text = written(hand_over())

    assert "1 adres, vandaag of morgen [TLP:AMBER]" in letter.subject
    beginning = text[:900]
    assert "Betreft: Ziekenhuis Zuid" in beginning
    assert "Waarom u: Het gaat om een vitale of essentiële organisatie." in beginning
    assert "Delen: TLP:AMBER" in beginning


@languages
@pytest.mark.parametrize("reason", ["vital-organisation", "sector", "foreign-network", "a-reason-of-tomorrow"])
def test_every_reason_has_a_sentence_and_one_that_we_do_not_know_is_told_as_it_is(
    language: Language, reason: str
) -> None:
    _, text = written(hand_over(handed_over(because=HandOver(reason=reason)), language=language))

    assert (f"({reason})" in " ".join(text.split())) is (reason == "a-reason-of-tomorrow")
    assert PRESS.words(language).facts.unknown in text


def test_several_organisations_are_counted_at_the_top_and_named_at_their_findings() -> None:
    others = [
        handed_over(ip=f"192.0.2.{place}", because=HandOver(reason="sector", organisation=name))
        for place, name in enumerate(("Waterschap Noord", "Netbeheer Oost"), 2)
    ]

    letter, text = written(hand_over(handed_over(), *others))

    assert letter.facts[0] == ("Betreft", "3 organisaties; zie de bevindingen")
    assert [label for label, _ in letter.facts].count("Waarom u") == 2
    for name in ("Ziekenhuis Zuid", "Waterschap Noord", "Netbeheer Oost"):
        assert f"Betreft: {name}" in text


def test_the_strictest_sharing_of_any_finding_holds_for_all_and_amber_where_none_is_said() -> None:
    free, strict = handed_over(tlp=Tlp.CLEAR), handed_over(ip="192.0.2.9", tlp=Tlp.AMBER_STRICT)

    assert "TLP:AMBER+STRICT" in written(hand_over(free, strict))[1]
    assert "TLP:CLEAR" in written(hand_over(free))[1]
    assert "TLP:AMBER" in written(hand_over(free, handed_over(ip="192.0.2.8")))[1]


@languages
def test_it_does_not_speak_to_them_as_if_it_were_theirs(language: Language) -> None:
    registered = msgspec.structs.replace(target().evidence[1], source="registered-range", answered="192.0.2.0/24")
    letter, text = written(hand_over(msgspec.structs.replace(handed_over(), evidence=(registered,)), language=language))

    words = PRESS.words(language)
    assert letter.because == [words.evidence_told_to_teams["registered-range"]]
    assert words.evidence["registered-range"] not in text
    assert words.evidence.keys() == words.evidence_told_to_teams.keys()


def test_it_carries_a_table_and_reports_and_says_so() -> None:
    of = hand_over()
    reference = of.notification.reference

    files = {file.get_filename(): file.get_content_type() for file in mailed(of).iter_attachments()}

    assert files == {f"findings-{reference}.csv": "text/csv", f"xarf-{reference}.json": "application/json"}
    assert all(str(name) in " ".join(written(of)[1].split()) for name in files)


@pytest.mark.parametrize("findings", [1, 11])
def test_network_owners_get_both_too_and_organisations_a_spreadsheet_of_what_does_not_fit(findings: int) -> None:
    names: dict[RecipientKind, list[str | None]] = {}
    for kind in (RecipientKind.NETWORK_OWNER, RecipientKind.ORGANISATION):
        to = recipient(kind=kind)
        found = [target(asset=Asset(ip=f"192.0.2.{place}"), to=to) for place in range(findings)]
        files = mailed(consignment(*found, about=notification(to=to))).iter_attachments()
        names[kind] = [file.get_filename() for file in files]

    reference = notification().reference
    assert names == {
        RecipientKind.NETWORK_OWNER: [f"findings-{reference}.csv", f"xarf-{reference}.json"],
        RecipientKind.ORGANISATION: [f"gevonden-{reference}.csv"] if findings == 11 else [],
    }


def test_what_did_not_fit_into_the_files_is_said() -> None:
    url = "https://www.jansen.example/" + "x" * 1900
    many = [
        msgspec.structs.replace(handed_over(), indicator=target(asset=Asset(url=f"{url}{place}")).indicator)
        for place in range(10_000)
    ]

    letter, text = written(hand_over(*many))

    table, reports = letter.attachments
    assert table.told == 10_000
    assert reports.told < 10_000
    assert f"de eerste {reports.told} van 10000; de tabel bevat ze allemaal" in " ".join(text.split())


def test_no_header_of_it_ends_it_by_one_click() -> None:
    message = mailed(hand_over())

    assert message["List-Unsubscribe-Post"] is None
    assert "https" not in message["List-Unsubscribe"]
    assert message["Auto-Submitted"] == "auto-generated"


def test_a_test_of_it_names_nobody_and_says_what_it_would_be() -> None:
    partner = trying_partner(kind=RecipientKind.NATIONAL_CERT)
    of = consignment(msgspec.structs.replace(handed_over(), recipient=partner), about=notification(to=partner))

    letter, text = written(of)

    assert text.startswith("DIT IS EEN TEST van demo.")
    assert letter.subject.startswith("TEST: Overdracht aan [het team]")
    assert "Ziekenhuis" not in text


def test_a_correction_has_the_table_and_no_reports_which_would_read_as_news() -> None:
    letter = corrected(handed_over())

    [table] = letter.attachments
    assert table.name.endswith(".csv")
    assert table.name in letter.attached
    assert "xarf" not in PRESS.print_correction(letter).text.lower()
    assert "afmeldknop" not in PRESS.print_correction(letter).text


def test_a_partner_hears_that_it_was_handed_over_once_the_relay_has_the_mail() -> None:
    sent, *settled = events_of(hand_over(), Sent(250, "taken"), subject="s", now=NOW)

    assert isinstance(sent, NotificationSent)
    assert sent.recipient_kind is RecipientKind.NATIONAL_CERT
    [told] = settled
    assert isinstance(told, IndicatorSettled)
    assert (told.outcome, told.reason) == ("out-of-scope", "handed-over")
    assert "NCSC" not in told.message
    assert nameless(told.message) == told.message


def test_what_could_not_be_handed_over_has_failed() -> None:
    [told] = events_of(hand_over(), Failed("dead-address", "5.1.1 no", 550), subject="s", now=NOW)

    assert isinstance(told, IndicatorSettled)
    assert (told.outcome, told.reason) == ("failed", "dead-address")


def test_a_team_is_told_of_the_same_threat_once_within_the_interval() -> None:
    known = handed_over()
    told = Told(first=derived_id("first"), first_at=NOW, last_at=NOW, mails=1, severity=Severity.HIGH)
    history = History(told={Warned(CERT.key, known.threat_id): told})

    [decision] = plan([known], history=history, policy=POLICY, now=NOW)

    assert isinstance(decision, Suppressed)
    assert decision.reason == "interval"


def test_what_a_team_has_by_copies_alone_is_news_when_it_is_to_act_and_none_as_another_copy() -> None:
    known = handed_over()
    copies = Told(
        first=derived_id("first"), first_at=NOW, last_at=NOW, mails=1, severity=Severity.HIGH, by_copies_alone=True
    )
    history = History(told={Warned(CERT.key, known.threat_id): copies})
    copy = msgspec.structs.replace(known, copy_of=derived_id("of the organisation"))

    [to_act, to_know] = plan([known, copy], history=history, policy=POLICY, now=NOW)

    assert isinstance(to_act, Planned)
    assert to_act.reminder is None
    assert isinstance(to_know, Suppressed)
    assert to_know.reason == "interval"


@pytest.mark.parametrize("value", ["in@cert.example", "cert.example"])
@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_only_a_person_ends_hand_overs(value: str, reason: SuppressionReason) -> None:
    history = History(suppressions=[Suppression(value=value, reason=reason)])

    [decision] = plan([handed_over()], history=history, policy=POLICY, now=NOW)

    assert isinstance(decision, Suppressed) is (reason is SuppressionReason.OPERATOR)


def test_the_narrow_word_of_a_machine_does_not_hide_the_wide_one_of_a_person() -> None:
    machine = Suppression(value="in@cert.example", reason=SuppressionReason.OPT_OUT)
    person = Suppression(value="cert.example", reason=SuppressionReason.OPERATOR)

    [decision] = plan([handed_over()], history=History(suppressions=[machine, person]), policy=POLICY, now=NOW)

    assert isinstance(decision, Suppressed)
    assert decision.reason == SuppressionReason.OPERATOR


def test_a_team_that_is_also_the_desk_of_its_own_network_is_two_recipients_with_one_address() -> None:
    desk = msgspec.structs.replace(CERT, kind=RecipientKind.NETWORK_OWNER)

    assert desk.key != CERT.key
    assert address_of(desk.key) == address_of(CERT.key) == "in@cert.example"

"""What a mail says, for every language and kind of recipient."""

import re
import time
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from libs.common.contracts import Asset, Evidence, IncidentChanged, Product, Recipient, Reopened, TargetAttributed
from libs.common.errors import Permanent
from libs.common.ids import derived_id
from libs.common.vocabulary import IncidentState, Language, RecipientKind, Severity, Transport
from services.notifier.domain.letter import Letter, letter_of
from services.notifier.domain.message import Printed
from services.notifier.domain.notification import Consignment, Notification
from services.notifier.gateway.press import Press
from tests.unit.notifier.builders import (
    HOUSE,
    NOW,
    TOKENS,
    advisory,
    consignment,
    incident,
    notification,
    recipient,
    target,
    trying_partner,
)

PRESS = Press()
BIDI_AND_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def write(mail: Consignment) -> tuple[Letter, Printed]:
    words = PRESS.words(mail.notification.recipient.language)
    letter = letter_of(mail, words=words, house=HOUSE, tokens=TOKENS)
    return letter, PRESS.print(letter)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(RecipientKind))
@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("targets", [1, 2, 11])
def test_every_mail_is_complete(language: Language, kind: RecipientKind, severity: Severity, targets: int) -> None:
    to = recipient(kind=kind, language=language)
    found = [target(asset=Asset(ip=f"192.0.2.{place}"), to=to) for place in range(targets)]

    letter, printed = write(consignment(*found, about=notification(to=to, severity=severity)))

    for part in (letter.subject, printed.text, printed.html):
        assert "{" not in re.sub(r"<style>.*</style>", "", part, flags=re.DOTALL)
        assert "None" not in part
        assert "Undefined" not in part
    for part in (printed.text, printed.html):
        assert letter.notification.reference in part
        assert "https://tocsin.example/r/recipient-token" in part
        assert ("https://tocsin.example/f/rating-token" in part) is (kind is not RecipientKind.NATIONAL_CERT)
        assert "tocsin.example/verify" in part
        assert "Sluit poort 445." in part
        assert "192[.]0[.]2[.]0" in part


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(RecipientKind))
def test_after_the_greeting_the_first_lines_say_what_to_do_now(language: Language, kind: RecipientKind) -> None:
    to = recipient(kind=kind, language=language)
    letter, printed = write(consignment(target(to=to), about=notification(to=to)))

    greeting, heading, *_ = (line for line in printed.text.splitlines() if line)
    assert greeting == letter.say(letter.kind.greeting)
    assert heading == f"{letter.words.headings.first_step.upper()} ({letter.urgency})"
    said = (letter.kind.first_step, letter.kind.problem, letter.kind.who_we_are)
    for part in (printed.text, printed.html.partition("</style>")[2]):
        places = [_in_a_line(part).index(_in_a_line(letter.say(sentence))) for sentence in said]
        assert places == sorted(places)


def test_the_subject_says_to_whom_what_and_by_when_and_only_a_critical_one_is_urgent() -> None:
    calm, _ = write(consignment())
    urgent, _ = write(consignment(about=notification(severity=Severity.CRITICAL)))

    reference = calm.notification.reference
    assert calm.subject == (
        "Beveiligingsmelding voor Bakkerij Jansen: uw gedeelde mappen zijn vanaf internet te bereiken, "
        f"vandaag of morgen [{reference}]"
    )
    assert urgent.subject.startswith("Dringende beveiligingsmelding voor Bakkerij Jansen: ")
    assert urgent.subject.endswith(f", vandaag nog [{reference}]")


def _first(about: Notification) -> Notification:
    return msgspec.structs.replace(about, is_first_to_recipient=True)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(RecipientKind))
def test_the_first_mail_to_a_recipient_says_who_we_are_and_no_later_one(
    language: Language, kind: RecipientKind
) -> None:
    to = recipient(kind=kind, language=language)
    about = notification(to=to)

    first, first_printed = write(consignment(target(to=to), about=_first(about)))
    later, later_printed = write(consignment(target(to=to), about=about))

    assert first.introduction == first.say(first.kind.introduction)
    assert later.introduction == ""
    for part in (first_printed.text, first_printed.html):
        assert first.introduction in _in_a_line(part)
    for part in (later_printed.text, later_printed.html):
        assert first.introduction not in _in_a_line(part)


@pytest.mark.parametrize("language", list(Language))
def test_where_findings_differ_each_says_how_sure_we_are_and_why_it_is_theirs(language: Language) -> None:
    to = recipient(language=language)
    of = [target(asset=Asset(ip=f"192.0.2.{host}"), to=to) for host in (1, 2)]
    of[1] = msgspec.structs.replace(of[1], grade="D4")

    letter, printed = write(consignment(*of, about=notification(to=to)))

    assert not letter.is_same_for_all
    for part in (_in_a_line(printed.text), _in_a_line(printed.html)):
        assert part.count(letter.words.graded("B2")) == 1
        assert part.count(letter.words.graded("D4")) == 1
        assert part.count(letter.because[0]) == 2


@pytest.mark.parametrize("language", list(Language))
def test_what_holds_for_all_findings_is_said_once(language: Language) -> None:
    to = recipient(language=language)
    of = [target(asset=Asset(ip=f"192.0.2.{host}"), to=to) for host in (1, 2, 3)]

    letter, printed = write(consignment(*of, about=notification(to=to)))

    for part in (_in_a_line(printed.text), _in_a_line(printed.html)):
        assert part.count(letter.words.graded("B2")) == 1
        assert part.count(letter.because[0]) == 1


def test_a_network_owner_is_asked_to_pass_it_on() -> None:
    to = recipient(kind=RecipientKind.NETWORK_OWNER, name="Voorbeeld Hosting B.V.")

    letter, printed = write(consignment(target(to=to), about=notification(to=to)))

    assert "1 adres in uw netwerk (open-smb)" in letter.subject
    assert "Geef deze melding alstublieft door aan de klant" in printed.text


@pytest.mark.parametrize("kind", list(RecipientKind))
def test_an_address_with_two_open_ports_is_one_address(kind: RecipientKind) -> None:
    to = recipient(kind=kind)
    ports = [target(asset=Asset(ip="192.0.2.1", port=port, transport=Transport.TCP), to=to) for port in (139, 445)]

    letter, printed = write(consignment(*ports, about=notification(to=to)))

    assert letter.say("{addresses}") == "1 adres"
    assert re.search(r"ezien op 192\[\.\]0\[\.\]2\[\.\]1, het laatst", printed.text)
    assert len(letter.findings) == 2


def test_a_step_of_attribution_that_found_nothing_is_no_reason() -> None:
    letter, _ = write(consignment())

    assert len(letter.because) == 1


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(
    ("answered", "network"),
    [
        (
            "192.0.2.0/24 BAKERY-NET: abuse@provider.example, inherited from 192.0.0.0/16",
            "192[.]0[.]2[.]0/24 BAKERY-NET",
        ),
        ("2001:db8::/32 BAKERY-6: abuse@provider.example", "2001:db8::/32 BAKERY-6"),
        ("AS64500 BAKERY-AS: abuse@provider.example", "AS64500 BAKERY-AS"),
    ],
)
def test_a_registrys_answer_is_told_as_the_network_alone(language: Language, answered: str, network: str) -> None:
    to = recipient(language=language)

    letter, _ = write(consignment(target(to=to, evidence=answered), about=notification(to=to)))

    [reason] = letter.because
    assert reason.partition(": ")[2] == f"{network}."


def test_more_than_ten_findings_come_as_an_attachment_with_all_of_them() -> None:
    found = [target(asset=Asset(ip=f"192.0.2.{place}")) for place in range(23)]

    letter, printed = write(consignment(*found))

    assert len(letter.findings) == 10
    assert "En nog 13 meer." in printed.text
    [spreadsheet] = letter.attachments
    assert len(spreadsheet.content.splitlines()) == 1 + 23


def test_the_same_place_twice_is_told_once_with_its_whole_time() -> None:
    letter, printed = write(consignment(target(hours_ago=1), target(hours_ago=30)))

    assert len(letter.findings) == 1
    assert "Eerst gezien: 26 feb 2026, 06:00 UTC\n   Laatst gezien: 1 mrt 2026, 11:00 UTC\n" in printed.text


@pytest.mark.parametrize(("language", "seen"), [(Language.DUTCH, "Gezien"), (Language.ENGLISH, "Seen")])
def test_what_was_seen_once_has_one_moment(language: Language, seen: str) -> None:
    to = recipient(language=language)
    once = target(to=to, hours_ago=1, first_seen_hours_ago=1)

    letter, printed = write(consignment(once, about=notification(to=to)))

    [finding], columns = letter.findings, letter.words.columns
    assert f"{seen}: {letter.words.at(finding.last_seen_at)}" in printed.text
    assert f">{seen}</th>" in printed.html
    for label in (columns.first_seen, columns.last_seen):
        assert label.lower() not in printed.text.lower()
        assert label.lower() not in printed.html.lower()


@pytest.mark.parametrize(
    ("product", "what"),
    [
        (Product(vendor="Apache", name="httpd", version="2.4.49"), "Apache httpd 2.4.49"),
        (Product(name="NetScaler", version="13.1-49.15"), "NetScaler 13.1-49.15"),
        (Product(name="node.js", version="v20.1"), "node[.]js v20.1"),
        (Product(name="evil.example/1.2"), "evil[.]example/1[.]2"),
        (Product(name="evil.example.2"), "evil[.]example[.]2"),
        (Product(name="http://192.0.2.1/4.2"), "hxxp://192[.]0[.]2[.]1/4[.]2"),
        (Product(name="evil\u200b.example"), "evil[.]example"),
    ],
)
def test_the_dots_of_a_version_number_stay_and_no_others(product: Product, what: str) -> None:
    letter, _ = write(consignment(target(product=product)))
    assert [finding.what for finding in letter.findings] == [what]


@pytest.mark.parametrize(
    ("asset", "where"),
    [
        (Asset(ip="192.0.2.1"), "192[.]0[.]2[.]1"),
        (Asset(ip="192.0.2.1", domain="jansen.example"), "jansen[.]example (192[.]0[.]2[.]1)"),
        (Asset(domain="jansen.example", email="a@jansen.example"), "a[@]jansen[.]example"),
        (Asset(asn=64500), "AS64500"),
    ],
)
def test_a_finding_says_the_name_and_the_address_of_its_place(asset: Asset, where: str) -> None:
    letter, _ = write(consignment(target(asset=asset)))
    assert [finding.where for finding in letter.findings] == [where]


def test_two_places_behind_one_name_are_two_findings() -> None:
    sites = [Asset(ip=f"192.0.2.{host}", url="http://jansen.example/") for host in (1, 2)]
    letter, _ = write(consignment(*(target(asset=site) for site in sites)))
    assert len(letter.findings) == 2


def test_the_worst_findings_come_first() -> None:
    low = target(asset=Asset(ip="192.0.2.1"), severity=Severity.LOW)
    high = target(asset=Asset(ip="192.0.2.9"), severity=Severity.CRITICAL)

    letter, _ = write(consignment(low, high))

    assert [finding.where for finding in letter.findings] == ["192[.]0[.]2[.]9", "192[.]0[.]2[.]1"]


def test_nothing_of_a_partner_becomes_markup_or_a_link() -> None:
    nasty = Asset(url="http://evil.example/<script>alert(1)</script>", hostname='"><img src=x>.evil.example')
    to = recipient(name="Jansen & <b>Zoon</b>")

    _, printed = write(consignment(target(asset=nasty, to=to), about=notification(to=to)))

    assert "<script" not in printed.html
    assert "<img" not in printed.html
    assert "<b>" not in printed.html
    assert "http://evil" not in printed.html
    assert "evil.example" not in printed.text
    assert "hxxp://evil[.]example" in printed.text
    assert "Jansen &amp; &lt;b&gt;Zoon" in printed.html


def test_bidirectional_and_invisible_characters_do_not_get_through() -> None:
    to = recipient(name="Jansen\u202egpj.exe\u200b B.V.")
    odd = target(asset=Asset(domain="jansen\u202e.example", port=80, transport=Transport.TCP), to=to)

    letter, printed = write(consignment(odd, about=notification(to=to)))

    for part in (letter.subject, printed.text, printed.html):
        assert not BIDI_AND_INVISIBLE.search(part)


def test_placeholders_in_a_recipients_name_stay_text() -> None:
    to = recipient(name="{reference} {0} %s {{ 7 * 7 }}")

    letter, printed = write(consignment(about=notification(to=to)))

    assert "{reference} {0} %s {{ 7 * 7 }}" in letter.subject
    assert "{{ 7 * 7 }}" in printed.text


def test_prose_in_the_text_part_stays_within_78_columns() -> None:
    long = advisory()
    _, printed = write(consignment(of=incident(told=long)))

    assert max(len(line) for line in printed.text.splitlines() if "://" not in line) <= 78


def test_an_advisory_that_is_missing_in_a_language_is_told_in_english() -> None:
    english_only = IncidentChanged(
        slug="open-smb",
        revision=1,
        category="vulnerable/vulnerable-system",
        severity=Severity.HIGH,
        state=IncidentState.APPROVED,
        advisory={Language.ENGLISH: advisory(title="Your folders are open")},
    )

    letter, printed = write(consignment(of=english_only))

    assert letter.advisory.title == "Your folders are open"
    assert letter.notice_of_language.endswith("U leest het daarom in deze taal: English.")
    for part in (_in_a_line(printed.text), _in_a_line(printed.html)):
        assert letter.notice_of_language in part
    assert '<div lang="en">' in printed.html
    assert "WHAT DO YOU DO NOW?" in printed.text, "its headings are in its own language"
    assert "WAT DOET U ALS EERSTE?" in printed.text


def test_an_advisory_that_is_there_has_no_word_about_languages() -> None:
    letter, printed = write(consignment())

    assert letter.notice_of_language == ""
    assert '<div lang="nl">' in printed.html


def test_an_incident_without_any_advisory_can_not_be_written_about() -> None:
    silent = IncidentChanged(
        slug="open-smb",
        revision=1,
        category="vulnerable/vulnerable-system",
        severity=Severity.HIGH,
        state=IncidentState.APPROVED,
        advisory={},
    )

    with pytest.raises(Permanent, match="open-smb has no advisory"):
        write(consignment(of=silent))


def test_ten_thousand_assets_make_one_mail_of_bounded_size_in_bounded_time() -> None:
    found = [target(asset=Asset(ip=f"198.18.{place // 256}.{place % 256}")) for place in range(10_000)]
    started = time.perf_counter()

    letter, printed = write(consignment(*found))

    assert time.perf_counter() - started < 20
    assert len(printed.html) < 60_000
    [spreadsheet] = letter.attachments
    assert spreadsheet.content.count(b"\r\n") == 10_001


def test_a_moment_is_written_as_people_write_it() -> None:
    assert PRESS.words(Language.DUTCH).at(NOW) == "1 mrt 2026, 12:00 UTC"
    assert PRESS.words(Language.ENGLISH).at(NOW) == "1 Mar 2026, 12:00 UTC"


@pytest.mark.parametrize("grade", ["A1", "B2", "C3", "D4", "E5", "F6", "F", ""])
@pytest.mark.parametrize("language", list(Language))
def test_every_grade_has_words(language: Language, grade: str) -> None:
    assert PRESS.words(language).graded(grade)


def test_a_name_keeps_its_capital_where_an_ordinary_word_loses_it() -> None:
    words = PRESS.words(Language.DUTCH)

    assert words.lowered_start("Uw server staat open") == "uw server staat open"
    assert words.lowered_start("Exchange mist updates") == "Exchange mist updates"


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(RecipientKind))
@pytest.mark.parametrize("severity", [Severity.HIGH, Severity.CRITICAL])
def test_a_test_says_so_first_of_all_and_only_to_whom_it_goes(
    language: Language, kind: RecipientKind, severity: Severity
) -> None:
    to = trying_partner(kind=kind, language=language)
    found = msgspec.structs.replace(
        target(to=to), evidence=(Evidence(source="test", asked="", answered="", at=NOW, confidence=0.6),)
    )

    letter, printed = write(consignment(found, about=notification(to=to, severity=severity)))

    stand_in, word = letter.words.kinds[kind].stand_in, "TEST"
    assert letter.subject.startswith(f"{word}: ")
    assert stand_in in letter.subject
    assert word in printed.text.splitlines()[0]
    assert "demo" in " ".join(printed.text[:300].split())
    body = printed.html.partition("<body")[2]
    assert body.index(word) < body.index(stand_in)
    for part in (letter.subject, printed.text, printed.html):
        assert "{" not in re.sub(r"<style>.*</style>", "", part, flags=re.DOTALL)
        assert "RIPE" not in part


def test_a_mail_in_earnest_says_nothing_of_tests() -> None:
    letter, printed = write(consignment())
    for part in (letter.subject, printed.text, printed.html):
        assert "TEST" not in part


FIXED = Reopened(closed_at=NOW - timedelta(days=20), reason="fixed")
CAME_BACK = {
    Language.DUTCH: "Op 9 feb 2026 hoorden wij dat dit was opgelost. Op 1 mrt 2026 is het opnieuw gezien.",
    Language.ENGLISH: "On 9 Feb 2026 we were told that this was fixed. It was seen again on 1 Mar 2026.",
    Language("de"): "Am 9. Feb. 2026 hörten wir, dass dies behoben ist. Am 1. März 2026 wurde es erneut gesehen.",
}


def back(*, to: Recipient, host: int = 1, reopened: Reopened | None = FIXED) -> TargetAttributed:
    return msgspec.structs.replace(target(asset=Asset(ip=f"192.0.2.{host}"), to=to), reopened=reopened)


@pytest.mark.parametrize("language", list(Language))
def test_that_all_of_it_came_back_is_said_at_the_top(language: Language) -> None:
    to = recipient(language=language)
    letter, printed = write(consignment(back(to=to), back(to=to, host=2), about=notification(to=to)))

    assert letter.again == CAME_BACK[language]
    for part in (_in_a_line(printed.text), _in_a_line(printed.html)):
        assert part.count(CAME_BACK[language]) == 1
    assert CAME_BACK[language] in _in_a_line(printed.text[:900])


@pytest.mark.parametrize("language", list(Language))
def test_of_several_places_each_that_came_back_says_so(language: Language) -> None:
    to = recipient(language=language)
    found = [back(to=to), back(to=to, host=2), back(to=to, host=3, reopened=None)]

    letter, printed = write(consignment(*found, about=notification(to=to)))

    assert letter.again == ""
    for part in (_in_a_line(printed.text), _in_a_line(printed.html)):
        assert part.count(CAME_BACK[language]) == 2


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("false-positive", "Op 9 feb 2026 is dit afgedaan als vals alarm. Op 1 mrt 2026 is het opnieuw gezien;"),
        ("not-seen-again", "Tot 9 feb 2026 was dit een tijd niet meer gezien. Op 1 mrt 2026 is het opnieuw gezien."),
        ("a-reason-of-tomorrow", ""),
    ],
)
def test_why_it_had_been_closed_is_told_where_there_are_words_for_it(reason: str, said: str) -> None:
    closed = msgspec.structs.replace(FIXED, reason=reason)
    letter, printed = write(consignment(back(to=recipient(), reopened=closed)))
    assert letter.again.startswith(said)
    assert (letter.again == "") == (said == "")
    assert letter.again in _in_a_line(printed.text)


def test_what_is_new_says_nothing_of_coming_back() -> None:
    letter, printed = write(consignment())
    assert letter.again == ""
    assert "opnieuw gezien" not in printed.text


def test_the_attachment_says_which_came_back() -> None:
    to = recipient()
    letter, _ = write(consignment(*(back(to=to, host=host, reopened=None) for host in range(11)), back(to=to, host=99)))
    [spreadsheet] = letter.attachments
    assert spreadsheet.content.decode().count(CAME_BACK[Language.DUTCH]) == 1


def _in_a_line(text: str) -> str:
    return " ".join(text.split())


GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(RecipientKind))
def test_a_first_mail_reads_as_somebody_has_read_it(language: Language, kind: RecipientKind) -> None:
    """A changed word is read again by a person, who then changes the golden file."""
    to = recipient(kind=kind, language=language)
    found = [target(asset=Asset(ip=f"192.0.2.{host}", port=445, transport=Transport.TCP), to=to) for host in (1, 2)]
    found = [msgspec.structs.replace(each, target_id=derived_id("target", host)) for host, each in enumerate(found)]

    letter, printed = write(consignment(*found, about=_first(notification(to=to))))

    told = f"Subject: {letter.subject}\n\n{printed.text}\n"
    assert told == (GOLDEN / f"first.{kind}.{language}.txt").read_text()

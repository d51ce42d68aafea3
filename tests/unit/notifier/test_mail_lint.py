"""Every mail that we ship shows as it was meant in the programs that people have: see `mail_lint`."""

import re
from collections.abc import Iterator

import msgspec
import pytest

from libs.common.contracts import RegistrationFollowed
from libs.common.vocabulary import Language, RecipientKind
from tests.browser.mails import catalogue, corrected, sent
from tests.unit.notifier.builders import HOUSE
from tests.unit.notifier.mail_lint import MOST_BYTES, Lint
from tests.unit.notifier.test_claims import CLAIM
from tests.unit.notifier.test_claims import write as write_claim
from tests.unit.notifier.test_digests import changed
from tests.unit.notifier.test_digests import printed as printed_digest
from tests.unit.notifier.test_registration_mails import ASKED, FOLLOWED, LATER_NEWS, ask, tell
from tests.unit.notifier.test_reminders_and_round_ups import together, written

LONGEST_LINE = 78
INTAKE_URL = "https://intake.tocsin.example"
NUMBER = re.compile(r"^ *(?:- |\d+\. )?")

languages = pytest.mark.parametrize("language", list(Language))
kinds = pytest.mark.parametrize("kind", list(RecipientKind))


def faults_of(html: str) -> list[str]:
    return Lint(html, own_url=HOUSE.public_url).faults


def faults_in_text(text: str) -> Iterator[str]:
    """A line is short, unless it is one address; and nothing of the HTML is left in it."""
    for line in text.splitlines():
        if len(line) > LONGEST_LINE and " " in NUMBER.sub("", line):
            yield line
        if line != "-- " and line != line.rstrip():
            yield f"ends with a blank: {line}"
    for remnant in ("<p", "<td", "</", "&amp;", "&#", "&lt;", "&quot;", "&nbsp;"):
        if remnant in text:
            yield remnant


@languages
@kinds
@pytest.mark.parametrize("incident", sorted(catalogue()))
def test_every_advice_shows_as_it_was_meant(language: Language, kind: RecipientKind, incident: str) -> None:
    mail = sent(language=language, kind=kind, incident=incident, findings=2, first=True)

    assert faults_of(mail.html) == []
    assert list(faults_in_text(mail.text)) == []
    assert f'<html lang="{language}">' in mail.html


@languages
@kinds
@pytest.mark.parametrize("findings", [1, 10, 40])
def test_so_does_a_mail_of_any_number_of_findings(language: Language, kind: RecipientKind, findings: int) -> None:
    mail = sent(language=language, kind=kind, findings=findings, came_back=findings // 2)

    assert faults_of(mail.html) == []
    assert list(faults_in_text(mail.text)) == []


@languages
@kinds
@pytest.mark.parametrize("findings", [1, 40])
def test_so_does_a_correction(language: Language, kind: RecipientKind, findings: int) -> None:
    mail = corrected(language=language, kind=kind, findings=findings, in_part=True)

    assert faults_of(mail.html) == []
    assert list(faults_in_text(mail.text)) == []


@languages
@pytest.mark.parametrize("url", [CLAIM.url, ""], ids=["page", "by-mail"])
def test_so_does_a_claim(language: Language, url: str) -> None:
    _, told = write_claim(msgspec.structs.replace(CLAIM, language=language, url=url))

    assert Lint(told.html, own_url="https://claims.tocsin.example").faults == []
    assert list(faults_in_text(told.text)) == []


@languages
@pytest.mark.parametrize("followed", [FOLLOWED, LATER_NEWS], ids=["to-do", "news"])
def test_so_do_the_mails_of_a_registration(language: Language, followed: RegistrationFollowed) -> None:
    _, asked = ask(msgspec.structs.replace(ASKED, language=language))
    _, told = tell(msgspec.structs.replace(followed, language=language))

    for printed in (asked, told):
        assert faults_of(printed.html) == []
        assert list(faults_in_text(printed.text)) == []


@languages
@pytest.mark.parametrize("kind", [RecipientKind.ORGANISATION, RecipientKind.NETWORK_OWNER], ids=str)
def test_so_does_a_round_up(language: Language, kind: RecipientKind) -> None:
    message, text = written(together(language=language, kind=kind, places=12))
    html = message.get_body(("html",))

    assert html is not None
    assert faults_of(html.get_content()) == []
    assert list(faults_in_text(text)) == []


@languages
def test_so_does_a_digest(language: Language) -> None:
    told = printed_digest(changed(language=language))

    assert Lint(told.html, own_url=INTAKE_URL).faults == []
    assert list(faults_in_text(told.text)) == []


@pytest.mark.parametrize(
    ("put", "fault"),
    [
        ("<script>1</script>", "<script>"),
        ('<form action="https://a.example/">', "<form>"),
        ('<p onclick="x()">a</p>', "<p onclick>"),
        ('<p style="display:flex">a</p>', "<p>: display: flex"),
        ('<p style="position:absolute">a</p>', "<p>: position"),
        ('<p style="background-image:url(https://a.example/p.gif)">a</p>', "<p>: style leads elsewhere"),
        ('<p style="color:#777777">a</p>', "faint in light: 'a', #777777 on #eef2f4"),
        ('<p style="font-weight:650">a</p>', "<p>: font-weight: 650"),
        ('<img src="https://a.example/p.gif" alt="a">', "<img>: a picture from elsewhere"),
        ('<img src="cid:a">', "<img>: nothing in place of the picture"),
        ('<a href="https://tocsin.example/r/1">Here</a>', "a link to https://tocsin.example/r/1 that says Here"),
        ('<a href="https://a.example/">https://a.example/</a>', "a link to https://a.example/ that says https://a.example/"),
        ("<table><tr><td>a</td></tr></table>", "<table>: no role"),
        ('<table role="table"><tr><th>a</th></tr></table>', "<th>: a heading of nothing"),
        ('<table role="presentation" width="900"></table>', "<table>: 900 px"),
        ("<style>@import 'https://a.example/s.css';</style>", "style sheet: @import"),
        ("<!-- a remark -->", "<!-- a remark "),
        ("<p>a", "</body> closes nothing"),
    ],
)  # fmt: skip
def test_the_lint_finds_what_programs_do_not_show(put: str, fault: str) -> None:
    html = sent(language=Language.ENGLISH).html
    assert faults_of(html) == []
    assert fault in faults_of(html.replace("</body>", f"{put}</body>"))


def test_the_lint_reads_the_dark_of_the_style_sheet_and_turns_colours_over() -> None:
    html = sent(language=Language.ENGLISH).html

    dark = faults_of(html.replace(".ink { color: #e7ecef", ".ink { color: #333333"))
    turned = faults_of(html.replace("color:#55636f", "color:#0000ff"))

    assert any(fault.startswith("faint in dark") for fault in dark)
    assert any(fault.startswith("faint in turned over") for fault in turned)


def test_the_lint_finds_a_mail_that_gmail_would_cut_off() -> None:
    html = sent(language=Language.ENGLISH).html
    assert any(fault.endswith(" bytes") for fault in faults_of(html.replace("</body>", "a" * MOST_BYTES + "</body>")))

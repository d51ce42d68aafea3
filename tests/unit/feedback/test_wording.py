"""The words of the pages, and how numbers and dates are written."""

from datetime import date
from pathlib import Path

import pytest

from libs.common.errors import Fatal
from libs.common.pages import preferred_language
from libs.common.vocabulary import FeedbackKind, Language, RecipientKind
from services.feedback.api.wording import TEMPLATES, read_wordings


def test_every_language_has_every_word() -> None:
    assert set(read_wordings()) == set(Language)


def test_a_missing_word_stops_the_start_and_is_named(tmp_path: Path) -> None:
    for language in Language:
        text = (TEMPLATES / f"{language}.toml").read_text()
        (tmp_path / f"{language}.toml").write_text(text)
    dutch = tmp_path / "nl.toml"
    dutch.write_text("\n".join(line for line in dutch.read_text().splitlines() if not line.startswith("skip")))

    with pytest.raises(Fatal, match=r"nl: shared\.skip"):
        read_wordings(tmp_path)


def test_every_answer_has_a_name_a_hint_and_thanks() -> None:
    for wording in read_wordings().values():
        for kind in FeedbackKind:
            if kind is not FeedbackKind.RATING:
                assert wording.choices[kind.value]
                assert wording.messages[kind.value.replace("-", "_")]


def test_every_kind_of_recipient_has_a_name() -> None:
    for wording in read_wordings().values():
        assert set(wording.recipients) == {kind.value for kind in RecipientKind}


def test_numbers_and_dates_are_written_as_each_language_does() -> None:
    dutch, english = (read_wordings()[language] for language in (Language.DUTCH, Language.ENGLISH))

    assert (dutch.number(70_000), english.number(70_000)) == ("70.000", "70,000")
    assert (dutch.mean(4.3), english.mean(4.0)) == ("4,3", "4.0")
    assert (dutch.day(date(2026, 3, 9)), english.day(date(2026, 3, 9))) == ("9 maart 2026", "9 March 2026")
    assert (dutch.month("2026-05"), english.month("2026-05")) == ("mei 2026", "May 2026")


def test_a_category_that_has_no_words_of_its_own_has_its_classs_or_stays() -> None:
    english = read_wordings()[Language.ENGLISH]

    assert english.category("fraud/masquerade") == "Fraud"
    assert english.category("new-class/thing") == "new-class/thing"


def test_an_incident_that_has_no_title_yet_is_called_by_its_slug_in_words() -> None:
    english = read_wordings()[Language.ENGLISH]

    assert english.title_of("open-smb", {}) == "open smb"
    assert english.title_of("open-smb", {"open-smb": {Language.DUTCH: "Open mappen"}}) == "Open mappen"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("nl", Language.DUTCH),
        ("en-GB,en;q=0.9,nl;q=0.8", Language.ENGLISH),
        ("fr-FR,nl;q=0.5,en;q=0.3", Language.DUTCH),
        ("nl;q=0,en;q=0.1", Language.ENGLISH),
        ("de-AT,nl;q=0.5", Language("de")),
        ("it, fr;q=0.9", None),
        ("", None),
        ("nl;q=lots", None),
        (",;q=,;;", None),
    ],
)
def test_the_browsers_wish_is_followed_as_far_as_we_can(header: str, language: Language | None) -> None:
    assert preferred_language(header) is language

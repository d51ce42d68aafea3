"""A language is content: files that are found, and none of our code knows which there are."""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.common.errors import Fatal
from libs.common.languages import ALWAYS_ADVISED, CUSTOMS, language_of_country, read_customs
from libs.common.vocabulary import Language
from services.verifier.handlers.shipped import read_shipped
from tests.reading_ease import MEASURES

PROJECT = Path(__file__).parents[3]
NOTIFIER, FEEDBACK, ATTRIBUTION = (
    PROJECT / "services" / service / "templates" for service in ("notifier", "feedback", "attribution")
)
PARTS = ("amount", "claim", "correction", "digest", "registration")
FOLDERS_OF_WORDS = (NOTIFIER, *(NOTIFIER / part for part in PARTS), FEEDBACK, ATTRIBUTION)
folders = pytest.mark.parametrize("folder", FOLDERS_OF_WORDS, ids=["mails", *PARTS, "pages", "claim-pages"])


@folders
def test_every_language_has_its_words_and_no_words_are_of_another(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.toml")} == set(Language)


@folders
def test_all_languages_have_the_same_words(folder: Path) -> None:
    """Those of lists too, such as the sources of attribution: what one language says, all do."""
    words = {path.stem: set(_names(tomllib.loads(path.read_text()))) for path in folder.glob("*.toml")}

    for language, names in words.items():
        assert names == words["en"], language


def test_every_language_has_a_measure_of_how_easy_it_is_to_read() -> None:
    assert set(MEASURES) == set(Language)


def test_a_country_is_written_to_in_its_language_and_all_others_in_english() -> None:
    assert language_of_country("NL") is Language.DUTCH
    assert language_of_country("AT") is Language("de")
    assert language_of_country("FR") is Language.ENGLISH
    assert language_of_country(None) is Language.ENGLISH
    countries = [country for custom in CUSTOMS.values() for country in custom.countries]
    assert len(countries) == len(set(countries))


def test_only_some_languages_have_to_be_there_before_an_incident_is_approved() -> None:
    assert ALWAYS_ADVISED == (Language.DUTCH, Language.ENGLISH)
    incident = read_shipped()[0]
    texts = incident.advisory

    def missing(*languages: Language) -> list[str]:
        kept = {language: texts[language] for language in languages}
        return type(incident)(
            slug="a", category="a/b", severity=incident.severity, state=incident.state, advisory=kept
        ).missing_texts()

    assert missing(Language.DUTCH, Language.ENGLISH) == []
    assert missing(Language.DUTCH, Language("de")) == ["en"]


@pytest.mark.parametrize(
    "content", [b"[nl]\nname = 'x'\n", b"[nl", b"[nl]\nname='x'\ncountries=[]\nalways_advised=1\n"]
)
def test_a_file_of_languages_that_is_not_complete_stops_the_start(content: bytes) -> None:
    with pytest.raises(Fatal, match=r"languages\.toml: "):
        read_customs(content)


def test_another_language_takes_files_and_no_code(tmp_path: Path) -> None:
    """Frisian, in a copy of all that is there: its words are found, and where it has no advice it says so."""
    for part in ("libs", "services", "tests/unit"):
        shutil.copytree(PROJECT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__", "cases"))
    customs = tmp_path / "libs/common/languages.toml"
    customs.write_text(customs.read_text() + "\n[fy]\nname = 'Frysk'\ncountries = ['FO']\nalways_advised = false\n")
    for folder in FOLDERS_OF_WORDS:
        english = (folder / "en.toml").read_text()
        frisian = english.replace('language = "en"', 'language = "fy"').replace("Dear {name}", "Bêste {name}")
        (tmp_path / folder.relative_to(PROJECT) / "fy.toml").write_text(frisian.replace("Skip to", "Fierder nei"))
    advisory = tmp_path / "services/verifier/advisories/open-smb.toml"
    dutch = advisory.read_text().partition("\n[nl]\n")[2].partition("\n[en]\n")[0]
    advisory.write_text(advisory.read_text() + "\n[fy]\n" + dutch.replace("Uw gedeelde mappen", "Jo dielde mappen"))

    ran = subprocess.run(
        [sys.executable, "-m", "tests.unit.common.another_language"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr[-3000:]
    told = json.loads(ran.stdout)
    assert told["advised"].startswith("Bêste Example Ltd,")
    assert "Jo dielde mappen" in told["advised"]
    assert "in this language: English." not in " ".join(told["advised"].split())
    assert "in this language: English." in " ".join(told["unadvised"].split())
    assert (told["skip"], told["name"]) == ("Fierder nei the content", "Frysk")
    assert (told["of_its_country"], told["of_a_browser"]) == ("fy", "fy")
    assert told["may_be_chosen"] == [*Language, "fy"]


def _names(words: dict[str, object], prefix: str = "") -> Iterator[str]:
    for name, value in words.items():
        if isinstance(value, dict):
            yield from _names(value, f"{prefix}{name}.")
        else:
            yield prefix + name

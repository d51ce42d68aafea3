"""Of stolen credentials a mail says which account, from which leak, and of which day; never what the secret is."""

import msgspec
import pytest

from libs.common.contracts import Asset, TargetAttributed
from libs.common.vocabulary import Language
from services.notifier.domain.findings import findings_of
from services.notifier.domain.letter import letter_of
from services.notifier.gateway.press import Press
from tests.unit.notifier.builders import HOUSE, TOKENS, consignment, notification, recipient, target

PRESS = Press()
LOGIN = "https://vpn.example.com/login"
TO = {language: recipient(language=language) for language in Language}


def stolen(
    email: str | None = "j.doe@example.com",
    *,
    url: str | None = LOGIN,
    ip: str | None = None,
    language: Language = Language.ENGLISH,
    malware: str | None = None,
    **extra: str,
) -> TargetAttributed:
    told = target(asset=Asset(email=email, url=url, domain="example.com", ip=ip), to=TO[language])
    indicator = msgspec.structs.replace(
        told.indicator, identifier="leaked-credentials", credentials=True, malware_name=malware, extra=extra, cve_ids=()
    )
    return msgspec.structs.replace(told, indicator=indicator)


def what(*targets: TargetAttributed) -> list[str]:
    return [finding.what for finding in findings_of(targets, PRESS.words(targets[0].recipient.language))]


def where(*targets: TargetAttributed) -> list[str]:
    return [finding.where for finding in findings_of(targets, PRESS.words(Language.ENGLISH))]


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (Language.DUTCH, "uit het lek Example Breach van 1 feb 2026"),
        (Language.ENGLISH, "from the leak Example Breach of 1 Feb 2026"),
        (Language("de"), "aus dem Datenleck Example Breach vom 1. Feb. 2026"),
    ],
)
def test_the_mail_says_which_account_and_which_leak_and_when(language: Language, told: str) -> None:
    found = stolen(language=language, breach="Example Breach", leaked_at="2026-02-01T23:30:00Z", kind="password")
    mail = consignment(found, about=notification(to=TO[language]))
    letter = letter_of(mail, words=PRESS.words(language), house=HOUSE, tokens=TOKENS)
    printed = PRESS.print(letter)

    for form in (printed.text, printed.html):
        in_one_line = " ".join(form.split())
        assert "j[.]doe[@]example[.]com (hxxps://vpn[.]example[.]com/login)" in in_one_line
        assert told in in_one_line


def test_two_accounts_at_one_login_page_are_two_findings() -> None:
    assert sorted(where(stolen("a@example.com"), stolen("b@example.com"))) == [
        "a[@]example[.]com (hxxps://vpn[.]example[.]com/login)",
        "b[@]example[.]com (hxxps://vpn[.]example[.]com/login)",
    ]


def test_one_account_in_two_leaks_is_two_findings() -> None:
    assert sorted(what(stolen(breach="One"), stolen(breach="Two"))) == ["from the leak One", "from the leak Two"]


def test_what_stole_it_and_from_which_machine_is_told() -> None:
    found = stolen(ip="192.0.2.7", malware="RedLine", leaked_at="2026-02-01")

    assert where(found) == ["j[.]doe[@]example[.]com (hxxps://vpn[.]example[.]com/login, 192[.]0[.]2[.]7)"]
    assert what(found) == ["RedLine, leaked on 1 Feb 2026"]


def test_without_an_account_it_is_told_where_it_opens() -> None:
    assert where(stolen(None)) == ["hxxps://vpn[.]example[.]com/login"]
    assert where(stolen(url=None)) == ["j[.]doe[@]example[.]com"]


@pytest.mark.parametrize(
    "leaked_at", ["", "[withheld]", "soon", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+14:00"]
)
def test_of_a_day_that_nobody_can_read_nothing_is_said(leaked_at: str) -> None:
    assert what(stolen(breach="One", leaked_at=leaked_at)) == ["from the leak One"]
    assert what(stolen(leaked_at=leaked_at)) == ["leaked credentials"]


def test_the_name_of_a_leak_is_text_and_no_link() -> None:
    (told,) = what(stolen(breach="evil.example/\u202e<b>{name}</b> " + "x" * 300))

    assert "evil[.]example" in told
    assert "\u202e" not in told
    assert len(told) < 250


def test_of_what_is_no_leak_no_leak_is_told() -> None:
    ordinary = target(to=TO[Language.ENGLISH])
    indicator = msgspec.structs.replace(ordinary.indicator, extra={"breach": "One"})

    assert "leak" not in what(msgspec.structs.replace(ordinary, indicator=indicator))[0]

"""What others wrote, and what we wrote wrong: a mail is safe and readable, or it is not written at all."""

import csv
import io
import re
import shutil
import unicodedata
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from zipfile import ZipFile

import msgspec
import pytest

from libs.common.addresses import canonical_domain
from libs.common.contracts import Asset, Product, TargetAttributed
from libs.common.errors import Fatal, Permanent
from libs.common.links import Links
from libs.common.vocabulary import Language, RecipientKind
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import Consignment
from services.notifier.domain.replies import Failed, RetryPolicy
from services.notifier.gateway.press import FOLDER, Press
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.previewing import preview
from services.notifier.handlers.scribe import Scribe
from services.notifier.handlers.sending import deliver
from tests.unit.notifier.builders import HOUSE, NOW, advisory, consignment, incident, notification, recipient, target
from tests.unit.notifier.mail_lint import MOST_BYTES, Lint

LINKS = Links(b"key of the tests")
SCRIBE = Scribe(house=HOUSE, press=Press(), links=LINKS)
RETRY = RetryPolicy(shortest=timedelta(minutes=15), longest=timedelta(hours=4), greatest_age=timedelta(hours=48))
RTL_OVERRIDE, RTL_ISOLATE, ZERO_WIDTH = "\u202e", "\u2067", "\u200b"
HEBREW = "\u05e9\u05e8\u05ea \u05d4\u05e7\u05d1\u05e6\u05d9\u05dd"


def parts_of(mail: Mail) -> tuple[EmailMessage, str, str]:
    message = message_from_bytes(mail.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return message, text.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


def written(of: Consignment) -> tuple[EmailMessage, str, str]:
    return parts_of(SCRIBE.write(of, now=NOW))


def rows_in(message: EmailMessage) -> list[list[str]]:
    """Of the table that a mail has with it, packed or not."""
    table = next(part for part in message.iter_attachments() if ".csv" in (part.get_filename() or ""))
    content = table.get_payload(decode=True)
    assert isinstance(content, bytes)
    if table.get_content_type() == "application/zip":
        packed = ZipFile(io.BytesIO(content))
        content = packed.read(packed.namelist()[0])
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def finding(**product: str) -> TargetAttributed:
    return target(product=Product(**product))


def folder_with(path: Path, *, file: str, put: str, after: str) -> Path:
    """The templates, one of them changed."""
    shutil.copytree(FOLDER, path / "templates")
    changed = path / "templates" / file
    text = changed.read_text()
    assert after in text
    changed.write_text(text.replace(after, after + put, 1))
    return path / "templates"


BROKEN = pytest.mark.parametrize(
    ("file", "after", "put"),
    [
        ("layout.html", "<h1", ' data-x="{{ letter.nothing }}"'),
        ("layout.txt", "{% set words = letter.words %}", "{{ letter.values.nothing }}"),
        ("advice.html", "{{ section(words.headings.what, advisory.what) }}", "{{ advisory.nothing }}"),
        ("organisation.txt", '{% include "advice.txt" %}', "{{ kind.nothing }}"),
        ("nl.toml", 'problem = "{title}', " {titel}"),
        ("nl.toml", 'greeting = "Beste {name}', " {}"),
        ("nl.toml", 'greeting = "Beste {name}', " {name"),
    ],
)


@BROKEN
async def test_a_template_that_misses_a_value_sends_nothing_and_says_so(
    tmp_path: Path, file: str, after: str, put: str
) -> None:
    scribe = Scribe(house=HOUSE, press=Press(folder_with(tmp_path, file=file, put=put, after=after)), links=LINKS)
    relay = RememberingRelay()

    with pytest.raises(Permanent):
        preview(consignment(), scribe=scribe, now=NOW)
    delivered = await deliver(consignment(), scribe=scribe, relay=relay, policy=RETRY, now=NOW)

    assert isinstance(delivered.result, Failed)
    assert delivered.subject is None
    assert relay.mails == []


@pytest.mark.parametrize("file", ["nl.toml", "correction/en.toml", "digest/de.toml"])
def test_words_that_are_not_all_there_stop_the_start_and_are_named(tmp_path: Path, file: str) -> None:
    shutil.copytree(FOLDER, tmp_path / "templates")
    words = tmp_path / "templates" / file
    words.write_text(re.sub(r"^brand_line = .*\n", "", words.read_text()))

    with pytest.raises(Fatal, match=rf"{Path(file).name} are not complete: .*brand_line"):
        Press(tmp_path / "templates")


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r", "\u2028", "\u2029", "\x85", "\x0b", "\x00\r\n"])
def test_nothing_adds_a_header(ending: str) -> None:
    evil = f"Mappen{ending}Bcc: everybody@evil.example{ending}{ending}<html>"
    to = recipient(name=evil)
    of = consignment(
        target(asset=Asset(domain="a.example", hostname=evil), to=to, product=Product(name=evil)),
        about=notification(to=to),
        of=incident(told=advisory(title=evil)),
    )

    message, _, html = written(of)

    plain_message, _, _ = written(consignment())
    assert sorted(message.keys()) == sorted(plain_message.keys())
    assert not message.defects
    assert message["Bcc"] is None
    assert "\n" not in str(message["Subject"])
    assert Lint(html, own_url=HOUSE.public_url).faults == []


@pytest.mark.parametrize(
    "trick", [RTL_OVERRIDE, RTL_ISOLATE, ZERO_WIDTH, "\u2066", "\u200f", "\ufeff", "\u00ad", "\U000e0041"]
)
def test_no_character_turns_text_round_or_hides_in_it(trick: str) -> None:
    evil = f"invoice{trick}gpj.exe"
    to = recipient(name=evil)
    odd = target(asset=Asset(domain=f"a{trick}b.example", hostname=evil), to=to, product=Product(name=evil))

    message, text, html = written(consignment(odd, about=notification(to=to), of=incident(told=advisory(title=evil))))

    for part in (str(message["Subject"]), str(message["To"]), text, html):
        assert trick not in part
        assert not [each for each in part if unicodedata.category(each) == "Cf"]


def test_text_from_the_right_to_the_left_stays_in_its_place() -> None:
    of = consignment(finding(vendor=HEBREW, name=f"({HEBREW})", version="1.2.3"))

    message, text, html = written(of)

    assert f'<span dir="auto">{HEBREW} ({HEBREW}) 1.2.3</span>' in html
    [line] = [line for line in text.splitlines() if HEBREW in line]
    assert line == f"   Wat: {HEBREW} ({HEBREW}) 1.2.3", "its first strong letter is of our own, so it runs as ours do"
    assert HEBREW not in str(message["Subject"])
    assert Lint(html, own_url=HOUSE.public_url).faults == []


@pytest.mark.parametrize(
    ("written_as", "shown"),
    [
        ("\u0430pple.example", "xn--pple-43d[.]example"),
        ("b\u00fccker.example", "xn--bcker-kva[.]example"),
        ("\uff41pple\uff0eexample", "apple[.]example"),
    ],
)
def test_a_name_in_look_alike_letters_is_shown_as_what_it_is(written_as: str, shown: str) -> None:
    """As intake keeps every name: only then do two names that look alike look different."""
    _, text, html = written(consignment(target(asset=Asset(domain=canonical_domain(written_as)))))

    for part in (text, html):
        assert shown in part
        assert written_as not in part


@pytest.mark.parametrize("dot", [".", "\u3002", "\uff0e", "\uff61"])
def test_no_kind_of_dot_makes_a_link_of_what_others_wrote(dot: str) -> None:
    asset = Asset(ip="192.0.2.1", hostname=f"host{dot}example")
    of = consignment(target(asset=asset, product=Product(name=f"evil{dot}example/login")))

    _, text, html = written(of)

    for part in (text, html):
        assert "evil[.]example/login" in part
        assert "host[.]example" in part


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\uff1d", " ="])
@pytest.mark.parametrize("kind", list(RecipientKind))
def test_no_cell_is_a_formula(kind: RecipientKind, start: str) -> None:
    evil = f"{start}cmd|' /C calc'!A0"
    to = recipient(kind=kind)
    found = [
        target(asset=Asset(domain=f"n{place}.example", hostname=evil), to=to, product=Product(name=evil, vendor=evil))
        for place in range(11)
    ]

    message, _, _ = written(consignment(*found, about=notification(to=to)))

    for row in rows_in(message):
        assert not [cell for cell in row if cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))]


@pytest.mark.parametrize("kind", list(RecipientKind))
def test_ten_thousand_assets_are_one_mail_that_every_program_shows_in_full(kind: RecipientKind) -> None:
    to = recipient(kind=kind)
    found = [target(asset=Asset(ip=f"198.18.{place // 256}.{place % 256}"), to=to) for place in range(10_000)]

    message, text, html = written(consignment(*found, about=notification(to=to)))

    assert len(html.encode()) < MOST_BYTES / 2
    assert text.count("192[.]") + text.count("198[.]18") <= 12
    assert Lint(html, own_url=HOUSE.public_url).faults == []
    assert len(rows_in(message)) == 10_001


@pytest.mark.parametrize("language", list(Language))
def test_a_host_name_of_three_hundred_characters_is_cut_and_shows_that_it_was(language: Language) -> None:
    name = "a" * 60 + "." + "b" * 235 + ".test"
    assert len(name) > 300
    to = recipient(language=language)
    of = consignment(target(asset=Asset(ip="192.0.2.1", hostname=name), to=to), about=notification(to=to))

    message, text, html = written(of)

    shown = f"{'a' * 60}[.]{'b' * 138}\N{HORIZONTAL ELLIPSIS}"
    assert f"   {shown}\n" in text
    assert f">{shown}</span>" in html
    assert Lint(html, own_url=HOUSE.public_url).faults == []
    assert max(map(len, message.as_bytes().splitlines())) <= 998


def test_a_name_that_just_fits_is_not_cut() -> None:
    name = "a" * 195 + ".test"
    _, text, _ = written(consignment(target(asset=Asset(ip="192.0.2.1", hostname=name))))
    assert f"{'a' * 195}[.]test\n" in text


def test_markup_in_what_others_wrote_is_text() -> None:
    evil = "<img src=x onerror=alert(1)>&amp;\"'</td></table><script>1</script><!--[if mso]>"
    to = msgspec.structs.replace(recipient(name=evil))
    of = consignment(
        target(asset=Asset(url=f"http://a.example/{evil}", hostname=evil), to=to, product=Product(name=evil)),
        about=notification(to=to),
        of=incident(told=advisory(title=evil)),
    )

    _, _, html = written(of)

    assert Lint(html, own_url=HOUSE.public_url).faults == []
    assert "&lt;script&gt;" in html

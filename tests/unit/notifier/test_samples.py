"""Every mail that the notifier can write can be looked at before there is one, with findings that are made up."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from itertools import product
from typing import Any

import msgspec
import pytest
from jinja2 import nodes

from libs.common.contracts import IncidentChanged
from libs.common.links import Links
from libs.common.vocabulary import AssetKind, ClaimState, DigestCadence, Language, RecipientKind, Severity
from services.notifier.domain.amount.repeats import Again
from services.notifier.domain.attachments.table import COLUMNS
from services.notifier.domain.message import Mail
from services.notifier.domain.samples.beside import Came, SideKind, SideWish, sample_beside, side_misfits
from services.notifier.domain.samples.making import addressed, sample_consignment
from services.notifier.domain.samples.wish import DATA_LEAK, Closed, Found, SampleMail, Wish, misfits
from services.notifier.gateway import press
from services.notifier.gateway.press import FOLDER, Engine, Press
from services.notifier.handlers.scribe import Scribe
from tests.unit.notifier.builders import HOUSE, NOW, advisory, incident, notification

SLUG, OTHER = "open-smb", "open-rdp"
KNOWN = {SLUG: incident(slug=SLUG), OTHER: incident(slug=OTHER, told=advisory(title="Uw scherm staat open"))}
PRESS = Press()
SCRIBE = Scribe(house=HOUSE, press=PRESS, links=Links(b"key of the tests"))
SOURCES = SCRIBE.evidence_sources(Language.DUTCH)
TEAM, OWNER = RecipientKind.NATIONAL_CERT, RecipientKind.NETWORK_OWNER
languages = pytest.mark.parametrize("language", list(Language))


def wish(slug: str = SLUG, **wanted: Any) -> Wish:  # Any: each option has its own type
    return Wish(incident=slug, **wanted)


def written(wanted: Wish, *, scribe: Scribe = SCRIBE, known: Mapping[str, IncidentChanged] = KNOWN) -> Mail:
    assert misfits(wanted, known, sources=SOURCES) == []
    others = [known[slug] for slug in wanted.others]
    made = sample_consignment(wanted, known[wanted.incident], others, name="Example Ltd", now=NOW)
    return scribe.write_sample(made, now=NOW)


def message(mail: Mail) -> EmailMessage:
    read = message_from_bytes(mail.content, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def text_of(mail: Mail) -> str:
    body = message(mail).get_body(("plain",))
    assert isinstance(body, EmailMessage)
    return " ".join(body.get_content().split())


def html_of(mail: Mail) -> str:
    body = message(mail).get_body(("html",))
    assert isinstance(body, EmailMessage)
    return str(body.get_content())


def every_mail() -> Iterator[Wish]:
    """Each kind of mail to each kind of recipient, with each of its options once."""
    for kind, found in product(RecipientKind, Found):
        yield wish(kind=kind, found=found, findings=40, is_first=True)
        yield wish(kind=kind, found=found, seen_once=True, is_test=True, advice_language=Language.ENGLISH)
        yield wish(kind=kind, found=found, findings=2, evidence=("company-registry", "platform"))
    for kind in RecipientKind:
        yield wish(kind=kind, severity=Severity.CRITICAL, reopened=Closed.FIXED, findings=3)
        yield wish(kind=kind, reopened=Closed.FIXED, findings=3, reopened_findings=1)
        yield wish(kind=kind, mail=SampleMail.REMINDER)
        yield wish(kind=kind, mail=SampleMail.REMINDER, is_test=True)
        for in_part in (False, True):
            yield wish(kind=kind, mail=SampleMail.CORRECTION, in_part=in_part, perhaps_told=in_part, is_test=in_part)
        for found in Found:
            yield wish(kind=kind, mail=SampleMail.CORRECTION, findings=40, found=found)
    yield wish(kind=TEAM, organisations=2, findings=3)
    for kind in (RecipientKind.ORGANISATION, OWNER):
        for found in Found:
            yield wish(kind=kind, mail=SampleMail.ROUND_UP, others=(OTHER,), findings=40, found=found, is_first=True)
        yield wish(kind=kind, mail=SampleMail.ROUND_UP, others=(OTHER,), again=Again.CAME_BACK, is_test=True)


def every_side_mail() -> Iterator[SideWish]:
    for without_page in (False, True):
        yield SideWish(mail=SideKind.CLAIM, without_page=without_page)
        for came in Came:
            yield SideWish(mail=SideKind.DIGEST, came=came, without_page=without_page)
    for assets in (None, 45):
        yield SideWish(mail=SideKind.REGISTRATION, assets=assets)
        yield SideWish(mail=SideKind.REGISTRATION_NEWS, assets=assets)
        for state in ClaimState:
            yield SideWish(mail=SideKind.REGISTRATION_NEWS, states=(state,), assets=assets)
        yield SideWish(mail=SideKind.REGISTRATION_NEWS, states=tuple(ClaimState), assets=assets)


def beside(wanted: SideWish, scribe: Scribe = SCRIBE) -> Mail:
    assert [*side_misfits(wanted)] == []
    return scribe.write_sample_beside(sample_beside(wanted, name="Example Ltd", now=NOW), now=NOW)


class WatchedEngine(Engine):
    """Notes which way each condition of each template goes."""

    ways: defaultdict[str, set[bool]]

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        self.filters["watched"] = self._watch
        tree = super()._parse(source, name, filename)
        branches: list[nodes.If | nodes.CondExpr] = [*tree.find_all(nodes.If), *tree.find_all(nodes.CondExpr)]
        for number, branch in enumerate(branches):
            line = source.splitlines()[branch.lineno - 1]
            place = f"{name}: {line[:60]}"
            place += f" ({number})" if place in self.ways else ""
            self.ways[place] = set()
            branch.test = nodes.Filter(branch.test, "watched", [nodes.Const(place)], [], None, None)
        return tree

    def _watch(self, value: object, place: str) -> object:
        self.ways[place].add(bool(value))
        return value


ONE_WAY = [f"amount/round_up.{form}: {{% if letter.first.rating_url %}}" for form in ("html", "txt")]
"""Only a team is not asked for a rating, and gets no round-up; should that change, its mail is right."""


def test_every_way_through_every_template_can_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WatchedEngine, "ways", defaultdict(set), raising=False)
    monkeypatch.setattr(press, "Engine", WatchedEngine)
    scribe = Scribe(house=HOUSE, press=Press(), links=Links(b"key of the tests"))

    for wanted in every_mail():
        written(wanted, scribe=scribe)
    for aside in every_side_mail():
        beside(aside, scribe)

    ways = WatchedEngine.ways
    assert len(ways) > 60
    assert sorted(place for place in ways if len(ways[place]) < 2) == ONE_WAY
    folders = {place.partition(":")[0] for place in ways}
    with_conditions = {
        path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.*") if "{% if" in path.read_text()
    }
    assert folders >= with_conditions


@languages
def test_every_sentence_that_depends_on_what_was_found_can_be_looked_at(language: Language) -> None:
    words, amounts = PRESS.words(language), PRESS.amount_words(language)
    shown = " ".join(
        text_of(written(wanted))
        for wanted in (
            *(wish(language=language, evidence=(source,)) for source in words.evidence),
            *(wish(language=language, kind=TEAM, evidence=(source,)) for source in words.evidence_told_to_teams),
            *(wish(language=language, kind=TEAM, handed_over_because=reason) for reason in words.handed_over),
            *(wish(language=language, kind=TEAM, organisations=count, findings=3) for count in (0, 1, 2)),
            *(wish(language=language, reopened=Closed(reason)) for reason in words.again),
            *(wish(language=language, severity=severity) for severity in words.urgency),
            *(wish(language=language, grade=f"{a}{b}") for a, b in zip("ABCDEF", "123456", strict=True)),
            *(
                wish(language=language, mail=SampleMail.REMINDER, again=again, mails=mails)
                for again, mails in product(amounts.reminder.notices, (1, 3))
            ),
        )
    )
    sentences = (
        *words.evidence.values(),
        *words.evidence_told_to_teams.values(),
        *words.handed_over.values(),
        *(words.facts.several, words.facts.unknown),
        *words.again.values(),
        *words.urgency.values(),
        *words.reliability.values(),
        *words.credibility.values(),
        *(each for notice in amounts.reminder.notices.values() for each in (notice.one, notice.many)),
    )

    # Each piece of a sentence between its values.
    missing = [
        piece
        for sentence in sentences
        for piece in map(str.strip, sentence.replace("{", "}").split("}")[::2])
        if piece not in shown
    ]
    assert missing == []


@languages
def test_every_sentence_of_a_registration_can_be_looked_at(language: Language) -> None:
    words = PRESS.registration_words(language)
    mails = [
        beside(msgspec.structs.replace(wanted, language=language))
        for wanted in (
            *(each for each in every_side_mail() if each.mail in (SideKind.REGISTRATION, SideKind.REGISTRATION_NEWS)),
            *(SideWish(mail=SideKind.REGISTRATION, asset=kind, assets=4) for kind in AssetKind),
            SideWish(mail=SideKind.REGISTRATION_NEWS, states=(ClaimState.PROVEN, ClaimState.LAPSED)),
            SideWish(mail=SideKind.REGISTRATION_NEWS, states=(ClaimState.PROVEN,), assets=41),
        )
    ]

    shown = " ".join((*map(text_of, mails), *(unescape(html_of(mail)) for mail in mails))).casefold()

    never_told = {words.states[state].until for state in ENDLESS}
    sentences = [*_sentences(msgspec.to_builtins(words))]
    assert len(sentences) > 60
    missing = {
        piece
        for sentence in sentences
        if sentence not in never_told
        for piece in map(str.strip, sentence.replace("{", "}").split("}")[::2])
        if piece.casefold() not in shown
    }
    assert missing == set()


ENDLESS = (ClaimState.NO_CONTACT, ClaimState.CONTESTED, ClaimState.REFUSED, ClaimState.LAPSED)
"""Attribution says of none of these when it ends; should it do so, there is a word for it."""


def _sentences(words: object) -> Iterator[str]:
    if isinstance(words, dict):
        for inner in words.values():
            yield from _sentences(inner)
    else:
        yield str(words)


@languages
@pytest.mark.parametrize("wanted", list(every_mail()))
def test_each_can_be_written_in_each_language(wanted: Wish, language: Language) -> None:
    read = message(written(msgspec.structs.replace(wanted, language=language)))

    assert read["Content-Language"] == language
    assert read["To"].addresses[0].addr_spec == "info@example.com"


@languages
@pytest.mark.parametrize("wanted", list(every_side_mail()))
def test_each_side_mail_can_be_written_in_each_language(wanted: SideWish, language: Language) -> None:
    assert message(beside(msgspec.structs.replace(wanted, language=language)))["Content-Language"] == language


@pytest.mark.parametrize(
    ("wanted", "options"),
    [
        (wish(again=Again.WORSENED, mails=2), ["again", "mails"]),
        (wish(mail=SampleMail.CORRECTION, again=Again.WORSENED), ["again"]),
        (wish(others=(OTHER,)), ["others"]),
        (wish(in_part=True, perhaps_told=True), ["in_part", "perhaps_told"]),
        (wish(mail=SampleMail.REMINDER, is_first=True), ["first"]),
        (wish(mail=SampleMail.CORRECTION, is_first=True), ["first"]),
        (wish(mail=SampleMail.ROUND_UP, others=(OTHER,), mails=2, is_first=True), ["first"]),
        (wish(handed_over_because="sector", organisations=0), ["handed_over_because", "organisations"]),
        (wish(mail=SampleMail.ROUND_UP, others=(OTHER,), kind=TEAM), ["kind"]),
        (wish(mail=SampleMail.ROUND_UP), ["others"]),
        (wish(mail=SampleMail.ROUND_UP, others=(SLUG,)), ["others"]),
        (wish(mail=SampleMail.ROUND_UP, others=(OTHER, OTHER)), ["others"]),
        (wish(mail=SampleMail.ROUND_UP, others=("nobody-knows",)), ["others"]),
        (wish(mail=SampleMail.ROUND_UP, others=(OTHER,), severity=Severity.HIGH), ["severity"]),
        (wish(reopened_findings=1), ["reopened_findings"]),
        (wish(reopened=Closed.FIXED, reopened_findings=2), ["reopened_findings"]),
        (wish(evidence=("a-hunch",)), ["evidence"]),
    ],
)
def test_what_does_not_go_together_is_named(wanted: Wish, options: list[str]) -> None:
    assert [each.option for each in misfits(wanted, KNOWN, sources=SOURCES)] == options


def test_a_misfit_says_what_would_fit() -> None:
    german = {SLUG: msgspec.structs.replace(KNOWN[SLUG], advisory={Language("de"): advisory()})}
    lacking = wish(advice_language=Language.DUTCH, evidence=("a-hunch",), mail=SampleMail.WARNING, mails=3)

    mails, evidence, advice = misfits(lacking, german, sources=["platform", "registrar"])

    assert mails.message == "It belongs to a reminder or a round-up, not to a warning."
    assert evidence.message == "There are no words for a-hunch; there are for platform, registrar."
    assert advice.message == "There is advice about open-smb in de."


@pytest.mark.parametrize(
    ("wanted", "options"),
    [
        (SideWish(mail=SideKind.CLAIM, came=Came.MUCH, cadence=DigestCadence.WEEKLY), ["cadence", "came"]),
        (SideWish(mail=SideKind.DIGEST, asset=AssetKind.ASN, source="ripe"), ["asset", "source"]),
        (SideWish(mail=SideKind.CLAIM, assets=2, states=(ClaimState.PROVEN,)), ["assets", "states"]),
        (
            SideWish(mail=SideKind.REGISTRATION, states=(ClaimState.PROVEN,), without_page=True),
            ["without_page", "states"],
        ),
        (SideWish(mail=SideKind.REGISTRATION_NEWS, states=tuple(ClaimState), assets=3), ["assets"]),
        (SideWish(mail=SideKind.REGISTRATION_NEWS, asset=AssetKind.ASN), ["asset"]),
        (SideWish(mail=SideKind.REGISTRATION_NEWS, asset=AssetKind.ASN, states=(ClaimState.PROVEN,)), []),
    ],
)
def test_what_a_side_mail_does_not_have_is_named(wanted: SideWish, options: list[str]) -> None:
    assert [each.option for each in side_misfits(wanted)] == options


def test_a_misfit_of_a_registration_says_what_would_fit() -> None:
    news = SideWish(mail=SideKind.REGISTRATION_NEWS, asset=AssetKind.IP_RANGE, states=tuple(ClaimState), assets=3)
    page, few, kind = side_misfits(msgspec.structs.replace(news, without_page=True))

    assert page.message == "It belongs to a digest or a claim, not to a registration-news."
    assert few.message == f"They are too few for the states: at least {len(ClaimState)}."
    assert kind.message.startswith("A record proves a domain alone: `states` of another asset are contact-asked, ")


def test_the_link_to_a_registration_leads_nowhere() -> None:
    for mail in (SideKind.REGISTRATION, SideKind.REGISTRATION_NEWS):
        assert f"{HOUSE.public_url}/register/preview " in text_of(beside(SideWish(mail=mail)))


def test_a_registration_has_so_many_assets_of_its_kind_and_states() -> None:
    question = text_of(beside(SideWish(mail=SideKind.REGISTRATION, asset=AssetKind.IP_RANGE, assets=2)))
    states = (ClaimState.PROVEN, ClaimState.CONTACT_ASKED)
    news = text_of(beside(SideWish(mail=SideKind.REGISTRATION_NEWS, states=states, assets=3)))

    assert "198[.]18[.]0[.]0/24, 198[.]18[.]1[.]0/24" in question
    told = ("* example[.]com", "* site-1[.]example[.]com", "* 198[.]18[.]0[.]0/24", "a***[@]network[.]example")
    assert [each for each in told if each not in news] == []


def test_a_leak_has_several_accounts_and_leaks() -> None:
    leak = {SLUG: msgspec.structs.replace(KNOWN[SLUG], category=DATA_LEAK)}
    mail = written(wish(findings=4, kind=TEAM, language=Language.ENGLISH), known=leak)

    text = text_of(mail)
    assert text.count("account-1[@]example[.]com") == 2
    assert "from the leak Example Breach of 28 Jan 2026" in text
    assert "from the leak Another Example" in text
    assert "account-2[@]example[.]com (hxxps://vpn[.]example[.]com/login)" in text
    assert "Example Stealer, leaked on 28 Jan 2026" in text
    table = next(part for part in message(mail).iter_attachments() if part.get_filename("").endswith(".csv"))
    rows = table.get_content().splitlines()
    assert rows[0].endswith("account,leak,leaked_on")
    assert rows[0].count(",") == len(COLUMNS)
    assert sorted(row.rsplit(",", 3)[-3:] for row in rows[1:]) == [
        ["account-1@example.com", "Another Example", ""],
        ["account-1@example.com", "Example Breach", "2026-01-28"],
        ["account-2@example.com", "", ""],
        ["account-2@example.com", "", "2026-01-28"],
    ]


def test_a_reminder_and_a_correction_belong_to_a_mail_of_before_that_told_of_the_same() -> None:
    for mail in (SampleMail.REMINDER, SampleMail.CORRECTION):
        read = message(written(wish(mail=mail)))
        assert read["In-Reply-To"] == read["References"] != read["Message-ID"]
        assert "TOC-0000000001" in text_of(written(wish(mail=mail)))
    assert "7 keer" in text_of(written(wish(mail=SampleMail.REMINDER, mails=7)))


def test_a_round_up_tells_of_each_of_its_incidents_and_is_of_low_severity() -> None:
    text = text_of(written(wish(mail=SampleMail.ROUND_UP, others=(OTHER,), findings=3)))

    assert "Uw scherm staat open" in text
    assert "TOC-0000000002" in text
    assert PRESS.words(Language.DUTCH).urgency[Severity.LOW].upper() in text


@pytest.mark.parametrize("mail", [SampleMail.WARNING, SampleMail.ROUND_UP, SampleMail.CORRECTION])
def test_what_is_sent_to_oneself_says_first_of_all_that_it_is_a_test(mail: SampleMail) -> None:
    others = (OTHER,) if mail is SampleMail.ROUND_UP else ()
    made = sample_consignment(
        wish(mail=mail, others=others, language=Language.ENGLISH),
        KNOWN[SLUG],
        [KNOWN[slug] for slug in others],
        name="Example Ltd",
        now=NOW,
    )

    sent = SCRIBE.write_sample(addressed(made, email="a@tocsin.example", by="sanne", id_=notification().id), now=NOW)

    assert sent.subject.startswith("TEST: ")
    assert text_of(sent).startswith("THIS IS A TEST by sanne.")
    assert "Example Ltd" not in sent.subject
    assert html_of(sent).count("THIS IS A TEST by sanne.") >= 1
    assert message(sent)["X-Tocsin-Test"] == "yes"


def test_a_team_that_tries_out_a_sample_reads_whom_it_would_concern() -> None:
    """Of a real test nothing is told of whom it found; here nobody was found."""
    made = sample_consignment(wish(kind=TEAM, handed_over_because="also-warned"), KNOWN[SLUG], name="Example", now=NOW)

    sent = SCRIBE.write_sample(addressed(made, email="a@tocsin.example", by="sanne", id_=notification().id), now=NOW)

    reason = PRESS.words(Language.DUTCH).handed_over["also-warned"]
    assert reason in text_of(sent)

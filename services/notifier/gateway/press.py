"""The printing press: a letter goes in, its text and its HTML come out. Templates are compiled once."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache, partial
from pathlib import Path
from textwrap import fill
from typing import Any, TypeVar

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateError, select_autoescape
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, Macro
from markupsafe import Markup, escape

from libs.common.contracts import Advisory
from libs.common.errors import Fatal, Permanent
from libs.common.vocabulary import Language, RecipientKind
from services.notifier.domain.amount.round_up import RoundUpLetter
from services.notifier.domain.amount.words import AmountWords
from services.notifier.domain.claims.letter import ClaimLetter
from services.notifier.domain.claims.words import ClaimWords
from services.notifier.domain.corrections.letter import CorrectionLetter
from services.notifier.domain.corrections.words import CorrectionWords
from services.notifier.domain.digests.letter import DigestLetter
from services.notifier.domain.digests.words import DigestWords
from services.notifier.domain.letter import Letter
from services.notifier.domain.message import Printed
from services.notifier.domain.registrations.letters import ConfirmLetter, NewsLetter
from services.notifier.domain.registrations.words import RegistrationWords
from services.notifier.domain.words import KindWords, Words

FOLDER = Path(__file__).parent.parent / "templates"
TEXT_COLUMNS = 74
GAPS = re.compile(r"\n{3,}")
NAME_ALONE = re.compile(r"\{\{ (?P<name>\w+) \}\}")


class Form(StrEnum):
    """The two shapes of a letter; the values are those of the templates' file names."""

    TEXT = "txt"
    HTML = "html"


class Press:
    """Holds the layout of each form, the advice for each kind of recipient, and the words of each language."""

    def __init__(self, folder: Path = FOLDER) -> None:
        engine = Engine(folder)
        self._layouts = _layouts(engine, "layout")
        self._advice = {kind: _layouts(engine, kind.value) for kind in RecipientKind}
        self._words = _words_in(folder, Words)
        self._digests = _layouts(engine, "digest/digest")
        self._digest_words = _words_in(folder / "digest", DigestWords)
        self._corrections = _layouts(engine, "correction/correction")
        self._correction_words = _words_in(folder / "correction", CorrectionWords)
        self._claims = _layouts(engine, "claim/claim")
        self._claim_words = _words_in(folder / "claim", ClaimWords)
        self._confirmations = _layouts(engine, "registration/confirm")
        self._registration_news = _layouts(engine, "registration/news")
        self._registration_words = _words_in(folder / "registration", RegistrationWords)
        self._round_ups = _layouts(engine, "amount/round_up")
        self._amount_words = _words_in(folder / "amount", AmountWords)
        self._print_advice = lru_cache(maxsize=512)(self._print_advice_anew)

    def words(self, language: Language) -> Words:
        return self._words[language]

    @property
    def sealed_subjects(self) -> Mapping[Language, str]:
        """Of encrypted mails, with `{reference}` in each."""
        return {language: words.sealed_subject for language, words in self._words.items()}

    def digest_words(self, language: Language) -> DigestWords:
        return self._digest_words[language]

    def correction_words(self, language: Language) -> CorrectionWords:
        return self._correction_words[language]

    def claim_words(self, language: Language) -> ClaimWords:
        return self._claim_words[language]

    def registration_words(self, language: Language) -> RegistrationWords:
        return self._registration_words[language]

    def amount_words(self, language: Language) -> AmountWords:
        return self._amount_words[language]

    def print(self, letter: Letter) -> Printed:
        """Takes a third of a millisecond. Raises `Permanent` where a template or a word asks what is not there."""
        try:
            text, html = (self._print(letter, form) for form in (Form.TEXT, Form.HTML))
        except (TemplateError, LookupError) as error:
            raise Permanent(f"the letter {letter.notification.reference} can't be printed: {error}") from error
        return Printed(text=_without_gaps(text), html=html)

    def print_digest(self, letter: DigestLetter) -> Printed:
        """Raises `Permanent` where a template or a word asks what is not there."""
        return _printed(self._digests, letter)

    def print_correction(self, letter: CorrectionLetter) -> Printed:
        """Raises `Permanent` where a template or a word asks what is not there."""
        return _printed(self._corrections, letter)

    def print_claim(self, letter: ClaimLetter) -> Printed:
        """Raises `Permanent` where a template or a word asks what is not there."""
        return _printed(self._claims, letter)

    def print_confirmation(self, letter: ConfirmLetter) -> Printed:
        """Raises `Permanent` where a template or a word asks what is not there."""
        return _printed(self._confirmations, letter)

    def print_registration_news(self, letter: NewsLetter) -> Printed:
        """Raises `Permanent` where a template or a word asks what is not there."""
        return _printed(self._registration_news, letter)

    def print_round_up(self, letter: RoundUpLetter) -> Printed:
        """Raises `Permanent` where a template or a word asks what is not there."""
        return _printed(self._round_ups, letter)

    def _print(self, letter: Letter, form: Form) -> str:
        advice = self._print_advice(form, letter.kind, letter.recipient_kind, letter.advice_language, letter.advisory)
        return self._layouts[form].render(letter=letter, advice=advice)

    def _print_advice_anew(
        self, form: Form, about: KindWords, kind: RecipientKind, language: Language, advisory: Advisory
    ) -> str:
        """Most of a mail is its advice, the same in thousands of mails, so it is printed once and remembered.

        Its headings are in its own language, which may be another than that of what is said `about` it.
        """
        words = self._words[language]
        advice = self._advice[kind][form].render(words=words, kind=about, advisory=advisory, language=language)
        return Markup(advice) if form is Form.HTML else advice  # noqa: S704 - the engine has escaped what is in it


def _layouts(engine: Environment, name: str) -> Mapping[Form, Template]:
    return {form: engine.get_template(f"{name}.{form}") for form in Form}


BesideLetter = DigestLetter | CorrectionLetter | ClaimLetter | RoundUpLetter | ConfirmLetter | NewsLetter


def _printed(layouts: Mapping[Form, Template], letter: BesideLetter) -> Printed:
    try:
        text, html = (layouts[form].render(letter=letter) for form in (Form.TEXT, Form.HTML))
    except (TemplateError, LookupError) as error:
        raise Permanent(f"a mail can't be printed: {error}") from error
    return Printed(text=_without_gaps(text), html=html)


def _without_gaps(text: str) -> str:
    return GAPS.sub("\n\n", text) if "\n\n\n" in text else text


class PlainContext(Context):
    """Calls what a template calls, without asking each time whether it wants to know the context: of ours only macros
    do. Printing takes a seventh less.
    """

    def call(self, called: Callable[..., Any], /, *args: Any, **named: Any) -> Any:  # Any: as the engine has it
        named.pop("_block_vars", None)
        named.pop("_loop_vars", None)
        return called(self.eval_ctx, *args, **named) if type(called) is Macro else called(*args, **named)


class Engine(Environment):
    """Puts the styles of HTML in when a template is read, so that nothing asks for them while a mail is printed."""

    context_class = PlainContext

    def __init__(self, folder: Path) -> None:
        super().__init__(
            loader=FileSystemLoader(folder),
            autoescape=select_autoescape(enabled_extensions=("html",)),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.filters |= {"prose": prose, "paragraphs": paragraphs}
        self._styles: dict[str, str] = {}
        for name, style in msgspec.toml.decode(
            (folder / "look" / "styles.toml").read_bytes(), type=dict[str, str]
        ).items():
            self._styles[name] = Markup(self._styled(escape(style)))  # noqa: S704 - escaped
        self.globals |= self._styles
        for form in Form:
            _remember_shapes(self.get_template(f"shapes.{form}"))

    def preprocess(self, source: str, name: str | None = None, filename: str | None = None) -> str:
        return self._styled(super().preprocess(source, name, filename))

    def _styled(self, source: str) -> str:
        return NAME_ALONE.sub(lambda named: self._styles.get(named["name"], named[0]), source)


def _remember_shapes(template: Template) -> None:
    """What a shape makes of the same words is made once, as most words are the same in thousands of mails: HTML takes
    a third less. What was escaped and what was not may look alike, and are kept apart.
    """
    escaping = EvalContext(template.environment, template.name)
    for name, shape in vars(template.module).items():
        if isinstance(shape, Macro):
            setattr(template.module, name, lru_cache(maxsize=4096, typed=True)(partial(shape, escaping)))


@lru_cache(maxsize=4096)
def prose(text: str, indent: str = "", first: str | None = None) -> str:
    """Text in lines of a readable length; addresses and web addresses stay whole.

    Remembered, because most of a mail is its advisory, the same in thousands of mails: saves half of their text part.
    """
    return fill(
        text,
        TEXT_COLUMNS,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def paragraphs(text: str) -> list[str]:
    """What is parted by empty lines."""
    return [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]


W = TypeVar("W", Words, DigestWords, CorrectionWords, ClaimWords, RegistrationWords, AmountWords)


def _words_in(folder: Path, kind: type[W]) -> Mapping[Language, W]:
    return {language: _read_words(folder / f"{language}.toml", kind) for language in Language}


def _read_words(path: Path, kind: type[W]) -> W:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as error:
        raise Fatal(f"there are no words for this language: {path.parent.name}/{path.name} is missing") from error
    except msgspec.ValidationError as error:
        raise Fatal(f"the words of {path.parent.name}/{path.name} are not complete: {error}") from error

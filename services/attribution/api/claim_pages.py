"""`/claims/{token}`: where a registry's contact says whether a claim is right. Only the mail leads there."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from libs.common.db import Database
from libs.common.errors import Fatal
from libs.common.forms import form_body, form_of
from libs.common.pages import WRONG, reader_language
from libs.common.problems import Problem, not_found
from libs.common.security import public
from libs.common.text import defang, plain
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.contact_proofs import RequestState
from services.attribution.handlers import Refusal, answer_at, question_at
from services.attribution.handlers.contact_proofs import Question

TEMPLATES = Path(__file__).parents[1] / "templates"
LONGEST_NAME = 200
BELOW = "/claims"
WELL_ANSWERED = frozenset({RequestState.CONFIRMED, RequestState.REFUSED})
STILL_ASKS = frozenset({"", "wrong-code"})
Token = Annotated[str, PathParameter(max_length=100, description="As the mail has it")]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page that only says something."""

    title: str
    text: str
    closing: str


class ClaimWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All words of the page in one language. `{names}` in them are filled in."""

    title: str
    question: str
    kinds: Mapping[AssetKind, str]
    below: str
    yes_title: str
    yes: str
    code: str
    confirm: str
    no_title: str
    no: str
    refuse: str
    lacking: str
    answers: Mapping[str, str]
    """By the state that was reached, or by the code of the refusal."""
    messages: Mapping[str, Message]
    """Where there is no question to show, by what went wrong."""


class ClaimPages:
    """The page in each language. Its style is within it, by a hash, so that nothing is loaded from anywhere."""

    def __init__(self) -> None:
        self._words = {language: _read(TEMPLATES / f"{language}.toml") for language in Language}
        engine = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._claim, self._message = engine.get_template("claim.html"), engine.get_template("message.html")
        self._style = (TEMPLATES / "claim.css").read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )

    def page(self, question: Question, *, answer: str = "", status: int = 200) -> HTMLResponse:
        """With an `answer`, what became of what was sent; with the form while there is something to answer."""
        request, words = question.request, self._words[question.request.language]
        values = {
            "organisation": plain(question.organisation, LONGEST_NAME),
            "asset": defang(request.value),
            "until": request.expires_at.strftime("%Y-%m-%d"),
            "tries": str(request.tries_left),
        }
        body = self._claim.render(
            title=words.title,
            words=words,
            language=request.language,
            style=self._style,
            question=words.question.format_map(values),
            kind=words.kinds[request.kind].format_map(values),
            below=words.below if request.kind is AssetKind.DOMAIN else "",
            answer=words.answers[answer].format_map(values) if answer else "",
            is_good=answer in WELL_ANSWERED,
            asks=answer in STILL_ASKS and request.state is RequestState.OPEN,
        )
        return self._answer(body, request.language, status, {})

    def error(self, request: Request, section: str, status: int, headers: Mapping[str, str]) -> HTMLResponse:
        """A link that leads nowhere, or what broke, in the language of whoever reads it."""
        language = reader_language(request)
        messages = self._words[language].messages
        message = messages.get(section, messages[WRONG])
        body = self._message.render(title=message.title, message=message, language=language, style=self._style)
        return self._answer(body, language, status, headers)

    def _answer(self, body: str, language: Language, status: int, headers: Mapping[str, str]) -> HTMLResponse:
        own = {"Content-Security-Policy": self._policy, "Content-Language": language}
        return HTMLResponse(body, status_code=status, headers={**own, **headers})


def routes(database: Database, pages: ClaimPages) -> APIRouter:
    router = APIRouter(dependencies=[Depends(public)], tags=["pages"], default_response_class=HTMLResponse)

    @router.get("/claims/{token}")
    async def ask(token: Token) -> HTMLResponse:
        """Who claims what. Changes nothing: mail scanners follow every link."""
        async with database.transaction() as tx:
            question = await question_at(tx, token)
        if question is None:
            raise not_found("link")
        return pages.page(question, answer=_state_of(question, database.now()))

    @router.post(
        "/claims/{token}",
        openapi_extra=form_body(answer="`yes` or `no`", code="With `yes`: the code, in any spelling"),
    )
    async def take(request: Request, token: Token) -> HTMLResponse:
        """Takes `answer`, `yes` with the `code`, or `no` without."""
        form = await form_of(request)
        answer, code = form.first("answer"), form.first("code")
        if answer not in ("yes", "no"):
            raise Problem(422, "no-answer-given", "This says neither yes nor no", "Send `answer` as the page does.")
        async with database.transaction() as tx:
            taken = await answer_at(tx, token, code=code if answer == "yes" else None, now=database.now())
            question = await question_at(tx, token)
        if taken is None or question is None:
            raise not_found("link")
        if isinstance(taken, Refusal):
            return pages.page(question, answer=taken.code, status=422)
        return pages.page(question, answer=question.request.state)

    return router


def _state_of(question: Question, now: datetime) -> str:
    """What is said instead of the question, where there is nothing left to answer."""
    if not question.organisation:
        return "claim-gone"
    if question.request.state is not RequestState.OPEN:
        return str(question.request.state)
    return "" if question.request.is_open(now) else "code-expired"


def _read(path: Path) -> ClaimWords:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=ClaimWords)
    except (OSError, msgspec.ValidationError) as error:
        raise Fatal(f"the words of {path.name} are not complete: {error}") from error

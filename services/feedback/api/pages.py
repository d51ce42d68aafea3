"""Renders pages: in the reader's language, with every value escaped, and with a policy that loads nothing foreign."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from libs.common.languages import CUSTOMS
from libs.common.pages import reader_language
from libs.common.text import defang
from libs.common.vocabulary import Language
from services.feedback.api.wording import TEMPLATES, Wording

STATIC = Path(__file__).parents[1] / "static"

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; img-src 'self' data:; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class House:
    """Who speaks on these pages."""

    name: str
    desk_address: str
    public_url: str
    takes_registrations: bool = True

    @property
    def host(self) -> str:
        """What the reader's address bar should show."""
        return self.public_url.partition("://")[2].partition("/")[0]


class Pages:
    """All pages of the service. A template that names a value that is not there is an error, never an empty place."""

    def __init__(self, *, house: House, wordings: Mapping[Language, Wording]) -> None:
        self.house = house
        self._wordings = wordings
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["defang"] = defang
        self._templates.globals["versions"] = {path.name: _version(path) for path in STATIC.iterdir()}

    def wording(self, request: Request, *, default: Language | None = None) -> Wording:
        """The reader's language: as asked for by `?lang=`, else `default`, else as the browser prefers, else Dutch."""
        return self._wordings[reader_language(request, default=default)]

    def page(
        self,
        request: Request,
        template: str,
        *,
        language: Language | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> HTMLResponse:
        """A page. `language` is what the reader gets unless they ask for another."""
        words = self.wording(request, default=language)
        body = self._templates.get_template(template).render(
            words=words,
            house=self.house,
            here=_query(request, words.language),
            languages=[(other, CUSTOMS[other].name, _query(request, other)) for other in Language],
            **values,
        )
        policy = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Content-Language": words.language}
        return HTMLResponse(body, status_code=status, headers={**policy, **(headers or {})})

    def message(
        self,
        request: Request,
        section: str,
        *,
        language: Language | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        tone: str = "good",
    ) -> HTMLResponse:
        """A page that only says something: one of the messages. `tone` is `good` or `bad`."""
        return self.page(
            request,
            "message.html",
            language=language,
            status=status,
            headers=headers,
            message=self.wording(request, default=language).messages[section],
            tone=tone,
        )

    def error(self, request: Request, section: str, status: int, headers: Mapping[str, str]) -> HTMLResponse:
        """What went wrong, with the status that says the same to a program."""
        return self.message(request, section, status=status, headers=headers, tone="bad")


def _query(request: Request, language: Language) -> str:
    """The same page in a language, as a reference relative to it: a path of `//elsewhere` can't lead elsewhere."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return "?" + urlencode([*kept, ("lang", language.value)])


def _version(path: Path) -> str:
    """Changes with the file, so that browsers may keep it for long."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]

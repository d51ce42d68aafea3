"""The pages of an organisation that registers by itself."""

import math
from collections.abc import Mapping, Sequence

import msgspec
from fastapi import Request
from fastapi.responses import HTMLResponse

from libs.common.languages import CUSTOMS
from libs.common.vocabulary import Language
from services.feedback.api.pages import Pages
from services.feedback.api.wording import Wording
from services.feedback.domain.registration.assets import Flaw
from services.feedback.domain.registration.form import (
    ASSETS_CHARACTERS,
    EMAIL_CHARACTERS,
    NAME_CHARACTERS,
    Flawed,
    RegistrationForm,
    cleaned,
)
from services.feedback.domain.registration.policy import RegistrationPolicy
from services.feedback.domain.registration.registration import Registration, asset_key
from services.feedback.handlers import Seen

TYPED_CHARACTERS = 60
FLAWS_ON_PAGE = 20
DAY_SECONDS = 86_400
LATER_SECONDS = 3600


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the pages say of them."""

    most_assets: int
    kept_days: int
    mails_a_day: int
    assets_characters: int = ASSETS_CHARACTERS
    name_characters: int = NAME_CHARACTERS
    email_characters: int = EMAIL_CHARACTERS


class RegistrationPages:
    """In the reader's language; a registration's own pages in its language, unless another is asked for."""

    def __init__(self, pages: Pages, policy: RegistrationPolicy) -> None:
        self._pages = pages
        self._policy = policy
        self._limits = Limits(
            most_assets=policy.most_assets,
            kept_days=math.ceil(policy.kept_for.total_seconds() / DAY_SECONDS),
            mails_a_day=policy.mails_to_one_a_day,
        )

    def form(self, request: Request, form: RegistrationForm, flawed: Flawed | None = None) -> HTMLResponse:
        flaws = () if flawed is None else flawed.flaws
        return self._pages.page(
            request,
            "register.html",
            status=_status(flaws),
            headers=_headers(flaws),
            form=cleaned(form),
            flaws=self._told(self._pages.wording(request), flaws),
            choices=[(language, CUSTOMS[language].name) for language in Language],
            limits=self._limits,
        )

    def asked(self, request: Request, form: RegistrationForm) -> HTMLResponse:
        return self._pages.page(request, "registered.html", email=cleaned(form).email, limits=self._limits)

    def own(self, request: Request, seen: Seen | None, form: RegistrationForm | None = None) -> HTMLResponse:
        """The page of a registration, whatever has become of it."""
        if seen is None:
            return self._pages.message(request, "registration_gone", status=404, tone="bad")
        registration = seen.registration
        if registration.withdrawn_at is not None:
            return self._pages.message(request, "registration_withdrawn", language=registration.language)
        words = self._pages.wording(request, default=registration.language)
        return self._pages.page(
            request,
            "registration.html" if registration.stands else "confirm.html",
            language=registration.language,
            status=_status(seen.flaws),
            headers=_headers(seen.flaws),
            registration=registration,
            assets=[(asset, registration.followed_as(asset)) for asset in registration.assets],
            key_of=asset_key,
            done=seen.done,
            form=cleaned(form) if form is not None and seen.flaws else RegistrationForm(),
            flaws=self._told(words, seen.flaws),
            limits=self._limits,
        )

    def withdrawing(self, request: Request, registration: Registration) -> HTMLResponse:
        """Asked once more, as all proofs are lost by it."""
        return self._pages.page(
            request, "withdraw.html", language=registration.language, registration=registration, limits=self._limits
        )

    def _told(self, words: Wording, flaws: Sequence[Flaw]) -> list[tuple[str, str]]:
        """Each with the field that it is about. Of very many the first are enough to begin with."""
        told = [(flaw.field, self._sentence(words, flaw)) for flaw in flaws[:FLAWS_ON_PAGE]]
        more = len(flaws) - len(told)
        return [*told, (flaws[-1].field, words.flaws["more"].format(count=words.number(more)))] if more else told

    def _sentence(self, words: Wording, flaw: Flaw) -> str:
        typed = flaw.typed if len(flaw.typed) <= TYPED_CHARACTERS else f"{flaw.typed[:TYPED_CHARACTERS]}…"
        return words.flaws[flaw.what].format(
            typed=typed,
            most=words.number(self._policy.most_assets),
            changes=words.number(self._policy.changes_a_day),
            desk=self._pages.house.desk_address,
        )


def _status(flaws: Sequence[Flaw]) -> int:
    """What is wrong with no field is that it is too much."""
    if not flaws:
        return 200
    return 422 if all(flaw.field for flaw in flaws) else 429


def _headers(flaws: Sequence[Flaw]) -> Mapping[str, str]:
    return {"Retry-After": str(LATER_SECONDS)} if _status(flaws) == 429 else {}

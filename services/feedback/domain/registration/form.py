"""The form by which an organisation registers, and all that can be wrong with it."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from libs.common.addresses import canonical_email
from libs.common.contracts import ClaimedAsset
from libs.common.text import plain
from libs.common.vocabulary import Language
from services.feedback.domain.registration.assets import Flaw, read_assets
from services.feedback.domain.registration.policy import RegistrationPolicy

NAME_CHARACTERS = 200
EMAIL_CHARACTERS = 254
ASSETS_CHARACTERS = 20_000
"""Of each field with assets; what is beyond is not looked at."""

_KVK_NUMBER = re.compile(r"\d{8}", re.ASCII)
_BLANKS_AND_DOTS = re.compile(r"[\s.]+")
_LINK = re.compile(r"://|www\.|@", re.IGNORECASE)


class RegistrationForm(msgspec.Struct, frozen=True, kw_only=True):
    """As it was filled in: everything is text, nothing is certain."""

    organisation: str = ""
    kvk_number: str = ""
    email: str = ""
    language: str = ""
    domains: str = ""
    ranges: str = ""
    asns: str = ""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to register."""

    organisation: str
    kvk_number: str | None
    email: str
    language: Language
    assets: tuple[ClaimedAsset, ...]


class Flawed(msgspec.Struct, frozen=True):
    """All that is wrong, in the order of the fields."""

    flaws: tuple[Flaw, ...]


def cleaned(form: RegistrationForm) -> RegistrationForm:
    """Without what nobody sees, and bounded: so it is kept, and shown again."""
    return RegistrationForm(
        organisation=plain(form.organisation, NAME_CHARACTERS + 1),
        kvk_number=plain(form.kvk_number, 20),
        email=plain(form.email, EMAIL_CHARACTERS + 1),
        language=plain(form.language, 20),
        **{name: plain(text, ASSETS_CHARACTERS, lines=True) for name, text in typed_assets(form).items()},
    )


def typed_assets(form: RegistrationForm) -> Mapping[str, str]:
    return {"domains": form.domains, "ranges": form.ranges, "asns": form.asns}


def read_form(form: RegistrationForm, policy: RegistrationPolicy) -> Wanted | Flawed:
    """Read what `cleaned` has left."""
    typed = read_assets(typed_assets(form), policy)
    email = canonical_email(form.email)
    language = next((language for language in Language if language.value == form.language), None)
    kvk_number = _BLANKS_AND_DOTS.sub("", form.kvk_number)
    flaws = (*_flaws_of_whom(form, kvk_number), *typed.flaws)
    if not typed.assets and not typed.flaws:
        flaws = (*flaws, Flaw("domains", "no_assets"))
    if len(typed.assets) > policy.most_assets:
        flaws = (*flaws, Flaw("domains", "too_many"))
    if email is None or language is None or flaws:
        return Flawed(flaws)
    return Wanted(
        organisation=form.organisation,
        kvk_number=kvk_number or None,
        email=email,
        language=language,
        assets=typed.assets,
    )


def _flaws_of_whom(form: RegistrationForm, kvk_number: str) -> Iterator[Flaw]:
    """A name with a link in it would be an advertisement that we mail to whomever its author likes."""
    if not form.organisation:
        yield Flaw("organisation", "no_organisation")
    elif len(form.organisation) > NAME_CHARACTERS or _LINK.search(form.organisation):
        yield Flaw("organisation", "not_organisation")
    if kvk_number and not _KVK_NUMBER.fullmatch(kvk_number):
        yield Flaw("kvk_number", "not_kvk_number")
    if canonical_email(form.email) is None:
        yield Flaw("email", "not_email" if form.email else "no_email")
    if form.language not in set(Language):
        yield Flaw("language", "no_language")

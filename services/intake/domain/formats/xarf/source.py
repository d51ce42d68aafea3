"""What a report of either version is about: the source of the abuse, and what else it says of it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from libs.common.contracts import Asset
from services.intake.domain.extras import MAX_EXTRA_KEY_CHARS, MAX_EXTRA_VALUE_CHARS, names_a_secret
from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.records import quoted
from services.intake.domain.values import (
    asn_of,
    domain_of,
    email_of,
    identifier_of,
    ip_of,
    refanged,
    single_address,
    url_of,
)

_MAX_SOURCE_CHARS = 2048
_AS = re.compile(r"AS[0-9]{1,10}", re.ASCII | re.IGNORECASE)

# More than is kept, so that what is cut off here already is marked as cut where it is kept.
_MAX_DETAILS = 1024
MAX_NAME_CHARS = 2 * MAX_EXTRA_KEY_CHARS
_MAX_VALUE_CHARS = 4 * MAX_EXTRA_VALUE_CHARS

# Of third persons: who received something, or published it. Whoever is warned needs none of it.
_PERSONAL = re.compile(
    r"smtp_to|smtp_rcpt_to_address|(?:smtp_message_)?subject|from_header|username|user_id|account_id|uploader(?:_id)?"
    r"|registrant"
)


def source_of(fields: Fields, name: str, *, shown: bool = True) -> Asset:
    """The source that a field names: an address, else a URL, an e-mail address, an AS or a domain; else an error.

    Unless it may be `shown`, no message quotes it.
    """
    fields.require(name, code="no-asset")
    value = fields.text(name, limit=_MAX_SOURCE_CHARS)
    if value is None:
        return Asset()
    text = refanged(value)
    ip = ip_of(text) or single_address(text)
    if ip == "":
        fields.reject(name, "network-too-large", f"{quoted(text)} is more than a single address")
        return Asset()
    asset = Asset(ip=ip) if ip else _named(text)
    if asset is None:
        what = quoted(text) if shown else "the value"
        fields.reject(name, "invalid-ip", f"{what} is no IP address, and no URL, e-mail address or domain either")
    return asset or Asset()


def _named(text: str) -> Asset | None:
    if "://" in text:
        url = url_of(text)
        return Asset(url=url) if url else None
    if "@" in text:
        email = email_of(text)
        return Asset(email=email) if email else None
    if _AS.fullmatch(text) and (asn := asn_of(text)):
        return Asset(asn=asn)
    domain = domain_of(text)
    return Asset(domain=domain) if domain else None


def identifier_of_type(word: str) -> str:
    return identifier_of(f"xarf-{word}") or "xarf-unknown"


def without_blanks(members: Mapping[str, object]) -> dict[str, object]:
    """The members that say something."""
    return {name: value for name, value in members.items() if value not in ("", [], {}, None)}


def details(members: Mapping[str, object]) -> dict[str, object]:
    """What a report says beside the finding, as single values, without what is about third persons.

    Lists are joined; what is in an object is named by its path, what is deeper is left out. The values of secrets are
    null.
    """
    cut = ((name[:MAX_NAME_CHARS], value) for name, value in members.items())
    singles = ((name, value) for name, value in _single(cut) if not _PERSONAL.fullmatch(name.rpartition(".")[2]))
    return dict(islice(singles, _MAX_DETAILS))


def _single(members: Iterable[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    for name, value in members:
        if names_a_secret(name):
            yield name, None
        elif isinstance(value, dict):
            yield from ((f"{name}.{inner[:MAX_NAME_CHARS]}", _joined(one)) for inner, one in value.items())
        else:
            yield name, _joined(value)


def _joined(value: object) -> object:
    match value:
        case str():
            return value[:_MAX_VALUE_CHARS]
        case list() if all(isinstance(item, str | int | float) for item in value):
            return ", ".join(str(_joined(item)) for item in value[:_MAX_VALUE_CHARS])[:_MAX_VALUE_CHARS]
        case list() | dict():
            return None
    return value

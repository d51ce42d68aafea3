"""What a field of an XARF report may be required to be: each rule adds an error for every way in which it is not."""

import re
from collections.abc import Callable

from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.records import quoted
from services.intake.domain.times import parse_time
from services.intake.domain.values import cve_of, email_of, hostname_of, url_of

Rule = Callable[[Fields, str], object]

_VERSION = re.compile(r"4\.\d{1,9}\.\d{1,9}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)

MAX_TEXT_CHARS = 4096
_MAX_ITEMS = 1_000


def a_text(fields: Fields, name: str) -> None:
    fields.text(name, limit=MAX_TEXT_CHARS)


def a_version(fields: Fields, name: str) -> None:
    _text_like(fields, name, _VERSION.fullmatch, code="invalid-value", what="a version of XARF 4")


def a_uuid(fields: Fields, name: str) -> None:
    _text_like(fields, name, _UUID.fullmatch, code="invalid-value", what="a UUID")


def a_time(fields: Fields, name: str) -> None:
    _text_like(fields, name, lambda text: parse_time(text[:64]), code="invalid-timestamp", what="a date and time")


def a_url(fields: Fields, name: str) -> None:
    _text_like(fields, name, url_of, code="invalid-url", what="an http, https or ftp URL")


def a_cve(fields: Fields, name: str) -> None:
    _text_like(fields, name, cve_of, code="invalid-cve", what="a CVE id")


def an_email(fields: Fields, name: str) -> None:
    _text_like(fields, name, email_of, code="invalid-email", what="an e-mail address")


def a_host(fields: Fields, name: str) -> None:
    _text_like(fields, name, hostname_of, code="invalid-domain", what="a host name")


def a_port(fields: Fields, name: str) -> None:
    fields.integer(name, low=1, high=65535, code="invalid-port")


def a_contact(fields: Fields, name: str) -> None:
    if contact := fields.member(name):
        apply({"org": a_text, "contact": an_email, "domain": a_host}, contact)


def texts(fields: Fields, name: str) -> None:
    fields.texts(name, items=_MAX_ITEMS, limit=MAX_TEXT_CHARS)


def at_least(low: int) -> Rule:
    return lambda fields, name: fields.integer(name, low=low, high=2**63 - 1, code="invalid-value")


def one_of(words: str) -> Rule:
    """One of the words."""
    known = frozenset(words.split())

    def rule(fields: Fields, name: str) -> None:
        _text_like(fields, name, lambda text: text if text in known else None, code="invalid-value", what=_like(words))

    return rule


def some_of(words: str) -> Rule:
    """A list of some of the words."""
    known = frozenset(words.split())

    def rule(fields: Fields, name: str) -> None:
        for text in fields.texts(name, items=_MAX_ITEMS, limit=MAX_TEXT_CHARS):
            if text not in known:
                fields.reject(name, "invalid-value", f"{quoted(text)} is not {_like(words)}")

    return rule


def one_with(*members: str) -> Rule:
    """An object with at least one of the members."""

    def rule(fields: Fields, name: str) -> None:
        inner = fields.member(name)
        if inner and not any(inner.has(member) for member in members):
            inner.reject(members[0], "missing-field", f"one of {', '.join(members)} is required")

    return rule


def apply(rules: dict[str, Rule], fields: Fields) -> None:
    """Each of the fields must be there, and be what its rule says."""
    for name, rule in rules.items():
        fields.require(name)
        rule(fields, name)


def _text_like(fields: Fields, name: str, read: Callable[[str], object], *, code: str, what: str) -> None:
    fields.reading(name, read, limit=MAX_TEXT_CHARS, code=code, what=what)


def _like(words: str) -> str:
    listed = words.split()
    return f"one of {', '.join(listed)}" if len(listed) < 12 else f"one of {', '.join(listed[:10])} and so on"

"""Values of which only their neighbours say that they are secrets: MISP's attributes have a type, and a `value`.

The type may come last, so the document is held as a whole, as its reader does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.intake.domain.compression import within
from services.intake.domain.extras import names_a_secret
from services.intake.domain.json_documents import MAX_DOCUMENT_BYTES
from services.intake.domain.redaction.places import MARK

_TYPE = re.compile(rb'"(?:type|object_relation)"[ \t\r\n]{0,64}+:[ \t\r\n]{0,64}+"([^"\\]{1,128}+)"')
_TOKEN = re.compile(rb'([{}])|"((?:[^"\\]++|\\.)*+)"(?:\s*+:\s*+"((?:[^"\\]++|\\.)*+)")?', re.DOTALL)
_TYPES = frozenset({b"type", b"object_relation"})

# The Community ID of a flow in a network, which anybody can compute.
_HARMLESS = frozenset({"community-id"})


def is_secret_type(name: str) -> bool:
    """Whether an attribute of this type, or in this place of an object, has a secret for a value."""
    return name not in _HARMLESS and names_a_secret(name.replace("-", "_"))


def has_secret_type(text: bytes) -> bool:
    return any(is_secret_type(name.decode(errors="replace")) for name in set(_TYPE.findall(text)))


def redacted(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The document without the values of such attributes. Raises `PayloadError` 413 for one that is never read."""
    text = b"".join(within(chunks, MAX_DOCUMENT_BYTES))
    at = 0
    for start, end in sorted(_secret_values(text)):
        yield text[at:start] + MARK
        at = end
    yield text[at:]


@dataclass(slots=True)
class _Object:
    """An object that has not ended, as far as it counts here."""

    is_secret: bool = False
    values: list[tuple[int, int]] = field(default_factory=list)


def _secret_values(text: bytes) -> Iterator[tuple[int, int]]:
    """Where they stand, without their quotation marks."""
    opened = [_Object()]
    for token in _TOKEN.finditer(text):
        if token[1] == b"{":
            opened.append(_Object())
        elif token[1] == b"}":
            ended = opened.pop() if len(opened) > 1 else opened[0]
            yield from ended.values if ended.is_secret else ()
        elif token[3] is None:
            continue
        elif token[2] == b"value":
            if token[3] not in (b"", MARK):
                opened[-1].values.append(token.span(3))
        elif token[2] in _TYPES and is_secret_type(token[3].decode(errors="replace")):
            opened[-1].is_secret = True
    for unended in opened:
        yield from unended.values if unended.is_secret else ()

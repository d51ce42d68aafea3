"""What is a secret in which format, beside what `names_a_secret` says for all of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services.intake.domain.extras import names_a_secret


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for one format.

    `harmless` are names that speak of a secret and hold none; `opened` those whose value, if it is an object, has names
    of its own that tell. A text with `guarding` in it is kept with more taken out: the values of the members `guarded`
    too. `unread` are members that no reader opens; they may repeat anything, so they go as soon as anything goes.
    `has_paths` says that a name is a path with dots in it; `has_typed_values` that what a `value` is stands beside it.
    """

    harmless: frozenset[str] = frozenset()
    opened: frozenset[str] = frozenset()
    guarding: re.Pattern[bytes] | None = None
    guarded: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    has_paths: bool = False
    has_typed_values: bool = False

    def is_secret(self, name: str) -> bool:
        if name in self.harmless:
            return False
        return names_a_secret(name.removeprefix("extra.").replace(".", "_") if self.has_paths else name)


# Of children who are abused nothing is kept that may show them, whoever sends it: not what a report of that kind has as
# evidence, nor any other's in the same payload.
_OF_ABUSED_CHILDREN = re.compile(
    rb'"type"[ \t\r\n]{0,64}+:[ \t\r\n]{0,64}+"cs[ae]m"|'
    rb'"ReportType"[ \t\r\n]{0,64}+:[ \t\r\n]{0,64}+"[^"]{0,190}?(?:child|csam|csem)',
    re.IGNORECASE,
)

_RULES: Mapping[str, Rules] = MappingProxyType(
    {
        # `hash` is what evidence is checked by, and stands beside it.
        "xarf": Rules(
            harmless=frozenset({"hash", "hash_values"}),
            guarding=_OF_ABUSED_CHILDREN,
            guarded=frozenset({"payload"}),
        ),
        "intelmq-json": Rules(has_paths=True, opened=frozenset({"hash"}), unread=frozenset({"raw", "output"})),
        "misp": Rules(has_typed_values=True),
    }
)
_FOR_OTHERS = Rules()


def rules_of(format_name: str) -> Rules:
    return _RULES.get(format_name, _FOR_OTHERS)

"""Which versions of a product an incident is about, and whether a version that somebody names is one of them."""

import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from libs.common.contracts import Product

MAX_VERSION_CHARS = 64

_TOKEN = re.compile(r"\d+|[a-z]+|[^\da-z]+")
_PARTINGS = frozenset(" .-_()")
_STEPS = {"r": "r", "p": "p", "patch": "p", "u": "u", "update": "u", "h": "h", "hf": "h", "sp": "sp", "build": ""}
"""What vendors put before the number of something that came after a release. `build` adds nothing to a hyphen."""

_WORD = re.compile(r"[a-z0-9]+")
_FILLING = frozenset({"and", "inc", "the"})


class VersionRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """From `from` on, that one too, and before `below`. What is missing has no end on that side."""

    from_: str | None = msgspec.field(default=None, name="from")
    below: str | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError`, which msgspec tells with its place."""
        for bound in (self.from_, self.below):
            if bound is not None and read_version(bound) is None:
                raise ValueError(f"`{bound}` is no version that can be compared")


class Affected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The affected versions of one product, under all the names that records give it."""

    vendor: str | None = None
    name: str
    aliases: tuple[str, ...] = ()
    ranges: tuple[VersionRange, ...]

    def is_about(self, product: Product) -> bool:
        return is_called(product, (self.name, *self.aliases), vendor=self.vendor)


def is_called(product: Product, names: Iterable[str], *, vendor: str | None) -> bool:
    """Its name is one of these, the vendor's aside: "Citrix NetScaler" is "NetScaler" by Citrix."""
    maker = _words(vendor)
    named = _words(product.name) - maker
    if not named or (product.vendor and maker and not maker & (_words(product.vendor) | _words(product.name))):
        return False
    return any(named == _words(name) - maker for name in names)


Version = tuple[tuple[str, int], ...]
"""Each number, with the letter that stands before it: 9.1R18 is `("", 9), ("", 1), ("r", 18)`."""


@lru_cache(maxsize=1_024)
def is_affected(affected: tuple[Affected, ...], product: Product) -> bool | None:
    """Whether the version is in any range of its product; None where that can't be told."""
    version = read_version(product.version or "")
    ranges = [each for known in affected if known.is_about(product) for each in known.ranges]
    if version is None or not ranges:
        return None
    return any_of(_is_in(version, each) for each in ranges)


def any_of(answers: Iterable[bool | None]) -> bool | None:
    """True if one is; None if one may be."""
    found = set(answers)
    return True if True in found else None if None in found else False


def _is_in(version: Version, within: VersionRange) -> bool | None:
    starts = _order(version, read_version(within.from_)) if within.from_ else 1
    ends = _order(version, read_version(within.below)) if within.below else -1
    if starts == -1 or (ends is not None and ends >= 0):
        return False
    return None if starts is None or ends is None else True


def _order(version: Version, bound: Version | None) -> int | None:
    """-1, 0 or 1 as the version comes before, at or after the bound.

    None where they count in different ways (9.1R18 and 9.1.18.25055), and where the version says too little: 13.1 may
    come before or after 13.1-49.13.
    """
    if bound is None:
        return None
    for (step, number), (bound_step, bound_number) in zip(version, bound, strict=False):
        if step != bound_step:
            return None
        if number != bound_number:
            return -1 if number < bound_number else 1
    if any(number for _, number in bound[len(version) :]):
        return None
    return 1 if any(number for _, number in version[len(bound) :]) else 0


@lru_cache(maxsize=4_096)
def read_version(text: str) -> Version | None:
    """Numbers in order, as in 9.1r18, 13.1-49.13, 7.2.3p1 or "15.1 (Build 2308.27)"; None for any other shape."""
    said = text.strip().lower().removeprefix("version").removeprefix("v").strip()
    if not said[:1].isdigit() or not said.isascii() or len(said) > MAX_VERSION_CHARS:
        return None
    numbers: list[tuple[str, int]] = []
    step = ""
    for token in _TOKEN.findall(said):
        if token.isdigit():
            numbers.append((step, int(token)))
            step = ""
        elif token in _STEPS and not step:
            step = _STEPS[token]
        elif not set(token) <= _PARTINGS:
            return None
    return tuple(numbers) if not step else None


@lru_cache(maxsize=4_096)
def _words(name: str | None) -> frozenset[str]:
    return frozenset(_WORD.findall((name or "").lower())) - _FILLING

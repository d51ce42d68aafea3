"""What a domain name says of who has it, by the list of public suffixes with its private section."""

from functools import lru_cache

from publicsuffixlist import PublicSuffixList

_SUFFIXES = PublicSuffixList()
_REGISTRIES = PublicSuffixList(only_icann=True)
"""Without the suffixes below which companies give out names of their own."""


@lru_cache(maxsize=8_192)
def registrable(name: str) -> str | None:
    """The part of an A-label name that one registrant has: `shop.co.uk` of `www.shop.co.uk`, `me.github.io` whole.

    None for what is a suffix itself.
    """
    found: str | None = _SUFFIXES.privatesuffix(name)
    return found


@lru_cache(maxsize=8_192)
def platform_of(name: str) -> str | None:
    """The domain of the company that gives out such names, `github.io` of `me.github.io`; None: a registry does."""
    own = registrable(name)
    registered: str | None = _REGISTRIES.privatesuffix(name)
    return registered if own is not None and registered != own else None


def is_of_one_owner(name: str, other: str) -> bool:
    """Do two names lie under one registrable domain?"""
    own = registrable(name)
    return own is not None and own == registrable(other)

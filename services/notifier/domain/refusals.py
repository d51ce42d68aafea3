"""Refusals that are about us: policy, spam, signature, sender. Many in a row mean that the next will be refused too."""

from collections import Counter

from services.notifier.domain.meanings import Meaning
from services.notifier.domain.notification import BrakeScope
from services.notifier.domain.replies import Failed, Result, Sent

EVERYWHERE = ""
DOMAINS_AT_ONCE = 3
"""So many times the refusals of a domain, at whichever domains, are the relay's own, or the world's."""

Refusing = tuple[BrakeScope, str]
"""Whom to write to no more for now: a domain, or everybody."""


class Refusals:
    """Counts them by domain; a mail that is taken starts anew. `limit`: so many in a row are too many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_a_row: Counter[str] = Counter()

    def heed(self, domain: str, result: Result) -> None:
        """What became of a mail to this domain."""
        if isinstance(result, Failed) and result.reason == Meaning.POLICY:
            self._in_a_row.update((domain, EVERYWHERE))
        elif isinstance(result, Sent):
            del self._in_a_row[domain], self._in_a_row[EVERYWHERE]

    @property
    def too_many(self) -> list[Refusing]:
        """The domains where it is enough."""
        if self._in_a_row[EVERYWHERE] >= self._limit * DOMAINS_AT_ONCE:
            return [(BrakeScope.ALL, EVERYWHERE)]
        return [
            (BrakeScope.DOMAIN, domain)
            for domain, refused in self._in_a_row.items()
            if domain != EVERYWHERE and refused >= self._limit
        ]

    def forget(self, refusing: list[Refusing]) -> None:
        """They have a brake now: whoever releases it wants to try again."""
        for scope, domain in refusing:
            if scope is BrakeScope.ALL:
                self._in_a_row.clear()
            del self._in_a_row[domain]

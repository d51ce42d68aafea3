"""How many mails of one domain may be under way at once, so that a slow one does not hold up all others."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from services.notifier.domain.notification import Notification
from services.notifier.domain.planning import domain_of


class Lanes(msgspec.Struct, frozen=True):
    """At most `per_domain`, of which so many are `under_way`."""

    per_domain: int
    under_way: Mapping[str, int]

    @property
    def full(self) -> Sequence[str]:
        """The domains that get no further mail now."""
        return [domain for domain, mails in self.under_way.items() if mails >= self.per_domain]

    def admit(self, due: Iterable[Notification]) -> list[Notification]:
        """Those that there is room for, in their order."""
        used = Counter(self.under_way)
        admitted = []
        for notification in due:
            domain = domain_of(notification.recipient.key)
            if used[domain] < self.per_domain:
                used[domain] += 1
                admitted.append(notification)
        return admitted

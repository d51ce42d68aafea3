"""What is known to be wrong of more than one asset."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from libs.common.places import Domains, Ranges
from services.verifier.domain.detected_by import rules_behind
from services.verifier.domain.values import Case, FalsePositive


class KnownWrong:
    """Entries in force, each filed under the narrowest thing that it names."""

    def __init__(self, entries: Iterable[FalsePositive]) -> None:
        self.entries: Sequence[FalsePositive] = tuple(entries)
        self._by_range = Ranges((entry.ip_range, entry) for entry in self.entries if entry.ip_range)
        rest = [entry for entry in self.entries if not entry.ip_range]
        self._by_domain = Domains((entry.domain, entry) for entry in rest if entry.domain)
        self._by_rule: dict[str, list[FalsePositive]] = defaultdict(list)
        self._by_finding: dict[str | None, list[FalsePositive]] = defaultdict(list)
        for entry in rest:
            if entry.domain:
                continue
            if entry.rule and not entry.identifier:
                self._by_rule[entry.rule].append(entry)
            else:
                self._by_finding[entry.identifier].append(entry)

    def about(self, case: Case) -> Iterator[FalsePositive]:
        """Those that may cover the case."""
        if not self.entries:
            return
        indicator = case.event.indicator
        yield from self._by_range.around(indicator.asset.ip)
        for host in indicator.asset.hosts:
            yield from self._by_domain.above(host)
        if self._by_rule:
            for rule in rules_behind(indicator):
                yield from self._by_rule.get(rule, ())
        yield from self._by_finding.get(indicator.identifier, ())
        yield from self._by_finding.get(None, ())

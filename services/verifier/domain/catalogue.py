"""Incidents: the campaigns that threats belong to, and how an indicator finds its own."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from libs.common.contracts import Advisory, Indicator
from libs.common.vocabulary import IncidentState, Language, Severity

COMPROMISED = frozenset({"intrusions", "malicious-code"})
SERVING_OTHERS = frozenset({"malicious-code/c2-server", "malicious-code/malware-distribution"})
"""Where malware is served or commanded; the machine itself need not have it."""
ATTACKING = frozenset({"information-gathering", "intrusion-attempts", "availability"})


class Matches(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an incident recognises; any one hit is enough. `categories` only where nothing else matched."""

    cve_ids: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    malware_names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One vulnerability, misconfiguration or leak, with what its recipients are told.

    One that is `opt_in` is told only to those who have registered the asset with us.
    """

    slug: str
    category: str
    severity: Severity
    state: IncidentState
    cve_ids: tuple[str, ...] = ()
    matches: Matches = Matches()
    advisory: dict[Language, Advisory]
    revision: int = 1
    opt_in: bool = False
    author: str = ""
    approver: str | None = None

    def title(self, language: Language) -> str:
        """In the language asked for, else in any that there is."""
        advisory = self.advisory.get(language) or next(iter(self.advisory.values()), None)
        return advisory.title if advisory else self.slug


class Catalogue:
    """All incidents, and for each thing that can be matched the incident that it means.

    Precedence: CVE, then finding, malware, tag, category; see `_keys_in` for where a CVE counts less. What two
    incidents claim, the first by slug gets. Closed incidents match nothing; drafts and paused ones do, so that their
    threats are held and can be counted.
    """

    def __init__(self, incidents: Iterable[Incident]) -> None:
        self.incidents: Mapping[str, Incident] = {incident.slug: incident for incident in incidents}
        self._keys: dict[tuple[str, str], Incident] = {}
        for incident in sorted(self.incidents.values(), key=lambda incident: incident.slug):
            if incident.state is not IncidentState.CLOSED:
                for key in _keys_of(incident):
                    self._keys.setdefault(key, incident)

    def incident_of(self, indicator: Indicator) -> Incident | None:
        """The incident that an indicator belongs to, if the catalogue knows one."""
        for key in _keys_in(indicator):
            if (found := self._keys.get(key)) is not None:
                return found
        return None


def _keys_of(incident: Incident) -> Iterator[tuple[str, str]]:
    matches = incident.matches
    yield from (("cve", cve_id.upper()) for cve_id in matches.cve_ids)
    yield from (("identifier", identifier) for identifier in matches.identifiers)
    yield from (("malware", name.lower()) for name in matches.malware_names)
    yield from (("tag", tag.lower()) for tag in matches.tags)
    yield from (("category", category) for category in matches.categories)


def _keys_in(indicator: Indicator) -> Iterator[tuple[str, str]]:
    """In order of precedence.

    A CVE says most about a vulnerable system. About a hacked one it says at best how the intruder came in, and about
    an attacking one only what it tries on others, as tags do then.
    """
    taxonomy = indicator.category.partition("/")[0]
    by_cve = [("cve", cve_id) for cve_id in indicator.cve_ids]
    if taxonomy not in COMPROMISED | ATTACKING:
        yield from by_cve
    yield "identifier", indicator.identifier
    if indicator.malware_name and indicator.category not in SERVING_OTHERS:
        yield "malware", indicator.malware_name.lower()
    if taxonomy in COMPROMISED:
        yield from by_cve
    if taxonomy not in ATTACKING:
        yield from (("tag", tag.lower()) for tag in indicator.tags)
    yield "category", indicator.category

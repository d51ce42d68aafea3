"""Incidents: the campaigns that threats belong to, and how an indicator finds its own."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from libs.common.contracts import Advisory, Indicator
from libs.common.languages import ALWAYS_ADVISED
from libs.common.vocabulary import IncidentState, Language, Severity
from services.verifier.domain.affected import Affected

COMPROMISED = frozenset({"intrusions", "malicious-code"})
SERVING_OTHERS = frozenset({"malicious-code/c2-server", "malicious-code/malware-distribution"})
"""Where malware is served or commanded; the machine itself need not have it."""
ATTACKING = frozenset({"information-gathering", "intrusion-attempts", "availability"})
BY_ITSELF = "tocsin"
"""The author of drafts that no person opened."""

MANY_THINGS = frozenset({"compromised-website"})
"""Names of reports, not of findings: all kinds of break-in are in one, and tags and malware say which."""


class Matches(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an incident recognises; any one hit is enough. `categories` only where nothing else matched."""

    cve_ids: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    malware_names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def plus(self, other: "Matches") -> "Matches":
        """What either recognises."""
        return Matches(**{kind: _union(words, getattr(other, kind)) for kind, words in self._by_kind()})

    def minus(self, other: "Matches") -> "Matches":
        """What this one recognises and the other does not."""
        kept = {kind: tuple(w for w in words if w not in getattr(other, kind)) for kind, words in self._by_kind()}
        return Matches(**kept)

    def _by_kind(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        return ((kind, getattr(self, kind)) for kind in self.__struct_fields__)


NOTHING = Matches()

REPLACED = ("category", "severity", "cve_ids", "opt_in", "advisory")
"""What of an incident is one thing or another, and no list to which something is added."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What waits at an incident in force until a second person agrees: what was merged into it, and what people want
    to change that tells more people, tells them sooner, or tells them something else.

    `matches` and `affected` come in besides, `dropped…` go. Of the other fields None stays as it is. Somebody else has
    to approve it than those `by` whom it was proposed.
    """

    matches: Matches = NOTHING
    affected: tuple[Affected, ...] = ()
    dropped: Matches = NOTHING
    dropped_affected: tuple[Affected, ...] = ()
    category: str | None = None
    severity: Severity | None = None
    cve_ids: tuple[str, ...] | None = None
    opt_in: bool | None = None
    advisory: dict[Language, Advisory] | None = None
    by: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return msgspec.structs.replace(self, by=()) == Proposal()

    @property
    def replaced(self) -> dict[str, object]:
        """The fields of an incident that would be others, with what they would be."""
        values = {name: getattr(self, name) for name in REPLACED}
        return {name: value for name, value in values.items() if value is not None}


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One vulnerability, misconfiguration or leak, with what its recipients are told; a draft may have no text yet.

    `affected` are the versions that it is about, where they are known. One that was merged names the other. One that is
    `opt_in` is told only to those who have registered the asset with us.
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
    affected: tuple[Affected, ...] = ()
    proposed: Proposal | None = None
    merged_into: str | None = None

    @property
    def opened_by_itself(self) -> bool:
        """And no person has made it theirs since."""
        return self.author == BY_ITSELF and self.state is IncidentState.DRAFT

    def title(self, language: Language) -> str:
        """In the language asked for, else in any that there is."""
        advisory = self.advisory.get(language) or next(iter(self.advisory.values()), None)
        return advisory.title if advisory else self.slug

    def missing_texts(self) -> list[str]:
        """What its recipients could not be told: each language in which it has to be there, or section of any."""
        missing: list[str] = [language for language in ALWAYS_ADVISED if language not in self.advisory]
        for language, advisory in self.advisory.items():
            sections = advisory.__struct_fields__
            missing += [f"{language}.{section}" for section in sections if not getattr(advisory, section)]
        return missing

    def with_what_is_proposed(self) -> "Incident":
        """As it is once somebody has agreed to that."""
        proposed = self.proposed
        if proposed is None:
            return self
        stay = tuple(each for each in self.affected if each not in proposed.dropped_affected)
        return msgspec.structs.replace(
            self,
            matches=self.matches.plus(proposed.matches).minus(proposed.dropped),
            affected=(*stay, *(each for each in proposed.affected if each not in stay)),
            proposed=None,
            **proposed.replaced,
        )


class Catalogue:
    """All incidents, and for each thing that can be matched the incident that it means.

    Precedence: CVE, then finding, malware, tag, category; see `_keys_in` for where a CVE counts less. A finding that is
    only the name of a report of many things (`MANY_THINGS`) comes after malware and tags. What two incidents claim, the
    first by slug gets, and a draft that opened by itself last.

    Closed incidents match nothing; drafts and paused ones do, so that their threats are held and can be counted. So
    does what is only proposed, after all that is not: for it, its incident is a draft.
    """

    def __init__(self, incidents: Iterable[Incident]) -> None:
        self.incidents: Mapping[str, Incident] = {incident.slug: incident for incident in incidents}
        self._keys: dict[tuple[str, str], Incident] = {}
        for incident in sorted(self.incidents.values(), key=lambda each: (each.opened_by_itself, each.slug)):
            if incident.state is not IncidentState.CLOSED:
                for key in keys_of(incident.matches):
                    self._keys.setdefault(key, incident)
        for incident in self.incidents.values():
            if incident.proposed is not None and incident.state is not IncidentState.CLOSED:
                held = msgspec.structs.replace(incident, state=IncidentState.DRAFT)
                for key in keys_of(incident.proposed.matches):
                    self._keys.setdefault(key, held)

    def incident_of(self, indicator: Indicator) -> Incident | None:
        """The incident that an indicator belongs to, if the catalogue knows one."""
        for key in _keys_in(indicator):
            if (found := self._keys.get(key)) is not None:
                return found
        return None

    def claims(self, kind: str, word: str) -> bool:
        """Whether an incident that is not closed recognises this."""
        return (kind, word) in self._keys

    def at_the_end_of(self, slug: str) -> str:
        """Into which incident this one has been merged in the end; the same where it was not."""
        for _ in self.incidents:
            incident = self.incidents.get(slug)
            if incident is None or incident.merged_into is None:
                break
            slug = incident.merged_into
        return slug


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def keys_of(matches: Matches) -> Iterator[tuple[str, str]]:
    """What can be looked up: each kind with its word."""
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
    names_many_things = indicator.identifier in MANY_THINGS
    if not names_many_things:
        yield "identifier", indicator.identifier
    if indicator.malware_name and indicator.category not in SERVING_OTHERS:
        yield "malware", indicator.malware_name.lower()
    if taxonomy in COMPROMISED and not names_many_things:
        yield from by_cve
    if taxonomy not in ATTACKING:
        yield from (("tag", tag.lower()) for tag in indicator.tags)
    if names_many_things:
        yield "identifier", indicator.identifier
    yield "category", indicator.category

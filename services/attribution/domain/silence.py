"""Of a threat for which nobody was found: what each rung said, or why it said nothing, and what would help."""

from collections.abc import Iterator, Mapping

import msgspec

from libs.common.contracts import Evidence
from services.attribution.domain.answers import Source
from services.attribution.domain.directory import Question
from services.attribution.domain.ladder import Ladder
from services.attribution.domain.ladder.climbing import OF_NAMES
from services.attribution.domain.ladder.rules import Rung
from services.attribution.domain.names import platform_of

SAID_BY: Mapping[str, Rung] = {
    "registered-domain": Rung.REGISTERED,
    "registered-range": Rung.REGISTERED,
    "registered-asn": Rung.REGISTERED,
    "learnt": Rung.LEARNT,
    "certificate-name": Rung.RECORD_NAMES,
    "reverse-name": Rung.RECORD_NAMES,
    "known-organisation": Rung.KNOWN_ORGANISATION,
    "mail-provider": Rung.KNOWN_ORGANISATION,
    "security-txt": Rung.SECURITY_TXT,
    "company-registry": Rung.COMPANY_REGISTRY,
    "company-site": Rung.COMPANY_REGISTRY,
    "rdap-domain": Rung.RDAP_DOMAIN,
    "role-name": Rung.ROLE_NAMES,
    "mail-exchange": Rung.ROLE_NAMES,
    "platform": Rung.PLATFORM,
    "registrar": Rung.REGISTRAR,
    "rdap-network": Rung.RDAP_NETWORK,
    "ripe:abuse-c": Rung.NETWORK,
    "ripe:aut-num": Rung.SYSTEM,
    "national-cert": Rung.NATIONAL_CERT,
}
"""Whose evidence it is, by its source. What is in no row is no rung's: the country, the list of vital operators."""

ASKS: Mapping[Rung, Source] = {
    Rung.SECURITY_TXT: Source.SECURITY_TXT,
    Rung.PLATFORM: Source.SECURITY_TXT,
    Rung.COMPANY_REGISTRY: Source.COMPANY_REGISTRY,
    Rung.RDAP_DOMAIN: Source.RDAP_DOMAIN,
    Rung.ROLE_NAMES: Source.MAIL_EXCHANGE,
    Rung.REGISTRAR: Source.RDAP_DOMAIN,
    Rung.RDAP_NETWORK: Source.RDAP_NETWORK,
}
SWITCHES: Mapping[Source, str] = {
    Source.SECURITY_TXT: "SECURITY_TXT_ENABLED",
    Source.COMPANY_REGISTRY: "KVK_BASE_URL or COMPANY_FILE",
    Source.RDAP_DOMAIN: "RDAP_BOOTSTRAP_DIR",
    Source.RDAP_NETWORK: "RDAP_BOOTSTRAP_DIR",
    Source.MAIL_EXCHANGE: "MAIL_EXCHANGE_ENABLED",
}
"""The setting without which a source is never asked."""

BY_ADDRESS = frozenset({Rung.RDAP_NETWORK, Rung.NETWORK})
BY_ATTACKERS_NAME = frozenset({Rung.PLATFORM, Rung.REGISTRAR})
"""Who is asked about a name that serves an attacker; what it publishes of itself is the attacker's word."""

NOT_ON_THE_LADDER = "not on the ladder: the ladder file leaves it out"
OFF = "not asked: it is not switched on"
WATCHED = "not asked: the host may be in an intruder's hands, who may be watching (SILENT_CATEGORIES)"
NOTHING_TO_SAY: Mapping[Rung, str] = {
    Rung.REGISTERED: "the record has no name, address or AS that could be registered",
    Rung.LEARNT: "no person has decided about it before",
    Rung.RECORD_NAMES: "no name was found there, or none that somebody has registered",
    Rung.KNOWN_ORGANISATION: "no organisation that we know has its mail there, or is called like its registrant",
    Rung.PLATFORM: "no platform gave out the name",
    Rung.REGISTRAR: "asked only about a name that serves an attacker",
    Rung.RDAP_NETWORK: "not asked: the import knows whose network it is, or a content network is the wrong one to ask",
    Rung.SYSTEM: "no AS is known for it",
    Rung.NATIONAL_CERT: "no team is named for its country or sector",
}


class RungTold(msgspec.Struct, frozen=True, kw_only=True):
    """`said`: its answers, one for each question. Where it has none, `silent_because` says why."""

    rung: Rung
    said: tuple[str, ...] = ()
    silent_because: str = ""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A question, what was answered, and the rules and sources that there are.

    `enabled` are those that are switched on, `online` those of them that may be asked about this.
    """

    question: Question
    evidence: tuple[Evidence, ...]
    ladder: Ladder
    enabled: frozenset[Source]
    online: frozenset[Source]

    @property
    def is_of_attacker(self) -> bool:
        return self.question.category in self.ladder.malicious


def rungs_told(heard: Heard) -> list[RungTold]:
    """Every rung that there is, in the operator's order; those that are not on their ladder come last."""
    said: dict[Rung, list[str]] = {}
    for step in heard.evidence:
        rung = SAID_BY.get(base_of(step.source))
        if rung is not None:
            said.setdefault(rung, []).append(f"{step.asked}: {step.answered}")
    ladder = heard.ladder.rungs
    return [
        RungTold(rung=rung, said=tuple(said[rung]))
        if rung in said
        else RungTold(rung=rung, silent_because=_why_silent(rung, heard))
        for rung in (*ladder, *(rung for rung in Rung if rung not in ladder))
    ]


def base_of(source: str) -> str:
    """Without the day of an import."""
    return source.partition(" ")[0]


def _why_silent(rung: Rung, heard: Heard) -> str:
    if rung not in heard.ladder.rungs:
        return NOT_ON_THE_LADDER
    if why_not := _why_not_asked(rung, heard):
        return why_not
    source = ASKS.get(rung)
    if source is None or source in heard.online:
        return NOTHING_TO_SAY.get(rung, "none of its names says whose it is")
    return WATCHED if source in heard.enabled else OFF


def _why_not_asked(rung: Rung, heard: Heard) -> str:
    """What of the record itself keeps a rung from being asked, whatever is switched on."""
    question = heard.question
    if rung in OF_NAMES and not question.names:
        return "the record has no name that could be asked for"
    if rung in OF_NAMES - BY_ATTACKERS_NAME and heard.is_of_attacker:
        return "the name serves an attacker: what it publishes of itself is the attacker's word"
    if rung in BY_ADDRESS and question.address is None:
        return "the record has no address"
    if rung is Rung.REGISTRAR and not (heard.is_of_attacker and question.address is None):
        return NOTHING_TO_SAY[rung]
    if rung is Rung.PLATFORM and not any(map(platform_of, question.names)):
        return NOTHING_TO_SAY[rung]
    return ""


def would_help(heard: Heard, *, has_candidates: bool) -> list[str]:
    """What an operator can do so that the next one like it finds somebody, as sentences, each once."""
    first = ["Choose one of the candidates, or name the organisation."] if has_candidates else []
    register = f"Register {heard.question.owned_part} with its organisation, if you know whose it is."
    later = (sentence for step in heard.evidence for sentence in _help_of(step))
    return list(dict.fromkeys((*first, register, *later, *_switches(heard), *_teams(heard))))


def _help_of(step: Evidence) -> Iterator[str]:
    answered, source = step.answered, base_of(step.source)
    if answered.endswith("without a contact that can be written to"):
        yield f"Give a contact to the organisation that {step.asked} is registered with."
    elif "older than" in answered:
        yield f"Bring in a newer {step.source}: what there is is too old to be believed."
    elif answered.startswith(("did not answer", "not used: it answered")) or answered == "not asked":
        yield f"Wait: {source} is asked again, and what it says later still counts."
    elif ": a claim on " in answered:
        yield f"Decide about the claim on {step.asked}, or have it proven."
    elif answered.startswith("no range known"):
        yield f"Bring in a dump of the registry that {step.asked} belongs to."


def _switches(heard: Heard) -> Iterator[str]:
    """Which sources to switch on: those that would have been asked."""
    for told in rungs_told(heard):
        if told.silent_because == OFF:
            source = ASKS[told.rung]
            yield f"Switch on {source} ({SWITCHES[source]}): it was not asked."


def _teams(heard: Heard) -> Iterator[str]:
    if Rung.NATIONAL_CERT in heard.ladder.rungs and not heard.ladder.teams:
        yield "Name the CSIRT of your country in the ladder file: it is told where nobody else is found."

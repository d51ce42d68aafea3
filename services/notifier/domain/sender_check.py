"""Whether the world will believe that our mails are ours: what the DNS has to say for that, and what it says.

SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489), the MX of the return address, and names of the sending addresses.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec
from publicsuffixlist import PublicSuffixList

from services.notifier.domain.dkim import DkimKeys
from services.notifier.domain.spf import Pass, is_spf, qualifier_of_all

SUFFIXES = PublicSuffixList()


class Verdict(StrEnum):
    """How a part of the setup is, best first. `unknown`: the DNS did not answer, or it can't be seen from here."""

    RIGHT = "right"
    UNKNOWN = "unknown"
    WEAK = "weak"
    MISSING = "missing"
    WRONG = "wrong"


class Subject(StrEnum):
    """What is looked at."""

    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    BOUNCES = "bounces"
    REVERSE_NAME = "reverse-name"
    SIGNATURES = "signatures"


class Record(msgspec.Struct, frozen=True):
    """What to put into the DNS."""

    name: str
    type: str
    value: str


class Finding(msgspec.Struct, frozen=True):
    """One sentence about one part, and what to put where, if that would mend it."""

    subject: Subject
    verdict: Verdict
    sentence: str
    record: Record | None = None


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What we send as. `sending_addresses`: from which the relay's mails leave, as far as somebody told us."""

    from_domain: str
    return_domain: str
    keys: DkimKeys | None
    sending_addresses: Sequence[str] = ()
    reports_to: str

    @property
    def dmarc_names(self) -> Sequence[str]:
        """Where a DMARC record may be: of the domain itself, else of the one that was registered."""
        return tuple(dict.fromkeys(f"_dmarc.{name}" for name in (self.from_domain, registered(self.from_domain))))

    @property
    def dkim_names(self) -> Mapping[str, str]:
        """Where each selector's record is."""
        if self.keys is None:
            return {}
        return {key.selector: f"{key.selector}._domainkey.{self.keys.domain}" for key in self.keys.keys}


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the DNS said; what it did not answer is None. `spf` has an entry for each sending address."""

    texts: Mapping[str, Sequence[str] | None]
    mail_hosts: Sequence[str] | None
    spf: Mapping[str, Pass]
    names: Mapping[str, Sequence[str] | None]
    """Of each sending address: those that lead back to it."""


def findings_of(setup: Setup, seen: Seen) -> list[Finding]:
    """All of it, in the order in which one would mend it."""
    found = [spf_finding(setup, seen), *dkim_findings(setup, seen), dmarc_finding(setup, seen)]
    return [*found, bounces_finding(setup, seen), *reverse_findings(setup, seen)]


def worst_of(findings: Iterable[Finding]) -> Verdict:
    return max((finding.verdict for finding in findings), key=list(Verdict).index, default=Verdict.RIGHT)


def registered(domain: str) -> str:
    """The domain that somebody registered: what DMARC compares by."""
    return SUFFIXES.privatesuffix(domain) or domain


def spf_finding(setup: Setup, seen: Seen) -> Finding:
    domain = setup.return_domain
    texts = seen.texts.get(domain)
    if texts is None:
        return _unanswered(Subject.SPF, domain)
    records = [text for text in texts if is_spf(text)]
    mechanisms = (
        " ".join(f"{'ip6' if ':' in each else 'ip4'}:{each}" for each in setup.sending_addresses)
        or "ip4:ADDRESS-OF-YOUR-RELAY"
    )
    wanted = Record(domain, "TXT", f"v=spf1 {mechanisms} -all")
    if not records:
        return Finding(Subject.SPF, Verdict.MISSING, f"{domain} does not say who may send for it.", wanted)
    if len(records) > 1:
        return Finding(Subject.SPF, Verdict.WRONG, f"{domain} has several SPF records, which count as none.", wanted)
    refused = [address for address, answer in seen.spf.items() if answer is Pass.NO]
    if refused:
        return Finding(Subject.SPF, Verdict.WRONG, f"{domain} does not let {', '.join(refused)} send for it.", wanted)
    if qualifier_of_all(records[0]) in ("+", "?", ""):
        return Finding(
            Subject.SPF, Verdict.WEAK, f"{domain} lets everybody send for it: end its record in -all.", wanted
        )
    if not seen.spf or Pass.UNKNOWN in seen.spf.values():
        sentence = f"{domain} has an SPF record; whether it names where your relay sends from can't be seen from here."
        return Finding(Subject.SPF, Verdict.UNKNOWN, f"{sentence} Set SENDING_ADDRESSES.")
    return Finding(Subject.SPF, Verdict.RIGHT, f"{domain} lets your relay send for it, and nobody else.")


def dkim_findings(setup: Setup, seen: Seen) -> list[Finding]:
    if setup.keys is None:
        sentence = "The notifier does not sign. If your relay does, ask there; if nobody does, set DKIM_KEY_FILE."
        return [Finding(Subject.DKIM, Verdict.UNKNOWN, sentence)]
    return [
        _dkim_finding(setup.dkim_names[key.selector], seen, key.public, key.record, key.selector)
        for key in setup.keys.keys
    ]


def _dkim_finding(name: str, seen: Seen, public: str, record: str, selector: str) -> Finding:
    texts = seen.texts.get(name)
    if texts is None:
        return _unanswered(Subject.DKIM, name)
    wanted = Record(name, "TXT", record)
    tags = [tags_of(text) for text in texts]
    published = [each["p"].replace(" ", "") for each in tags if "p" in each]
    if not published:
        sentence = f"The public key of the selector {selector} is not in the DNS, so no receiver can check us."
        return Finding(Subject.DKIM, Verdict.MISSING, sentence, wanted)
    if len(published) > 1:
        sentence = f"The selector {selector} has several keys in the DNS; receivers take any of them."
        return Finding(Subject.DKIM, Verdict.WRONG, sentence, wanted)
    if published != [public]:
        sentence = f"The selector {selector} has another key in the DNS than ours, so our signatures fail."
        return Finding(Subject.DKIM, Verdict.WRONG, sentence, wanted)
    if any("y" in each.get("t", "").split(":") for each in tags):
        sentence = f"The selector {selector} is marked as a test (t=y), which receivers may pass over."
        return Finding(Subject.DKIM, Verdict.WEAK, sentence, wanted)
    return Finding(Subject.DKIM, Verdict.RIGHT, f"The selector {selector} has our key in the DNS.")


def dmarc_finding(setup: Setup, seen: Seen) -> Finding:
    answers = [seen.texts.get(name) for name in setup.dmarc_names]
    wanted = Record(setup.dmarc_names[0], "TXT", f"v=DMARC1; p=reject; rua=mailto:{setup.reports_to}")
    if any(answer is None for answer in answers):
        return _unanswered(Subject.DMARC, setup.dmarc_names[0])
    policies = next(
        (found for texts in answers if (found := [tags_of(t) for t in texts or () if t.startswith("v=DMARC1")])), []
    )
    if not policies:
        sentence = f"{setup.from_domain} has no DMARC policy, so anybody can write in our name."
        return Finding(Subject.DMARC, Verdict.MISSING, sentence, wanted)
    policy = policies[0]
    if not (_is_signature_aligned(setup, policy) or _is_return_aligned(setup, policy)):
        sentence = (
            f"Neither our signature nor our return address ({setup.return_domain}) is of the domain in From "
            f"({setup.from_domain}), so DMARC refuses our own mails."
        )
        return Finding(Subject.DMARC, Verdict.WRONG, sentence)
    if len(policies) > 1:
        return Finding(Subject.DMARC, Verdict.WRONG, f"{setup.from_domain} has several DMARC policies: none counts.")
    if policy.get("p") not in ("reject", "quarantine"):
        sentence = f"The DMARC policy of {setup.from_domain} is p={policy.get('p', '')}: false mails still arrive."
        return Finding(Subject.DMARC, Verdict.WEAK, sentence, wanted)
    return Finding(Subject.DMARC, Verdict.RIGHT, f"False mails from {setup.from_domain} are not let in.")


def bounces_finding(setup: Setup, seen: Seen) -> Finding:
    domain, hosts = setup.return_domain, seen.mail_hosts
    wanted = Record(domain, "MX", "10 THE-SERVER-THAT-TAKES-YOUR-BOUNCES.")
    if hosts is None:
        return _unanswered(Subject.BOUNCES, domain)
    if not hosts:
        return Finding(Subject.BOUNCES, Verdict.MISSING, f"{domain} has no MX: bounces of our mails are lost.", wanted)
    if "" in hosts:
        return Finding(Subject.BOUNCES, Verdict.WRONG, f"{domain} says that it takes no mail, bounces neither.", wanted)
    return Finding(Subject.BOUNCES, Verdict.RIGHT, f"Bounces go to {', '.join(hosts)}.")


def reverse_findings(setup: Setup, seen: Seen) -> list[Finding]:
    if not setup.sending_addresses:
        sentence = "From which address your relay sends can't be seen from here. Set SENDING_ADDRESSES."
        return [Finding(Subject.REVERSE_NAME, Verdict.UNKNOWN, sentence)]
    return [_reverse_finding(address, seen.names.get(address)) for address in setup.sending_addresses]


def _reverse_finding(address: str, names: Sequence[str] | None) -> Finding:
    if names is None:
        return _unanswered(Subject.REVERSE_NAME, address)
    if not names:
        sentence = f"{address} has no name that leads back to it, and many receivers refuse such senders."
        wanted = Record(address, "PTR", "THE-NAME-THAT-YOUR-RELAY-SAYS-IN-HELO.")
        return Finding(Subject.REVERSE_NAME, Verdict.MISSING, sentence, wanted)
    sentence = f"{address} is {' and '.join(names)}, as your relay should call itself in HELO."
    return Finding(Subject.REVERSE_NAME, Verdict.RIGHT, sentence)


def tags_of(text: str) -> dict[str, str]:
    """`v=DKIM1; p=…` as pairs, which DMARC has too."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _is_signature_aligned(setup: Setup, policy: Mapping[str, str]) -> bool:
    return setup.keys is not None and _is_aligned(setup.keys.domain, setup.from_domain, policy.get("adkim"))


def _is_return_aligned(setup: Setup, policy: Mapping[str, str]) -> bool:
    return _is_aligned(setup.return_domain, setup.from_domain, policy.get("aspf"))


def _is_aligned(domain: str, from_domain: str, mode: str | None) -> bool:
    return domain == from_domain if mode == "s" else registered(domain) == registered(from_domain)


def _unanswered(subject: Subject, name: str) -> Finding:
    return Finding(subject, Verdict.UNKNOWN, f"No name server has answered for {name}; ask again later.")

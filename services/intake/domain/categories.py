"""The classification of findings: the Reference Security Incident Taxonomy, in the spelling of IntelMQ."""

from services.intake.domain.records import Findings, quoted

_TYPES = {
    "abusive-content": ("harmful-speech", "spam", "violence"),
    "availability": ("ddos", "dos", "misconfiguration", "outage", "sabotage"),
    "fraud": ("copyright", "masquerade", "phishing", "unauthorized-use-of-resources"),
    "information-content-security": (
        "data-leak",
        "data-loss",
        "unauthorised-information-access",
        "unauthorised-information-modification",
    ),
    "information-gathering": ("scanner", "sniffing", "social-engineering"),
    "intrusion-attempts": ("brute-force", "exploit", "ids-alert"),
    "intrusions": (
        "application-compromise",
        "burglary",
        "privileged-account-compromise",
        "system-compromise",
        "unprivileged-account-compromise",
    ),
    "malicious-code": ("c2-server", "infected-system", "malware-configuration", "malware-distribution"),
    "vulnerable": (
        "ddos-amplifier",
        "information-disclosure",
        "potentially-unwanted-accessible",
        "vulnerable-system",
        "weak-crypto",
    ),
    "other": ("blocklist", "dga-domain", "malware", "other", "proxy", "tor", "undetermined"),
    "test": ("test",),
}

UNDETERMINED = "other/undetermined"

_CATEGORIES = {f"{taxonomy}/{kind}": f"{taxonomy}/{kind}" for taxonomy, kinds in _TYPES.items() for kind in kinds}
_OTHER_SPELLINGS = {
    **{c.replace("unauthorised", "unauthorized"): c for c in _CATEGORIES},
    **{c.replace("unauthorized", "unauthorised"): c for c in _CATEGORIES},
    "other/blacklist": "other/blocklist",
}

_BY_TYPE = {spelling.partition("/")[2]: category for spelling, category in (_CATEGORIES | _OTHER_SPELLINGS).items()}


def category_of(text: str) -> str | None:
    """The category that `text` means, in our spelling; `None` when there is no such."""
    word = text.strip().lower()
    return _CATEGORIES.get(word) or _OTHER_SPELLINGS.get(word)


def category_of_type(text: str) -> str | None:
    """The category with this type, which says it all: no two taxonomies share one."""
    return _BY_TYPE.get(text.strip().lower())


def category_named(text: str | None, *, field: str, findings: Findings) -> tuple[str, dict[str, str]]:
    """The category, undetermined if none is named; one that nobody knows is kept for the record's `extra`."""
    category = category_of(text) if text is not None else UNDETERMINED
    if text is None or category:
        return category or UNDETERMINED, {}
    findings.warn(field, "unknown-category", f"{quoted(text)} is not a category that we know")
    return UNDETERMINED, {"original_category": text}


def identifier_of_category(category: str, cve_ids: tuple[str, ...]) -> str:
    """What is wrong, in a word, where nobody says it in a name of its own."""
    is_vulnerable = category.startswith("vulnerable/")
    return cve_ids[0].lower() if is_vulnerable and cve_ids else category.partition("/")[2]

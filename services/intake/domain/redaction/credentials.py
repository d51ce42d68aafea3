"""What may be kept of a list of stolen credentials: whose they are and where they turned up."""

from services.intake.domain.times import parse_time
from services.intake.domain.values import domain_of, email_of, ip_of, name_of, url_of

NAME = "credentials-csv"
COLUMNS = frozenset({"email", "domain", "url", "breach", "seen_at", "leaked_at", "kind", "malware_name", "ip"})
"""What is taken in. The door blanks all others, whatever they are called."""

WITHHELD = "[withheld]"
"""What stands where a cell was not what its column says, as it might have been somebody's password."""

_KINDS = frozenset({"password", "hash", "session", "other"})


def kept_cell(name: str, cell: str) -> str:
    """A cell of one of `COLUMNS` as it may be kept: nothing but what its column is for."""
    text = cell.strip()
    match name:
        case "email":
            return email_of(text) or WITHHELD
        case "domain":
            return domain_of(text) or WITHHELD
        case "ip":
            return ip_of(text) or WITHHELD
        case "url":
            return _without_query(url_of(text)) or WITHHELD
        case "seen_at" | "leaked_at":
            return text if len(text) <= 64 and parse_time(text) else WITHHELD
        case "kind":
            return text.lower() if text.lower() in _KINDS else "other"
    return name_of(text) or ""


def _without_query(url: str | None) -> str | None:
    return url.partition("?")[0] if url else None

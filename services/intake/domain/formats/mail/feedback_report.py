"""ARF, the Abuse Reporting Format (RFC 5965): what mailbox providers send when their users complain."""

from datetime import datetime
from itertools import islice

from libs.common.contracts import Asset, Indicator
from libs.common.text import plain
from services.intake.domain.categories import UNDETERMINED
from services.intake.domain.extras import bounded
from services.intake.domain.formats.cells import read_ip
from services.intake.domain.lines import with_head
from services.intake.domain.mime import MAX_FIELD_CHARS, MAX_HEADER_BYTES, Part, header_of, text_of_field
from services.intake.domain.records import Findings, Record, quoted
from services.intake.domain.times import seen_at_in_mail
from services.intake.domain.values import identifier_of, tags_of_ip, url_of

MEDIA_TYPE = "message/feedback-report"

_CATEGORIES = {
    "abuse": "abusive-content/spam",
    "fraud": "fraud/phishing",
    "virus": "malicious-code/malware-distribution",
    "other": UNDETERMINED,
    "auth-failure": UNDETERMINED,
}
_WITHDRAWN = "not-spam"
_UNKNOWN_IDENTIFIER = "arf-unknown"

# Named at most once; the others that may be named more often are Original-Rcpt-To, Reported-Domain, Reported-URI and
# Authentication-Results.
_ONCE = (
    "Feedback-Type",
    "Source-IP",
    "Source-Port",
    "Arrival-Date",
    "Received-Date",
    "Incidents",
    "User-Agent",
    "Reporting-MTA",
)
_MAX_URIS = 20


class FeedbackReport:
    """The fields of a report; the original mail, its sender and its recipients are other people's affair."""

    def __init__(self, part: Part) -> None:
        content, _ = with_head(part.content(), MAX_HEADER_BYTES)
        self._header = header_of(content[:MAX_HEADER_BYTES].lstrip(b" \t\r\n"))
        self._line = part.line

    @property
    def kind(self) -> str:
        return self._first("Feedback-Type").lower()

    def record(self, *, mail_date: str, now: datetime) -> Record:
        """The one record that a report is. `mail_date` counts where the report does not say when it was so."""
        findings = Findings(1, self._line)
        at = self._seen_at(mail_date, findings, now=now)
        asset = self._asset(findings)
        category = self._category(findings)
        for name in _ONCE:
            if len(self._header.get_all(name, [])) > 1:
                findings.warn(name, "value-discarded", "the field stands there more than once; the first one counts")
        if at is None or asset is None or category is None:
            return findings.verdict(None)
        indicator = Indicator(
            seen_at=at,
            category=category,
            identifier=identifier_of(f"arf-{self.kind}") or _UNKNOWN_IDENTIFIER,
            asset=asset,
            tags=tags_of_ip(asset.ip),
            extra=self._extra(),
        )
        return findings.verdict(indicator)

    def _first(self, name: str) -> str:
        return plain(text_of_field(self._header.get(name, "")), MAX_FIELD_CHARS)

    def _seen_at(self, mail_date: str, findings: Findings, *, now: datetime) -> datetime | None:
        for name in ("Arrival-Date", "Received-Date"):
            if text := self._first(name):
                return seen_at_in_mail(text, field=name, findings=findings, now=now)
        if mail_date:
            findings.warn("Arrival-Date", "assumed-time", "the report has no Arrival-Date; the mail's own was taken")
        return seen_at_in_mail(mail_date, field="Date" if mail_date else "Arrival-Date", findings=findings, now=now)

    def _asset(self, findings: Findings) -> Asset | None:
        ip = read_ip(self._first("Source-IP").removeprefix("[").removesuffix("]"), "Source-IP", findings)
        url = next(iter(self._urls()), None)
        uris = self._header.get_all("Reported-URI", [])
        if findings.errors:
            return None
        if not (ip or url or uris):
            findings.reject("Source-IP", "no-asset", "the report names neither an address nor a URL")
        elif not (ip or url):
            findings.reject("Reported-URI", "invalid-url", "it is no http, https or ftp URL, and there is no Source-IP")
        elif len(uris) > len(self._urls()):
            findings.warn("Reported-URI", "value-discarded", "some are no http, https or ftp URLs, or are too many")
        return Asset(ip=ip, url=url) if ip or url else None

    def _category(self, findings: Findings) -> str | None:
        if not self.kind:
            findings.reject("Feedback-Type", "missing-field", "the field is required")
            return None
        if self.kind == _WITHDRAWN:
            findings.reject("Feedback-Type", "withdrawn", "the report says that the mail was none that is unwanted")
            return None
        if self.kind not in _CATEGORIES:
            findings.warn("Feedback-Type", "unknown-category", f"{quoted(self.kind)} is not a type that we know")
        return _CATEGORIES.get(self.kind, UNDETERMINED)

    def _urls(self) -> list[str]:
        """What was advertised; of an address for mail, which is somebody's, nothing is said."""
        uris = islice(self._header.get_all("Reported-URI", []), _MAX_URIS)
        return [url for uri in uris if (url := url_of(plain(text_of_field(uri), MAX_FIELD_CHARS)))]

    def _extra(self) -> dict[str, str]:
        """Who reports with what, and how often it was seen; nothing that names a person."""
        named = {
            "feedback_type": self.kind,
            "user_agent": self._first("User-Agent"),
            "reporting_mta": self._first("Reporting-MTA"),
            "source_port": self._first("Source-Port"),
            "count": self._first("Incidents"),
            "reported_uris": " ".join(self._urls()[1:]),
        }
        return bounded(named.items())

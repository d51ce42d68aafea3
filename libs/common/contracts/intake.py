"""What intake says: the records of a submission, normalised."""

from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from libs.common.contracts.event import Event, topic
from libs.common.vocabulary import DigestCadence, Language, Reliability, Severity, Tlp, Transport


class Asset(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is exposed. At least one of `ip`, `domain`, `url`, `asn`, `email` is set; `hostname` (reverse DNS) is
    context and never enough.

    Values are canonical: compressed lower-case addresses, A-label domains, integer ASNs. `port` is a service on the
    asset, never a client's ephemeral port.
    """

    ip: str | None = None
    port: int | None = None
    transport: Transport | None = None
    domain: str | None = None
    url: str | None = None
    asn: int | None = None
    email: str | None = None
    hostname: str | None = None

    @property
    def key(self) -> str:
        """The identity of the asset: Kafka key and half of a threat's identity. The port is not part of it."""
        return self.ip or self.domain or self.url or self.email or (f"AS{self.asn}" if self.asn else "")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that say whose it is: the domain, the URL's host, the e-mail address's domain; what there is."""
        if self.domain is None and self.url is None and self.email is None:
            return ()  # as most are
        of_email = self.email.rpartition("@")[2] if self.email else None
        return tuple(host for host in (self.domain, _host_of(self.url), of_email) if host)


def _host_of(url: str | None) -> str | None:
    """None for a URL that can't be read."""
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None


class Product(msgspec.Struct, frozen=True, omit_defaults=True):
    """Vendor, name and version as the record claims them."""

    vendor: str | None = None
    name: str | None = None
    version: str | None = None


CERTIFICATE_FIELD = "subject_common_name"


class Indicator(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of a submission, in the project's words; docs/for-partners.md describes each field."""

    seen_at: datetime
    category: str
    identifier: str
    asset: Asset
    first_seen_at: datetime | None = None
    geo_country: str | None = None
    asn: int | None = None
    as_name: str | None = None
    severity: Severity | None = None
    cve_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    product: Product | None = None
    malware_name: str | None = None
    credentials: bool = False
    confidence: int | None = None
    tlp: Tlp | None = None
    description: str | None = None
    extra: dict[str, str] = {}

    @property
    def certificate_name(self) -> str | None:
        """The name in the certificate at the asset, as the record has it."""
        return self.extra.get(CERTIFICATE_FIELD) if self.extra else None


@topic("raw-indicator")
class RawIndicator(Event, frozen=True, kw_only=True, omit_defaults=True, tag="raw-indicator.v1"):
    """An accepted record of a submission, on its way to be verified. `record` is 1-based, the header not counted.

    `test_mails_to` is set on what a partner only tries out: the one address that its mail may go to. `upstream` is
    whose finding it is, where a partner passes on somebody else's.
    """

    indicator_id: UUID
    submission_id: UUID
    record: int
    partner: str
    reliability: Reliability
    received_at: datetime
    indicator: Indicator
    test_mails_to: str | None = None
    upstream: str | None = None

    @property
    def key(self) -> str:
        return self.indicator.asset.key

    @property
    def source(self) -> str:
        """Who has found it: what two of them say is confirmed, what one says by two ways is not."""
        return self.upstream or self.partner

    @property
    def event_id(self) -> UUID:
        return self.indicator_id

    @property
    def is_test(self) -> bool:
        return self.test_mails_to is not None


class DigestFormat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The submissions of one format and type, and their records by outcome, the rejected ones too."""

    format: str
    report_type: str | None = None
    submissions: int
    outcomes: dict[str, int] = {}


class DigestReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why so many records ended so: the first code that was found wrong, or that of the check that decided."""

    outcome: str
    reason: str
    records: int


class DigestSubmission(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One submission. `url` is that of its receipt, where intake knows under which address partners reach it."""

    submission_id: UUID
    received_at: datetime
    status: str
    format: str
    report_type: str | None = None
    file_name: str | None = None
    outcomes: dict[str, int] = {}
    url: str = ""


class DigestTrouble(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that the partner can mend. A `kind` that its reader does not know is passed over."""

    kind: str
    count: int = 0
    at: datetime | None = None
    detail: str = ""


@topic("digest-due")
class DigestDue(Event, frozen=True, kw_only=True, omit_defaults=True, tag="digest-due.v1"):
    """What became of a partner's records, to be mailed to the partner. Nothing in it names a recipient.

    `outcomes` are those of the records received from `since` until `until`, as they stood at `made_at`; `earlier`
    counts the records received before that have got another outcome since they were last told of, `earlier_pending`
    those that still have none. `submissions` are some of `submissions_total`: those with trouble, then the newest.
    """

    digest_id: UUID
    partner_id: UUID
    partner: str
    name: str
    email: str
    language: Language
    cadence: DigestCadence
    since: datetime
    until: datetime
    made_at: datetime
    submissions_total: int
    outcomes: dict[str, int]
    formats: tuple[DigestFormat, ...] = ()
    reasons: tuple[DigestReason, ...] = ()
    submissions: tuple[DigestSubmission, ...] = ()
    earlier: dict[str, int] = msgspec.field(default_factory=dict)
    earlier_pending: int = 0
    troubles: tuple[DigestTrouble, ...] = ()

    @property
    def key(self) -> str:
        return self.partner

    @property
    def event_id(self) -> UUID:
        return self.digest_id

"""Lists of stolen credentials: whose they are and where they turned up. What they are never gets as far as here."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from libs.common.contracts import Asset, Indicator
from services.intake.domain.delimited import names_of
from services.intake.domain.extras import bounded
from services.intake.domain.formats.cells import read_domain, read_email, read_ip, read_url
from services.intake.domain.formats.csv_table import NamedRows, check_columns, records_of, table_of
from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.records import Findings, Record
from services.intake.domain.redaction.credentials import COLUMNS, NAME
from services.intake.domain.times import seen_at_in_utc
from services.intake.domain.values import domain_of, name_of

_EXAMPLE = """\
email,domain,url,breach,seen_at
j.doe@example.com,example.com,https://vpn.example.com/login,Example Breach,2026-03-01T04:05:06Z
"""


def parse(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """One record for each row under the header; blank lines are none."""
    table = table_of(chunks, options)
    names = names_of(table.header.fields)
    check_columns(names, ["email", "domain", "url"], ["seen_at"])
    others = [name for name in names if name and name not in COLUMNS]
    rows = NamedRows(names, secrets=others, indicator_of=partial(_indicator, now=options.now))
    yield from at_most(records_of(table, rows.read), options.max_records)


def _indicator(cells: Mapping[str, str], findings: Findings, *, now: datetime) -> Indicator | None:
    at = seen_at_in_utc(cells.get("seen_at", ""), field="seen_at", findings=findings, now=now)
    asset = _asset(cells, findings)
    if at is None or asset is None:
        return None
    malware = name_of(cells.get("malware_name", ""))
    is_stealer = asset.ip is not None
    kept = ("breach", "leaked_at", "kind")
    return Indicator(
        seen_at=at,
        category="malicious-code/infected-system" if is_stealer else "information-content-security/data-leak",
        identifier="leaked-credentials",
        asset=asset,
        malware_name=malware,
        credentials=True,
        extra=bounded((name, cells.get(name, "")) for name in kept),
    )


def _asset(cells: Mapping[str, str], findings: Findings) -> Asset | None:
    """The owner of the domain is told, so there is always one: the one named, that of the address, or of the login."""
    email = read_email(cells.get("email", ""), "email", findings)
    domain = read_domain(cells.get("domain", ""), "domain", findings)
    url = read_url(cells.get("url", ""), "url", findings)
    ip = read_ip(cells.get("ip", ""), "ip", findings)
    domain = domain or domain_of((email or "").rpartition("@")[2]) or domain_of(_host_of(url))
    if domain is None and not findings.errors:
        findings.reject("email", "no-asset", "the row names no e-mail address, domain or login page with a name")
    if domain is None:
        return None
    return Asset(ip=ip, domain=domain, url=url, email=email)


def _host_of(url: str | None) -> str:
    return (urlsplit(url).hostname or "") if url else ""


def has_names(names: frozenset[str]) -> bool:
    return "breach" in names and bool({"email", "domain"} & names)


FORMAT = Format(
    name=NAME,
    media_types=("text/csv",),
    description="Stolen credentials: whose they are, never what they are. All other columns are blanked at the door",
    example=_EXAMPLE,
    parse=parse,
    families=frozenset({Family.CSV}),
    has_names=has_names,
)

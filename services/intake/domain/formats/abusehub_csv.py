"""AbuseHUB's CSV: infected machines and abused addresses, with the times of Dutch clocks."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from libs.common.contracts import Asset, Indicator
from libs.common.vocabulary import Severity
from services.intake.domain.categories import UNDETERMINED
from services.intake.domain.delimited import names_of
from services.intake.domain.extras import bounded, names_a_secret
from services.intake.domain.formats.cells import (
    read_asn,
    read_email,
    read_hostname,
    read_ip,
    read_transport,
    read_url,
)
from services.intake.domain.formats.csv_table import NamedRows, check_columns, records_of, table_of
from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.records import Findings, Record
from services.intake.domain.times import from_local, seen_at
from services.intake.domain.values import NULL_WORDS, identifier_of, name_of, tags_of_ip

_EXAMPLE = """\
reliable_notifier,report_type,infection_type,event_date,event_time,src_asn,src_ip,src_port,protocol,priority
"Example Foundation","Example Botnet Drone",exampleworm,2026-03-01,05:05:06,64500,192.0.2.33,40001,tcp,medium
"""

_ZONE = ZoneInfo("Europe/Amsterdam")

# There is no closed list of report types: what such a type contains, in this order.
_CATEGORIES = {
    "drone": "malicious-code/infected-system",
    "botnet": "malicious-code/infected-system",
    "sinkhole": "malicious-code/infected-system",
    "infection": "malicious-code/infected-system",
    "spam": "abusive-content/spam",
    "hotmail": "abusive-content/spam",
    "phish": "fraud/phishing",
}
_PRIORITIES = {"low": Severity.LOW, "medium": Severity.MEDIUM, "high": Severity.HIGH}
_UNKNOWN_IDENTIFIER = "abusehub-unknown"

_ASSETS = ("src_ip", "src_url", "src_email")

# The recipient is a third person, whose address is nobody's business here.
_NOT_EXTRA = frozenset(
    {"event_date", "event_time", "src_asn", "src_port", "src_hostname", "protocol", "priority", "infection_type"}
    | {"original_hotmail_recipient"}
)


def parse(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """One record for each row under the header; blank lines are none."""
    table = table_of(chunks, options)
    names = names_of(table.header.fields)
    check_columns(names, ["event_date"], ["event_time"], _ASSETS)
    secrets = [name for name in names if names_a_secret(name)]
    rows = NamedRows(names, secrets=secrets, indicator_of=partial(_indicator, now=options.now))
    yield from at_most(records_of(table, rows.read), options.max_records)


def _indicator(cells: Mapping[str, str], findings: Findings, *, now: datetime) -> Indicator | None:
    at = _seen_at(cells, findings, now=now)
    asset, column = _asset(cells, findings)
    if at is None or asset is None:
        return None
    report_type, infection = cells.get("report_type", ""), cells.get("infection_type", "")
    return Indicator(
        seen_at=at,
        category=_category(report_type),
        identifier=identifier_of(name_of(infection) or report_type) or _UNKNOWN_IDENTIFIER,
        asset=asset,
        asn=read_asn(cells.get("src_asn", ""), "src_asn", findings),
        severity=_PRIORITIES.get(cells.get("priority", "").lower()),
        tags=tags_of_ip(asset.ip),
        malware_name=name_of(infection),
        extra=_extra(cells, column),
    )


def _seen_at(cells: Mapping[str, str], findings: Findings, *, now: datetime) -> datetime | None:
    text = f"{cells.get('event_date', '')} {cells.get('event_time', '')}"
    at = seen_at(text, field="event_time", findings=findings, now=now)
    if at is None or at.tzinfo is not None:
        return at
    return from_local(at, _ZONE, field="event_time", findings=findings)


def _asset(cells: Mapping[str, str], findings: Findings) -> tuple[Asset | None, str]:
    """The asset, and the first column that says something of it."""
    column = next((name for name in _ASSETS if cells.get(name, "").lower() not in NULL_WORDS), "")
    text = cells.get(column, "")
    ip = read_ip(text, column, findings) if column == "src_ip" else None
    url = read_url(text, column, findings) if column == "src_url" else None
    email = read_email(text, column, findings) if column == "src_email" else None
    transport = read_transport(cells.get("protocol", ""), "protocol", findings)
    hostname = read_hostname(cells.get("src_hostname", ""), "src_hostname", findings)
    if not column:
        findings.reject("src_ip", "no-asset", "the row names no address, URL or e-mail address")
    found = ip or url or email
    return Asset(ip=ip, transport=transport, url=url, email=email, hostname=hostname) if found else None, column


def _category(report_type: str) -> str:
    said = report_type.lower()
    return next((category for word, category in _CATEGORIES.items() if word in said), UNDETERMINED)


def _extra(cells: Mapping[str, str], asset_column: str) -> dict[str, str]:
    """Everything else: the other end, the scores, who reported it, and the client's port."""
    others = {
        name: cell
        for name, cell in cells.items()
        if name not in _NOT_EXTRA and name != asset_column and not names_a_secret(name)
    }
    return bounded({"source_port": cells.get("src_port", ""), **others}.items())


def has_names(names: frozenset[str]) -> bool:
    return {"reliable_notifier", "event_time"} <= names


FORMAT = Format(
    name="abusehub-csv",
    media_types=("text/csv",),
    description="AbuseHUB's own CSV, with the times of Europe/Amsterdam",
    example=_EXAMPLE,
    parse=parse,
    families=frozenset({Family.CSV}),
    has_names=has_names,
)

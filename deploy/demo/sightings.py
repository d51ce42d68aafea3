"""A sighting: one finding at one address; and how it is written as a line of a report."""

import csv
import io
import json
from dataclasses import dataclass
from datetime import datetime

from deploy.demo.layout import Finding, Layout

NATIVE_CATEGORIES = {
    "zimbra-vulnerable": "vulnerable/vulnerable-system",
    "leaked-credentials": "information-content-security/data-leak",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a partner saw. `address` is an IP address, or the account that leaked; `site` a web site's name."""

    finding: Finding
    address: str
    at: datetime
    asn: int
    country: str
    city: str
    hostname: str = ""
    site: str = ""


def line_of(sighting: Sighting, layout: Layout) -> str:
    """The line without its end."""
    return csv_line(fields_of(sighting, layout)) if layout.is_csv else _json_line(sighting)


def csv_line(fields: list[str]) -> str:
    """All fields quoted, as Shadowserver does."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="").writerow(fields)
    return text.getvalue()


def fields_of(sighting: Sighting, layout: Layout) -> list[str]:
    """The fields in the order of the layout's columns; a client's port is any high one."""
    side = layout.side
    client_port = str(49152 + sum(sighting.address.encode()) % 16384) if side else ""
    cells = {
        "timestamp": f"{sighting.at:%Y-%m-%d %H:%M:%S}",
        "protocol": layout.protocol,
        f"{side}ip": sighting.address,
        f"{side}port": layout.port or client_port,
        f"{side}hostname": sighting.hostname,
        "hostname_source": "ptr" if sighting.hostname else "",
        f"{side}asn": str(sighting.asn),
        f"{side}geo": sighting.country,
        f"{side}city": sighting.city.upper(),
        "http_host": sighting.site,
        **sighting.finding.cells,
    }
    return [cells.get(column, "") for column in layout.columns]


def _json_line(sighting: Sighting) -> str:
    cells = sighting.finding.cells
    identifier = cells["identifier"]
    is_account = "@" in sighting.address
    asset = {"email": sighting.address} if is_account else {"ip": sighting.address, "port": 443, "transport": "tcp"}
    record: dict[str, object] = {
        "seen_at": f"{sighting.at:%Y-%m-%dT%H:%M:%SZ}",
        "category": NATIVE_CATEGORIES[identifier],
        "identifier": identifier,
        "asset": asset,
        "severity": cells["severity"],
        "confidence": 90,
    }
    if sighting.country:
        record["geo_country"] = sighting.country
    if is_account:
        record |= {"credentials": True, "extra": {"breach": "Voorbeeldlek 2026", "login_page": "webmail"}}
    else:
        record |= {"asn": sighting.asn, "cve_ids": [cells["cve_id"]]}
    return json.dumps(record, ensure_ascii=False)

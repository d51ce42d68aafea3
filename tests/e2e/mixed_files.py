"""Files of all formats, as different partners would send them on one morning, with what a receipt must say of each."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from backports import zstd

from tests.mails import mail_with_table
from tests.zips import zipped

UNREADABLE = "300.1.1.1"
NAMESPACE = UUID("6f1b1f0e-2c0a-4a5b-8d53-9a8f4f3a7c11")
FIRST_ADDRESS = IPv4Address("198.51.100.1")

Rows = Sequence[tuple[str, datetime]]
"""For each record its address and when it was seen."""

Json = Any  # Any: JSON of a document


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedFile:
    """A file, and the counts that its receipt must have."""

    path: Path
    format: str
    accepted: int
    rejected: int


def make_files(folder: Path, *, now: datetime) -> list[MixedFile]:
    """Each format plainly, with a record that can't be read, compressed, and as another program writes it."""
    return list(_made(folder, now=now))


def _made(folder: Path, *, now: datetime) -> Iterator[MixedFile]:
    number = 0
    for name, (suffix, write) in WRITERS.items():
        for variant, (packed, change) in CHANGES.items():
            if (name, variant) in REFUSED:
                continue
            number += 1
            rows = _rows(3, seen_at=now - timedelta(minutes=number))
            if variant == "unreadable":
                rows[1] = (UNREADABLE, rows[1][1])
            path = folder / f"{number:02}-{name}-{variant}{suffix}{packed}"
            path.write_bytes(change(write(rows)))
            rejected = variant == "unreadable"
            yield MixedFile(path=path, format=name, accepted=len(rows) - rejected, rejected=int(rejected))


def _rows(count: int, *, seen_at: datetime) -> list[tuple[str, datetime]]:
    return [(str(FIRST_ADDRESS + number), seen_at - timedelta(hours=number)) for number in range(count)]


def _rfc3339(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _spaced(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _csv(header: Sequence[str], rows: Iterator[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *rows])
    return text.getvalue().encode()


def _json(document: Json) -> bytes:
    return json.dumps(document, indent=1).encode()


def _lines(documents: Iterator[Json]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in documents)


def _id(name: str, ip: str, at: datetime) -> str:
    return str(uuid5(NAMESPACE, f"{name} {ip} {at}"))


def _tocsin(ip: str, at: datetime) -> Json:
    return {
        "seen_at": _rfc3339(at),
        "category": "vulnerable/vulnerable-system",
        "identifier": "open-smb",
        "asset": {"ip": ip, "port": 445},
    }


def _tocsin_csv(rows: Rows) -> bytes:
    header = ("seen_at", "category", "identifier", "ip", "port")
    return _csv(header, ((_rfc3339(at), "vulnerable/vulnerable-system", "open-rdp", ip, 3389) for ip, at in rows))


def _shadowserver_csv(rows: Rows) -> bytes:
    header = ("timestamp", "severity", "ip", "protocol", "port", "tag", "asn", "geo")
    return _csv(header, ((_spaced(at), "high", ip, "tcp", 6379, "redis", 64500, "NL") for ip, at in rows))


def _shadowserver_json(rows: Rows) -> bytes:
    return _json(
        [{"timestamp": _spaced(at), "severity": "high", "ip": ip, "protocol": "tcp", "port": 21} for ip, at in rows]
    )


def _abusehub_csv(rows: Rows) -> bytes:
    header = ("reliable_notifier", "report_type", "event_date", "event_time", "src_asn", "src_ip", "src_port")
    values = ((f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}", 64500, ip, 40001) for ip, at in rows)
    return _csv(header, (("Example Foundation", "Example Botnet Drone", *each) for each in values))


def _credentials_csv(rows: Rows) -> bytes:
    header = ("domain", "ip", "breach", "seen_at", "malware_name", "password")
    return _csv(header, (("example.org", ip, "Example", _rfc3339(at), "examplestealer", "x") for ip, at in rows))


def _xarf(rows: Rows) -> bytes:
    party = {"org": "Example", "contact": "abuse@example.org", "domain": "example.org"}
    return _json(
        [
            {
                "xarf_version": "4.2.0",
                "report_id": _id("xarf", ip, at),
                "timestamp": _rfc3339(at),
                "reporter": party,
                "sender": party,
                "source_identifier": ip,
                "category": "vulnerability",
                "type": "open_service",
                "service": "vnc",
                "service_port": 5900,
                "protocol": "tcp",
            }
            for ip, at in rows
        ]
    )


def _misp(rows: Rows) -> bytes:
    attributes = [
        {
            "uuid": _id("misp", ip, at),
            "type": "ip-src|port",
            "to_ids": True,
            "value": f"{ip}|4444",
            "timestamp": str(int(at.timestamp())),
            "Tag": [{"name": 'rsit:malicious-code="infected-system"'}],
        }
        for ip, at in rows
    ]
    event = {"info": "Machines of a botnet", "date": f"{rows[0][1]:%Y-%m-%d}", "Attribute": attributes}
    return _json({"Event": event})


def _stix(rows: Rows) -> bytes:
    objects = [
        {
            "type": "indicator",
            "spec_version": "2.1",
            "id": f"indicator--{_id('stix', ip, at)}",
            "created": _rfc3339(at),
            "modified": _rfc3339(at),
            "valid_from": _rfc3339(at),
            "labels": ['rsit:malicious-code="infected-system"'],
            "pattern_type": "stix",
            "pattern": f"[ipv4-addr:value = '{ip}']",
        }
        for ip, at in rows
    ]
    return _json({"type": "bundle", "id": f"bundle--{_id('stix', *rows[0])}", "objects": objects})


def _intelmq(rows: Rows) -> bytes:
    return _lines(
        {
            "time.source": _rfc3339(at),
            "source.ip": ip,
            "source.port": 11211,
            "classification.taxonomy": "vulnerable",
            "classification.type": "vulnerable-system",
            "classification.identifier": "open-memcached",
            "feed.name": "Example",
        }
        for ip, at in rows
    )


def _mail(rows: Rows) -> bytes:
    name = f"{rows[0][1]:%Y-%m-%d}-scan_vnc-example.csv"
    return bytes(mail_with_table(_shadowserver_csv(rows), file_name=name))


Writer = Callable[[Rows], bytes]

# By the name of the format: how its files are called, and what is in them.
WRITERS: dict[str, tuple[str, Writer]] = {
    "tocsin-json": (".json", lambda rows: _json([_tocsin(ip, at) for ip, at in rows])),
    "tocsin-ndjson": (".ndjson", lambda rows: _lines(_tocsin(ip, at) for ip, at in rows)),
    "tocsin-csv": (".csv", _tocsin_csv),
    "shadowserver-csv": (".csv", _shadowserver_csv),
    "shadowserver-json": (".json", _shadowserver_json),
    "abusehub-csv": (".csv", _abusehub_csv),
    "credentials-csv": (".csv", _credentials_csv),
    "xarf": (".json", _xarf),
    "misp": (".json", _misp),
    "intelmq-json": (".jsonl", _intelmq),
    "stix": (".json", _stix),
    "mail": (".eml", _mail),
}


# What is added to the name of a file, and how what is in it changes.
CHANGES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "plain": ("", bytes),
    "unreadable": ("", bytes),
    "compressed": (".gz", gzip.compress),
    "by-zstd": (".zst", zstd.compress),
    "zipped": (".zip", lambda text: zipped(("records", text))),
    "from-windows": ("", lambda text: b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n")),
}

REFUSED = frozenset({("credentials-csv", "zipped")})
"""An archive is kept as it comes, so none is taken from which secrets would have to be taken out."""

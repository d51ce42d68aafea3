"""Which column of a Shadowserver report means what, settled once for each header."""

import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

import msgspec

from services.intake.domain.delimited import names_of
from services.intake.domain.extras import names_a_secret
from services.intake.domain.formats.csv_table import check_columns
from services.intake.domain.formats.shadowserver.types import REPORT_TYPES, ReportType

_OLD_NAMES = {"md5hash": "md5", "issuer_serialnumber": "issuer_serial_number"}
_SIDES = ("", "src_", "http_referer_")

# Every type has one of these, or a severity and a tag.
_ASSET_COLUMNS = frozenset({"ip", "src_ip", "dst_ip", "http_referer_ip", "website", "request"})

# Of certificates only the name, the fingerprint and the expiry help a recipient to find what is meant.
_KEPT_OF_CERTIFICATES = frozenset({"subject_common_name", "sha256_fingerprint", "cert_expiration_date"})
_DROPPED = re.compile(
    r"subject_.*|issuer_.*|cert_.*|ed25519_cert_.*|.*_fingerprint|raw_.*|signature_algorithm|key_algorithm"
)


class Column(msgspec.Struct, frozen=True):
    """A column's name and place; an absent one stands at -1, where every row is given an empty field."""

    name: str
    at: int


ABSENT = Column("", -1)


class Extra(msgspec.Struct, frozen=True):
    """Keys of `extra`, and what takes their values out of a row, in the same order; the last ones have no key."""

    keys: tuple[str, ...]
    pick: Callable[[Sequence[str]], tuple[str, ...]]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Where to find what in the rows under one header, for one report type."""

    report: ReportType
    report_type: str | None
    width: int
    seen_at: Column
    severity: Column
    tag: Column
    ip: Column
    port: Column
    protocol: Column
    hostname: Column
    domain: tuple[Column, ...]
    url: tuple[Column, ...]
    email: tuple[Column, ...]
    asn: Column
    country: Column
    vendor: Column
    product: Column
    version: Column
    malware: tuple[Column, ...]
    identifier: Column
    secrets: tuple[Column, ...]
    extra: Extra


def header_of(fields: Sequence[str]) -> tuple[str, ...]:
    """The column names in canonical form. Raises `PayloadError` for a name given twice, or without `timestamp`."""
    names = canonical_names(fields)
    check_columns(names, ["timestamp"])
    return names


def canonical_names(fields: Sequence[str]) -> tuple[str, ...]:
    """Trimmed, in lower case, in today's spelling."""
    names = names_of(fields)
    return tuple(_todays_name(name, names) for name in names)


def _todays_name(name: str, names: Sequence[str]) -> str:
    if name == "type" and "request" in names:
        return "request_type"
    return _OLD_NAMES.get(name, name)


def plan_of(names: Sequence[str], report_type: str | None) -> Plan:
    """The plan for rows under these names; a type that is not in the table is read generically."""
    report = REPORT_TYPES.get(report_type or "", ReportType())
    header = _Header(names)
    side = _side(report, header.places)
    # A client's port is no service of the asset, and some types use `hostname` for the domain itself.
    is_service = side in ("", "dst_")
    is_reverse_name = "hostname" not in report.domain_from
    return Plan(
        report=report,
        report_type=report_type,
        width=len(names),
        seen_at=header.take("timestamp"),
        severity=header.take("severity"),
        tag=header.take("tag"),
        ip=header.take(f"{side}ip"),
        port=header.take(f"{side}port") if is_service else ABSENT,
        protocol=header.take("protocol"),
        hostname=header.take(f"{side}hostname") if is_reverse_name else ABSENT,
        domain=header.take_all(report.domain_from),
        url=header.take_all(report.url_from),
        email=header.take_all(report.email_from),
        asn=header.take(f"{side}asn"),
        country=header.take(f"{side}geo"),
        vendor=header.take("device_vendor"),
        product=header.take("device_model", "product"),
        version=header.take("device_version", "product_version"),
        malware=(header.take("infection"), header.see("family")),
        identifier=header.see(report.identifier_from or ""),
        secrets=tuple(Column(name, at) for name, at in header.places.items() if names_a_secret(name)),
        extra=header.rest(source_port="" if is_service else f"{side}port"),
    )


class _Header:
    """The named columns; what is taken from it has a meaning of its own, and the rest is for `extra`."""

    def __init__(self, names: Sequence[str]) -> None:
        self.places = {name: at for at, name in enumerate(names) if name}
        self._taken = {"report_type"}

    def see(self, name: str) -> Column:
        return Column(name, self.places[name]) if name in self.places else ABSENT

    def take(self, *choices: str) -> Column:
        """The first of the choices that there is."""
        return next(iter(self.take_all([name for name in choices if name in self.places][:1])), ABSENT)

    def take_all(self, names: Sequence[str]) -> tuple[Column, ...]:
        self._taken.update(names)
        return tuple(self.see(name) for name in names if name in self.places)

    def rest(self, *, source_port: str) -> Extra:
        """What was not taken, may be kept and is no secret; `source_port` names the column that goes by that key."""
        names = [n for n in self.places if n not in self._taken and not _is_dropped(n) and not names_a_secret(n)]
        keys = tuple("source_port" if name == source_port else name for name in names)
        # itemgetter is the fastest there is, but of a single place it makes no tuple.
        return Extra(keys, itemgetter(*(self.places[name] for name in names), -1, -1))


def _side(report: ReportType, places: Mapping[str, int]) -> str:
    """The prefix of the columns of the end to be warned."""
    if f"{report.side}ip" in places:
        return report.side
    return next((side for side in _SIDES if f"{side}ip" in places), "")


def _is_dropped(name: str) -> bool:
    return name not in _KEPT_OF_CERTIFICATES and _DROPPED.fullmatch(name) is not None


def has_names(names: frozenset[str]) -> bool:
    """Whether these look like the columns of any Shadowserver report."""
    return "timestamp" in names and bool(names & _ASSET_COLUMNS or {"severity", "tag"} <= names)

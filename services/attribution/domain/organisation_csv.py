r"""Organisations as CSV: what `GET /v1/organisations/export` writes and an import reads back unchanged.

Several values in a cell are parted by `;`; a `;` or `\` of a value's own is written `\;` and `\\`. A contact is
`role:address` and what else is to be said of it: `security:it@bakery.example language=en valid_until=2027-01-01`.
A cell that a spreadsheet would take for a formula has a `'` before it, which is taken off again.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.text import spreadsheet_safe
from libs.common.vocabulary import AssetKind
from services.attribution.domain.organisations import AssetClaim, Channel, Contact, OrganisationProfile

CSV_ASSETS = {"domains": AssetKind.DOMAIN, "ip_ranges": AssetKind.IP_RANGE, "asns": AssetKind.ASN}
PLAIN_COLUMNS = (
    "organisation_id",
    "name",
    "country",
    "language",
    "kvk_number",
    "sector",
    "criticality",
    "criticality_source",
)
LIST_COLUMNS = ("other_names", "company_numbers")
SELF_REGISTERED, YES = "self_registered", "yes"
"""A column that is only read by people: no file makes an organisation that has registered by itself."""

CSV_COLUMNS = (*PLAIN_COLUMNS, *LIST_COLUMNS, "contacts", *CSV_ASSETS, "unproven", SELF_REGISTERED)
MAX_CELL_CHARS = 64 * 1024**2

_PART = re.compile(r"((?:[^;\\]|\\.|\\$)*)(?:;|$)", re.DOTALL)
_ESCAPED = re.compile(r"\\([;\\])")


class KeptOrganisation(msgspec.Struct, frozen=True):
    """An organisation with all that a file can say of it. Contacts by their address; claims by whether proven."""

    organisation_id: UUID
    profile: OrganisationProfile
    claims: Mapping[AssetClaim, bool]
    contacts: Mapping[str, Contact]
    self_registered: bool = False


class BadCsv(ValueError):
    """The rest of the file can't be read, from `line` on."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def read_rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and filled cells of each row; the first is the header, with its columns as their own values.

    Comma or semicolon, whichever the header has. Raises `BadCsv` where it stops being CSV.
    """
    delimiter = "," if "," in text.partition("\n")[0] else ";"
    csv.field_size_limit(MAX_CELL_CHARS)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    line = 1
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise BadCsv(line, str(error)) from error
        if row is None:
            return
        if row and not header:
            header = [name.strip() for name in row]
        if len(row) > len(header):
            raise BadCsv(line, f"there are {len(row)} cells under {len(header)} columns")
        if row:
            yield line, {name: cell for name, text in zip(header, row, strict=False) if (cell := _cell(text))}
        line = rows.line_num + 1


def csv_lines(organisations: Iterable[KeptOrganisation]) -> Iterator[bytes]:
    """The lines below the header."""
    for organisation in organisations:
        yield _line(_row(organisation))


def csv_header() -> bytes:
    return _line(CSV_COLUMNS)


def split_list(cell: str) -> list[str]:
    parts = (_ESCAPED.sub(r"\1", match[1]).strip() for match in _PART.finditer(cell))
    return [part for part in parts if part]


def read_contact_cell(text: str) -> dict[str, str]:
    """`abuse:someone@bakery.example language=nl`, or the address alone for a security contact."""
    who, *attributes = text.split()
    role, colon, email = who.partition(":")
    fields = {"role": role, "email": email or "".join(attributes[:1])} if colon else {"email": who}
    if colon and not email:
        attributes = attributes[1:]
    return fields | {name: value for name, _, value in (attribute.partition("=") for attribute in attributes)}


def _cell(text: str) -> str:
    """What was meant by a cell that is safe in a spreadsheet."""
    text = text.strip()
    return text[1:] if text.startswith("'") and spreadsheet_safe(text.lstrip("'")) != text.lstrip("'") else text


def _safe(text: str) -> str:
    """`'` before what `_cell` would take for a formula, or for one with a `'` before it."""
    bare = text.lstrip("'")
    return f"'{text}" if spreadsheet_safe(bare) != bare else text


def _line(cells: Sequence[str]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow([_safe(cell) for cell in cells])
    return line.getvalue().encode()


def _row(kept: KeptOrganisation) -> list[str]:
    profile = kept.profile
    by_kind = {column: [c.value for c, proven in kept.claims.items() if proven and c.kind is kind]
               for column, kind in CSV_ASSETS.items()}  # fmt: skip
    cells: dict[str, str] = {
        "organisation_id": str(kept.organisation_id),
        "name": profile.name,
        "country": profile.country,
        "language": profile.language,
        "kvk_number": profile.kvk_number or "",
        "sector": profile.sector or "",
        "criticality": profile.criticality,
        "criticality_source": profile.criticality_source,
        "other_names": _join(profile.other_names),
        "company_numbers": _join(profile.company_numbers),
        "contacts": _join(map(_contact_cell, kept.contacts.values())),
        "unproven": _join(f"{claim.kind}:{claim.value}" for claim, proven in kept.claims.items() if not proven),
        SELF_REGISTERED: YES if kept.self_registered else "",
        **{column: _join(values) for column, values in by_kind.items()},
    }
    return [cells[column] for column in CSV_COLUMNS]


def _join(values: Iterable[str]) -> str:
    return "; ".join(value.replace("\\", "\\\\").replace(";", "\\;") for value in values)


def _contact_cell(contact: Contact) -> str:
    words = [f"{contact.role}:{contact.email}"]
    if contact.language is not None:
        words.append(f"language={contact.language}")
    if contact.channel is not Channel.MAIL:
        words.append(f"channel={contact.channel}")
    words += [f"{name}={_time(moment)}" for name, moment in _validity(contact) if moment is not None]
    return " ".join(words)


def _validity(contact: Contact) -> tuple[tuple[str, datetime | None], ...]:
    return ("valid_from", contact.valid_from), ("valid_until", contact.valid_until)


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")

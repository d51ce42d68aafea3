"""Reads files of organisations, JSON or CSV, and finds everything that is wrong with them at once."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from libs.common.addresses import canonical_email
from libs.common.delegated import country_code
from libs.common.text import plain
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.imports import Mistake
from services.attribution.domain.mailboxes import is_mailable
from services.attribution.domain.organisations import (
    AssetClaim,
    BadClaim,
    Contact,
    ContactRole,
    Criticality,
    OrganisationProfile,
    read_claim,
)

MOST_MISTAKES = 100
LONGEST_TEXT = 200
KVK_DIGITS = 8
LIST_SEPARATOR = ";"
CSV_ASSETS = {"domains": AssetKind.DOMAIN, "ip_ranges": AssetKind.IP_RANGE, "asns": AssetKind.ASN}
CSV_COLUMNS = frozenset(
    {"name", "other_names", "kvk_number", "sector", "country", "language", "criticality", "contacts", *CSV_ASSETS}
)


class WrittenAsset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An asset as somebody wrote it down."""

    kind: AssetKind
    value: str


class WrittenContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: str
    role: ContactRole = ContactRole.SECURITY
    language: Language | None = None


class WrittenOrganisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One element of the JSON file."""

    name: str
    country: str
    language: Language = Language.DUTCH
    criticality: Criticality = Criticality.NONE
    other_names: tuple[str, ...] = ()
    kvk_number: str | None = None
    sector: str | None = None
    assets: tuple[WrittenAsset, ...] = ()
    contacts: tuple[WrittenContact, ...] = ()


class Entry(msgspec.Struct, frozen=True):
    """An organisation with all that it registers, checked."""

    profile: OrganisationProfile
    claims: tuple[AssetClaim, ...]
    contacts: tuple[Contact, ...]


class BadOrganisations(ValueError):
    """The file can't be taken; `mistakes` are the first of what is wrong with it."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)[:MOST_MISTAKES]
        super().__init__(f"{self.mistakes[0].where}: {self.mistakes[0].message}")


def read_organisations(content: bytes) -> list[Entry]:
    """JSON if it starts like JSON, else CSV. All or nothing: raises `BadOrganisations` with every mistake."""
    written = _json(content) if content.lstrip()[:1] in (b"[", b"{") else _csv(content)
    entries: list[Entry] = []
    mistakes: list[Mistake] = []
    for where, organisation in written:
        wrong = [organisation] if isinstance(organisation, Mistake) else list(_mistakes(organisation, where))
        mistakes += wrong
        if not wrong and isinstance(organisation, WrittenOrganisation):
            entries.append(_entry(organisation))
    mistakes += _repetitions(entries)
    if mistakes or not entries:
        raise BadOrganisations(mistakes or [Mistake("file", "empty", "There is no organisation in this file.")])
    return entries


Written = Iterator[tuple[str, WrittenOrganisation | Mistake]]


def _json(content: bytes) -> Written:
    """An array of organisations; each element is read by itself, so that one mistake doesn't hide the next."""
    try:
        elements = msgspec.json.decode(content, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadOrganisations([Mistake("file", "not-json", f"Not a JSON array of organisations: {error}")]) from error
    for number, element in enumerate(elements, 1):
        try:
            yield str(number), msgspec.json.decode(element, type=WrittenOrganisation)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            yield str(number), Mistake(str(number), "not-valid", str(error))


def _csv(content: bytes) -> Written:
    """Comma or semicolon, whichever the header has; lists within a cell are parted by spaces or `;` in quotes."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadOrganisations([Mistake("file", "not-utf-8", "The file is not UTF-8.")]) from error
    delimiter = "," if "," in text.partition("\n")[0] else ";"
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    unknown = set(rows.fieldnames or ()) - CSV_COLUMNS
    if unknown or "name" not in (rows.fieldnames or ()):
        wanted = ", ".join(sorted(CSV_COLUMNS))
        raise BadOrganisations([Mistake("file", "wrong-columns", f"The columns can be: {wanted}; `name` has to be.")])
    number = 0
    try:
        for number, row in enumerate(rows, 1):
            yield str(number), _written(row, where=str(number))
    except csv.Error as error:
        yield str(number + 1), Mistake(str(number + 1), "not-csv", str(error))


def _written(row: Mapping[str, str | None], *, where: str) -> WrittenOrganisation | Mistake:
    """A row in the shape of the JSON file. Empty cells are left out, so that defaults count."""
    cells = {column: (value or "").strip() for column, value in row.items() if column in CSV_COLUMNS}
    fields: dict[str, object] = {
        column: value for column, value in cells.items() if value and column not in (*CSV_ASSETS, "contacts")
    }
    fields["other_names"] = _parts(cells.get("other_names", ""), by=LIST_SEPARATOR)
    fields["assets"] = [
        {"kind": kind, "value": value}
        for column, kind in CSV_ASSETS.items()
        for value in _parts(cells.get(column, ""), by=LIST_SEPARATOR)
    ]
    fields["contacts"] = [_contact_cell(part) for part in _parts(cells.get("contacts", ""), by=LIST_SEPARATOR)]
    try:
        return msgspec.convert(fields, type=WrittenOrganisation, strict=False)
    except msgspec.ValidationError as error:
        return Mistake(where, "not-valid", str(error))


def _contact_cell(text: str) -> dict[str, str]:
    """`abuse:someone@bakery.example`, or the address alone for a security contact."""
    role, colon, email = text.partition(":")
    return {"role": role.strip(), "email": email.strip()} if colon else {"email": text}


def _parts(text: str, *, by: str) -> list[str]:
    return [part.strip() for part in text.split(by) if part.strip()]


def _mistakes(written: WrittenOrganisation, where: str) -> Iterator[Mistake]:
    if not plain(written.name, LONGEST_TEXT):
        yield Mistake(f"{where}.name", "empty", "An organisation needs a name.")
    if country_code(written.country) != written.country:
        yield Mistake(f"{where}.country", "not-a-country", f"'{written.country}' is not a code like NL.")
    if written.kvk_number is not None and not is_kvk_number(written.kvk_number):
        yield Mistake(f"{where}.kvk_number", "not-a-kvk-number", "A KVK number has eight digits, zeros included.")
    for asset in written.assets:
        try:
            read_claim(asset.kind, asset.value)
        except BadClaim as error:
            yield Mistake(f"{where}.assets", "bad-asset", str(error))
    for contact in written.contacts:
        if read_contact(contact) is None:
            yield Mistake(f"{where}.contacts", "bad-address", f"'{contact.email}' is not an address to write to.")


def _entry(written: WrittenOrganisation) -> Entry:
    contacts = (read_contact(contact) for contact in written.contacts)
    return Entry(
        profile=OrganisationProfile(
            name=plain(written.name, LONGEST_TEXT),
            country=written.country,
            language=written.language,
            criticality=written.criticality,
            other_names=tuple(plain(name, LONGEST_TEXT) for name in written.other_names),
            kvk_number=written.kvk_number,
            sector=plain(written.sector, LONGEST_TEXT) if written.sector else None,
        ),
        claims=tuple({read_claim(asset.kind, asset.value): None for asset in written.assets}),
        contacts=tuple({contact.email: contact for contact in contacts if contact is not None}.values()),
    )


def read_contact(written: WrittenContact) -> Contact | None:
    """None for what is no address, and for mailboxes that nobody reads."""
    email = canonical_email(written.email)
    return Contact(email, written.role, written.language) if email and is_mailable(email) else None


def is_kvk_number(text: str) -> bool:
    return len(text) == KVK_DIGITS and text.isascii() and text.isdigit()


def _repetitions(entries: Iterable[Entry]) -> Iterator[Mistake]:
    """One organisation or one asset twice in a file: which of the two is meant, only its author knows."""
    names = Counter(key for entry in entries for key in identities(entry.profile))
    claims = Counter(claim.value for entry in entries for claim in entry.claims)
    for what, times in (*names.items(), *claims.items()):
        if times > 1:
            yield Mistake("file", "twice", f"'{what}' stands {times} times in this file.")


def identities(profile: OrganisationProfile) -> tuple[str, ...]:
    """By what an organisation of a file is recognised as one that is known: its KVK number, or else its name."""
    return (f"KVK {profile.kvk_number}",) if profile.kvk_number else (profile.name.casefold(),)

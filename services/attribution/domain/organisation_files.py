"""Reads files of organisations, JSON or CSV, and finds everything that is wrong with them at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from libs.common.addresses import canonical_email
from libs.common.delegated import country_code
from libs.common.text import plain
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.imports import Mistake
from services.attribution.domain.mailboxes import is_mailable
from services.attribution.domain.numbers import is_company_number, is_kvk_number, is_sector
from services.attribution.domain.organisation_csv import (
    CSV_ASSETS,
    CSV_COLUMNS,
    LIST_COLUMNS,
    PLAIN_COLUMNS,
    BadCsv,
    read_contact_cell,
    read_rows,
    split_list,
)
from services.attribution.domain.organisations import (
    AssetClaim,
    BadClaim,
    Channel,
    Contact,
    ContactRole,
    Criticality,
    CriticalitySource,
    OrganisationProfile,
    read_claim,
)

MOST_MISTAKES = 100
LONGEST_TEXT = 200
PROFILE_FIELDS = frozenset(OrganisationProfile.__struct_fields__)


class WrittenAsset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An asset as somebody wrote it down. One that is not `proven` is warned about only once it is."""

    kind: AssetKind
    value: str
    proven: bool = True


class WrittenContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: str
    role: ContactRole = ContactRole.SECURITY
    language: Language | None = None
    channel: Channel = Channel.MAIL
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class WrittenOrganisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One element of the JSON file."""

    organisation_id: UUID | None = None
    name: str
    country: str
    language: Language = Language.DUTCH
    criticality: Criticality = Criticality.NONE
    criticality_source: CriticalitySource = CriticalitySource.REGISTERED
    other_names: tuple[str, ...] = ()
    kvk_number: str | None = None
    company_numbers: tuple[str, ...] = ()
    sector: str | None = None
    assets: tuple[WrittenAsset, ...] = ()
    contacts: tuple[WrittenContact, ...] = ()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation with all that it registers, checked.

    `said` are the fields of the profile that the file fills; what it leaves out or empty stays as it is kept.
    `organisation_id` is what an export has written; None in a file of somebody else's.
    """

    profile: OrganisationProfile
    claims: tuple[AssetClaim, ...]
    contacts: tuple[Contact, ...]
    said: frozenset[str]
    unproven: frozenset[AssetClaim] = frozenset()
    organisation_id: UUID | None = None

    def over(self, kept: OrganisationProfile) -> OrganisationProfile:
        """The profile that is kept, with what the file says instead."""
        return msgspec.structs.replace(kept, **{name: getattr(self.profile, name) for name in self.said})


class BadOrganisations(ValueError):
    """The file can't be taken; `mistakes` are the first of what is wrong with it."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)[:MOST_MISTAKES]
        super().__init__(f"{self.mistakes[0].where}: {self.mistakes[0].message}")


Placed = Mapping[str, Entry]
"""Entries by where they stand: the number of an element of JSON, or `line 3` of CSV."""


def read_organisations(content: bytes) -> list[Entry]:
    """The entries of a file, as `read_file` finds them."""
    return list(read_file(content).values())


def read_file(content: bytes) -> Placed:
    """JSON if it starts like JSON, else CSV. All or nothing: raises `BadOrganisations` with every mistake."""
    written = _json(content) if content.lstrip()[:1] in (b"[", b"{") else _csv(content)
    entries: dict[str, Entry] = {}
    mistakes: list[Mistake] = []
    for where, said, organisation in written:
        wrong = [organisation] if isinstance(organisation, Mistake) else list(_mistakes(organisation, where))
        mistakes += wrong
        if not wrong and isinstance(organisation, WrittenOrganisation):
            entries[where] = _entry(organisation, said)
    mistakes += _repetitions(entries)
    if mistakes or not entries:
        raise BadOrganisations(mistakes or [Mistake("file", "empty", "There is no organisation in this file.")])
    return entries


Written = Iterator[tuple[str, frozenset[str], WrittenOrganisation | Mistake]]


def _json(content: bytes) -> Written:
    """An array of organisations; each element is read by itself, so that one mistake doesn't hide the next."""
    try:
        elements = msgspec.json.decode(content, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadOrganisations([Mistake("file", "not-json", f"Not a JSON array of organisations: {error}")]) from error
    for number, element in enumerate(elements, 1):
        where = str(number)
        try:
            written = msgspec.json.decode(element, type=WrittenOrganisation)
            yield where, frozenset(msgspec.json.decode(element, type=dict[str, msgspec.Raw])), written
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            yield where, frozenset(), Mistake(where, "not-valid", str(error))


def _csv(content: bytes) -> Written:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadOrganisations([Mistake("file", "not-utf-8", "The file is not UTF-8.")]) from error
    columns: frozenset[str] | None = None
    try:
        for line, cells in read_rows(text):
            if columns is None:
                columns = _columns(cells)
            else:
                yield f"line {line}", frozenset(cells), _written(cells, where=f"line {line}")
    except BadCsv as error:
        where = f"line {error.line}"
        yield where, frozenset(), Mistake(where, "not-csv", str(error))
    if columns is None:
        _columns({})


def _columns(header: Mapping[str, str]) -> frozenset[str]:
    """Raises `BadOrganisations` for a header that is none of ours."""
    if set(header) - set(CSV_COLUMNS) or "name" not in header:
        wanted = ", ".join(sorted(CSV_COLUMNS))
        raise BadOrganisations([Mistake("file", "wrong-columns", f"The columns can be: {wanted}; `name` has to be.")])
    return frozenset(header)


def _written(cells: Mapping[str, str], *, where: str) -> WrittenOrganisation | Mistake:
    """A row in the shape of the JSON file. Empty cells are left out, so that defaults count."""
    fields: dict[str, object] = {column: cells[column] for column in PLAIN_COLUMNS if column in cells}
    fields |= {column: split_list(cells.get(column, "")) for column in LIST_COLUMNS}
    fields["assets"] = [
        {"kind": kind, "value": value}
        for column, kind in CSV_ASSETS.items()
        for value in split_list(cells.get(column, ""))
    ] + [_unproven_cell(part) for part in split_list(cells.get("unproven", ""))]
    fields["contacts"] = [read_contact_cell(part) for part in split_list(cells.get("contacts", ""))]
    try:
        return msgspec.convert(fields, type=WrittenOrganisation, strict=False)
    except msgspec.ValidationError as error:
        return Mistake(where, "not-valid", str(error))


def _unproven_cell(text: str) -> dict[str, object]:
    """`domain:bakery.example`."""
    kind, _, value = text.partition(":")
    return {"kind": kind.strip(), "value": value.strip(), "proven": False}


def _mistakes(written: WrittenOrganisation, where: str) -> Iterator[Mistake]:
    yield from _mistakes_of_profile(written, where)
    for asset in written.assets:
        try:
            read_claim(asset.kind, asset.value)
        except BadClaim as error:
            yield Mistake(f"{where}.assets", "bad-asset", str(error))
    for contact in written.contacts:
        if read_contact(contact) is None:
            yield Mistake(f"{where}.contacts", "bad-address", f"'{contact.email}' is not an address to write to.")


def _mistakes_of_profile(written: WrittenOrganisation, where: str) -> Iterator[Mistake]:
    if not plain(written.name, LONGEST_TEXT):
        yield Mistake(f"{where}.name", "empty", "An organisation needs a name.")
    if country_code(written.country) != written.country:
        yield Mistake(f"{where}.country", "not-a-country", f"'{written.country}' is not a code like NL.")
    if written.kvk_number is not None and not is_kvk_number(written.kvk_number):
        yield Mistake(f"{where}.kvk_number", "not-a-kvk-number", "A KVK number has eight digits, zeros included.")
    for number in written.company_numbers:
        if not is_company_number(number):
            yield Mistake(f"{where}.company_numbers", "not-a-company-number", f"'{number}' is not like BE:0123456789.")
    if written.sector is not None and not is_sector(written.sector):
        yield Mistake(f"{where}.sector", "not-a-sector", f"'{written.sector}' is not a code like sbi-2008:56101.")


def _entry(written: WrittenOrganisation, said: frozenset[str]) -> Entry:
    contacts = (read_contact(contact) for contact in written.contacts)
    return Entry(
        profile=OrganisationProfile(
            name=plain(written.name, LONGEST_TEXT),
            country=written.country,
            language=written.language,
            criticality=written.criticality,
            criticality_source=written.criticality_source,
            other_names=tuple(plain(name, LONGEST_TEXT) for name in written.other_names),
            kvk_number=written.kvk_number,
            company_numbers=tuple(dict.fromkeys(written.company_numbers)),
            sector=plain(written.sector, LONGEST_TEXT) if written.sector else None,
        ),
        claims=tuple({read_claim(asset.kind, asset.value): None for asset in written.assets}),
        contacts=tuple({contact.email: contact for contact in contacts if contact is not None}.values()),
        said=said & PROFILE_FIELDS,
        unproven=frozenset(read_claim(asset.kind, asset.value) for asset in written.assets if not asset.proven),
        organisation_id=written.organisation_id,
    )


def read_contact(written: WrittenContact) -> Contact | None:
    """None for what is no address, for mailboxes that nobody reads, and for what ends before it begins, or at a time
    that in UTC is not in the years 1 to 9999.
    """
    email = canonical_email(written.email)
    try:
        begin, end = _in_utc(written.valid_from), _in_utc(written.valid_until)
    except OverflowError:
        return None
    if not email or not is_mailable(email) or not _is_a_while(begin, end):
        return None
    return Contact(email, written.role, written.language, written.channel, begin, end)


def _is_a_while(valid_from: datetime | None, valid_until: datetime | None) -> bool:
    return valid_from is None or valid_until is None or valid_from < valid_until


def _in_utc(moment: datetime | None) -> datetime | None:
    """A time without a zone is meant as UTC."""
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _repetitions(entries: Placed) -> Iterator[Mistake]:
    """One organisation or one asset twice in a file: which of the two is meant, only its author knows.

    Two of our own export may have the same asset: that they both claim it waits for a person already.
    """
    places: defaultdict[str, list[str]] = defaultdict(list)
    for where, entry in entries.items():
        keys = (str(entry.organisation_id),) if entry.organisation_id else identities(entry.profile)
        claims = () if entry.organisation_id else (claim.value for claim in entry.claims)
        for key in (*keys, *claims):
            places[key].append(where)
    for what, found in places.items():
        if len(found) > 1:
            where = ", ".join(found[:MOST_MISTAKES])
            yield Mistake("file", "twice", f"'{what}' stands {len(found)} times in this file: {where}.")


def identities(profile: OrganisationProfile) -> tuple[str, ...]:
    """By what an organisation of a file is recognised as one that is known: its numbers, or else its name."""
    numbers = (f"KVK {profile.kvk_number}",) if profile.kvk_number else ()
    return (*numbers, *profile.company_numbers) or (profile.name.casefold(),)

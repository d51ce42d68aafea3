"""Company registries: which companies are called so, and what web sites they have.

A registry can't be asked for a domain, and publishes no address to write to. It says which company it is.
"""

import asyncio
import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import structlog

from libs.common.dns import DnsFailed
from libs.common.errors import Fatal
from services.attribution.domain.answers import Companies, Company, Source
from services.attribution.domain.company_names import comparable
from services.attribution.gateway.connections import (
    NOT_AN_ANSWER,
    Document,
    PublicTransport,
    client_of,
    document_of,
    in_a_word,
    seconds_to_wait,
)
from services.attribution.gateway.sources import SourceFailed

log = structlog.get_logger(__name__)

PAGE = 100
MOST_PAGES = 3
MOST_PROFILES = 3
MOST_BYTES = 1024 * 1024
MOST_FILE_BYTES = 256 * 1024 * 1024
MOST_CHARACTERS = 200
NUMBER_DIGITS = 8
SBI = "sbi-2008"
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error)
"""What reading a file of companies raises where it is not one."""


class KvkRegistry:
    """The Dutch registry's APIs: Zoeken finds companies by name or number, the profiles have their web sites."""

    source = Source.COMPANY_REGISTRY

    def __init__(
        self, transport: PublicTransport, *, base_url: str, api_key: str, seconds: float, contact: str
    ) -> None:
        self._base = base_url.rstrip("/")
        self._client = client_of(transport, seconds=seconds, contact=contact)
        self._client.headers["apikey"] = api_key

    async def ask(self, subject: str) -> Companies | None:
        """Only companies of exactly this name, or number, are looked at closely; the others are told by name."""
        is_number = len(subject) == NUMBER_DIGITS and subject.isdecimal()
        rows = await self._search({"kvkNummer" if is_number else "naam": subject})
        found = {number: row for row in rows if (number := _number(row))}
        if not found:
            return None
        asked = comparable(subject)
        fitting = [number for number, row in found.items() if is_number or comparable(_text(row, "naam")) == asked]
        profiles = {number: await self._profile(number) for number in fitting[:MOST_PROFILES]}
        return Companies(tuple(profiles.get(number) or _company(row) for number, row in found.items()))

    async def _search(self, wanted: Mapping[str, str]) -> list[Document]:
        """All of them: one that was left out might be another of the same name."""
        rows: list[Document] = []
        for page in range(1, MOST_PAGES + 1):
            asked = {**wanted, "pagina": str(page), "resultatenPerPagina": str(PAGE)}
            document = await self._get("/v2/zoeken", asked)
            if document is None:
                break
            results = document.get("resultaten")
            if not isinstance(results, list):
                raise SourceFailed("its answer has another shape than it should")
            rows += [row for row in results if isinstance(row, dict)]
            if len(rows) >= _count(document):
                return rows
        if rows:
            raise SourceFailed("too many companies have such a name", is_its_own=True)
        return rows

    async def _profile(self, number: str) -> Company | None:
        profile = await self._get(f"/v1/basisprofielen/{number}", {})
        if profile is None:
            return None
        branch = _inside(_inside(profile, "_embedded"), "hoofdvestiging")
        place = _text(branch, "vestigingsnummer")
        if not _texts(branch.get("websites")) and place.isascii() and place.isdecimal():
            branch = await self._get(f"/v1/vestigingsprofielen/{place}", {}) or branch
        return _described(number, profile, branch)

    async def _get(self, path: str, parameters: Mapping[str, str]) -> Document | None:
        try:
            response = await self._client.get(f"{self._base}{path}", params=parameters)
        except DnsFailed as error:
            raise SourceFailed(str(error)) from error
        except NOT_AN_ANSWER as error:
            raise SourceFailed(in_a_word(error)) from error
        match response.status_code:
            case 404:
                return None
            case 401 | 403:
                raise SourceFailed("it does not accept our key", wait_seconds=3600.0)
            case 429 | 503:
                raise SourceFailed("it is asked too often", wait_seconds=seconds_to_wait(response))
            case 200:
                return _document(response.content)
            case status:
                raise SourceFailed(f"it answers {status}")

    async def close(self) -> None:
        await self._client.aclose()


def _document(content: bytes) -> Document:
    document = document_of(content)
    if document is None:
        raise SourceFailed("its answer is no JSON object")
    return document


def _described(number: str, profile: Document, branch: Document) -> Company:
    names = [*_named(profile.get("handelsnamen")), _text(profile, "statutaireNaam"), _text(branch, "eersteHandelsnaam")]
    name = _text(profile, "naam") or next(filter(None, names), "")
    activities = profile.get("sbiActiviteiten")
    codes = [_text(each, "sbiCode") for each in activities] if isinstance(activities, list) else []
    employees = profile.get("totaalWerkzamePersonen")
    return Company(
        number=number,
        name=name,
        country="NL",
        other_names=tuple(dict.fromkeys(each for each in names if each and each != name)),
        sites=tuple(_texts(branch.get("websites"))),
        sectors=tuple(f"{SBI}:{code}" for code in codes if code),
        employees=employees if isinstance(employees, int) else None,
    )


def _company(row: Document) -> Company:
    return Company(number=_number(row), name=_text(row, "naam"), country="NL")


def _number(row: Document) -> str:
    """Eight digits, with the zeros that it begins with."""
    number = _text(row, "kvkNummer")
    is_number = number.isascii() and number.isdecimal() and len(number) <= NUMBER_DIGITS
    return number.zfill(NUMBER_DIGITS) if is_number else ""


def _count(document: Document) -> int:
    total = document.get("totaal")
    return total if isinstance(total, int) else 0


def _inside(document: Document, name: str) -> Document:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _text(document: object, name: str) -> str:
    """Numbers are written as text by some, and texts as numbers by others. What is longer than any name is cut."""
    found = document.get(name) if isinstance(document, dict) else None
    is_text = isinstance(found, str | int) and not isinstance(found, bool)
    return " ".join(str(found).split())[:MOST_CHARACTERS] if is_text else ""


def _texts(found: object) -> list[str]:
    return [text.strip() for text in found if isinstance(text, str) and text.strip()] if isinstance(found, list) else []


def _named(found: object) -> list[str]:
    return [name for each in found if (name := _text(each, "naam"))] if isinstance(found, list) else []


class CompanyFile:
    """Companies from a file that the operator puts there, for countries whose registry has no API.

    CSV with the columns number, name, country, other_names, sites, sectors, employees (several values with `;`), or a
    JSON array of objects with these fields. A newer file is read when it is there; a broken one leaves the old in use.
    """

    source = Source.COMPANY_REGISTRY

    def __init__(self, path: Path) -> None:
        """Raises `Fatal` for a file that can't be read."""
        self._path = path
        self._read_at = 0.0
        self._by_name: Mapping[str, Sequence[Company]] = {}
        try:
            self._refresh()
        except UNREADABLE as error:
            raise Fatal(f"the file of companies {path} can't be read: {error}") from error

    async def ask(self, subject: str) -> Companies | None:
        try:
            await asyncio.to_thread(self._refresh)
        except UNREADABLE as error:
            log.warning("the file of companies stays as it was", reason=str(error))
        found = self._by_name.get(comparable(subject)) or self._by_name.get(subject)
        return Companies(tuple(found)) if found else None

    def _refresh(self) -> None:
        changed = self._path.stat()
        if changed.st_mtime == self._read_at:
            return
        if changed.st_size > MOST_FILE_BYTES:
            raise ValueError(f"it holds more than {MOST_FILE_BYTES} bytes")
        text = self._path.read_text(encoding="utf-8-sig")
        is_json = text.lstrip().startswith("[")
        rows: Iterable[Document] = msgspec.json.decode(text) if is_json else csv.DictReader(text.splitlines())
        by_name: defaultdict[str, list[Company]] = defaultdict(list)
        for company in map(_row, rows):
            for key in {company.number, *(comparable(name) for name in (company.name, *company.other_names))}:
                by_name[key].append(company)
        self._by_name, self._read_at = dict(by_name), changed.st_mtime

    async def close(self) -> None:
        return None


def _row(row: Document) -> Company:
    employees = str(row.get("employees") or "")
    return Company(
        number=str(row["number"]).strip(),
        name=str(row["name"]).strip(),
        country=str(row["country"]).strip().upper(),
        other_names=_several(row.get("other_names")),
        sites=_several(row.get("sites")),
        sectors=_several(row.get("sectors")),
        employees=int(employees) if employees.isdecimal() else None,
    )


def _several(found: object) -> tuple[str, ...]:
    texts = found if isinstance(found, list) else str(found or "").split(";")
    return tuple(text.strip() for text in texts if text.strip())


class CompanyRegistries:
    """Several registries as one: a company of any of them counts."""

    source = Source.COMPANY_REGISTRY

    def __init__(self, registries: Sequence[KvkRegistry | CompanyFile]) -> None:
        self._registries = registries

    async def ask(self, subject: str) -> Companies | None:
        """One that fails makes the answer fail: what it would have said could be another company of that name."""
        answers = [await registry.ask(subject) for registry in self._registries]
        found = tuple(company for answer in answers if answer is not None for company in answer.found)
        return Companies(found) if found else None

    async def close(self) -> None:
        for registry in self._registries:
            await registry.close()

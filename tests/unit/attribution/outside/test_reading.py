"""What is read of files and answers that are odd, hidden, or of a person."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.common.dns import StaticDns
from libs.common.errors import Fatal
from services.attribution.domain.answers import Companies
from services.attribution.gateway.companies import CompanyFile
from services.attribution.gateway.connections import PublicTransport
from services.attribution.gateway.rdap import Registries, read_domain
from services.attribution.gateway.security_txt import read_security_txt
from services.attribution.gateway.sources import SourceFailed
from tests.unit.attribution.outside.test_sources import jcard, rdap_client

HEAD = "number,name,country,other_names,sites\n"
URLS = ["https://bakery.nl/.well-known/security.txt"]


@pytest.mark.parametrize(
    ("content", "emails"),
    [
        (b"Contact: mailto:a@b.nl\n", ("a@b.nl",)),
        (b"\xef\xbb\xbfcontact:   MAILTO:a@b.nl?subject=hello\n", ("a@b.nl",)),
        (b"Contact: mailto:%73ecurity@b.nl\n", ("security@b.nl",)),
        (b"Contact: a@b.nl\nContact: tel:+31\nContact: https://b.nl\n", ()),
        (b"Contact: mailto:a@b.nl\r\nContact: mailto:a@b.nl\r\n", ("a@b.nl",)),
        (b"Contact: mailto:x@[127.0.0.1]\nContact: mailto:\nContact: mailto:a@b.nl\n", ("a@b.nl",)),
    ],
)
def test_only_addresses_that_want_mail_are_taken(content: bytes, emails: tuple[str, ...]) -> None:
    found = read_security_txt(content, urls=URLS)
    assert found is not None
    assert found.emails == emails


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html></html>",
        b"\x00\xff\xfe",
        b"Expires: 2020-01-01T00:00:00Z\n",
        b"-----BEGIN PGP SIGNED MESSAGE-----\n" * 900,
    ],
    ids=["empty", "page", "bytes", "no contact", "envelopes"],
)
def test_what_names_no_contact_is_no_security_txt(content: bytes) -> None:
    assert read_security_txt(content, urls=URLS) is None


def test_a_url_that_nobody_can_read_is_a_failure_in_words() -> None:
    with pytest.raises(SourceFailed, match="can't be read"):
        read_security_txt(b"Contact: https://[x\n", urls=URLS)


@pytest.mark.parametrize(
    ("name", "kind", "kept"),
    [
        ("Bakkerij B.V.", "org", "Bakkerij B.V."),
        ("Jan Bakker", "individual", ""),
        ("REDACTED FOR PRIVACY", "org", ""),
        ("Domains By Proxy, LLC", "org", ""),
        ("Privacy service provided by Withheld for Privacy ehf", "org", ""),
    ],
)
def test_only_names_of_organisations_are_kept(tmp_path: Path, name: str, kind: str, kept: str) -> None:
    registrant = {"handle": "H", "roles": ["registrant"], "vcardArray": jcard(name, "a@b.nl", kind=kind)}
    document = {"objectClassName": "domain", "handle": "D", "ldhName": "b.nl", "entities": [registrant]}
    assert read_domain(document, "b.nl", registries(tmp_path).bootstrap).registrant == kept


@pytest.mark.parametrize(
    "email",
    [
        "unread@ripe.net",
        "removed@lacnic.net",
        "abc@privacy.example",
        "https://registrar.example/form",
        "x@whoisguard.com",
    ],
)
def test_an_address_that_hides_somebody_is_none(tmp_path: Path, email: str) -> None:
    registrant = {"handle": "H", "roles": ["registrant"], "vcardArray": jcard("Bakkerij B.V.", email)}
    document = {"objectClassName": "domain", "handle": "D", "ldhName": "b.nl", "entities": [registrant]}
    assert read_domain(document, "b.nl", registries(tmp_path).bootstrap).contacts == ()


def test_an_answer_about_another_domain_is_none(tmp_path: Path) -> None:
    document = {"objectClassName": "domain", "handle": "D", "ldhName": "other.nl", "entities": []}
    with pytest.raises(SourceFailed, match="another domain"):
        read_domain(document, "b.nl", registries(tmp_path).bootstrap)


def registries(folder: Path) -> Registries:
    return rdap_client(PublicTransport(StaticDns(), most_bytes=1), 1, folder).registries


def test_bootstrap_files_that_are_missing_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="bootstrap"):
        Registries(tmp_path)


@pytest.fixture
def short_cells() -> Iterator[None]:
    """What a cell of CSV may hold is one number for the whole process, and others have raised it."""
    before = csv.field_size_limit(10_000)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("short_cells")
async def test_a_newer_file_of_companies_is_read_and_a_broken_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "companies.csv"
    path.write_text(f"{HEAD}0123,Bäckerei Müller GmbH,de,Müller;Backhaus,mueller.example\n")
    companies = CompanyFile(path)
    assert names(await companies.ask("backerei muller")) == ["Bäckerei Müller GmbH"]
    assert names(await companies.ask("backhaus")) == ["Bäckerei Müller GmbH"]
    assert await companies.ask("somebody else") is None

    half_a_letter = r'[{"number": "1", "name": "\ud83e", "country": "DE"}]'
    endless_cell = f'{HEAD}1,"{"x" * 20_000}",DE,,'
    for broken in ("[{]", "[7]", '["number"]', half_a_letter, endless_cell):
        replace(path, broken)
        assert names(await companies.ask("Backhaus")) == ["Bäckerei Müller GmbH"]

    replace(path, '[{"number": "1", "name": "Backhaus", "country": "DE", "sites": ["b.example"]}]')
    assert names(await companies.ask("Backhaus")) == ["Backhaus"]


def names(found: Companies | None) -> list[str]:
    return [company.name for company in found.found] if found else []


def replace(path: Path, text: str) -> None:
    """A file of another time, however coarse the clock of the disk."""
    before = path.stat().st_mtime
    path.write_text(text)
    os.utime(path, (before + 10, before + 10))


def test_a_file_of_companies_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="companies"):
        CompanyFile(tmp_path / "none.csv")

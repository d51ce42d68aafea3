"""What is kept of a table never held a secret, however it came in."""

import asyncio
import base64
import gzip
import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from services.intake.api.letterbox import _refusal
from services.intake.domain.compression import Limits
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, RejectedRecord
from services.intake.domain.hints import Hints
from services.intake.domain.records import PayloadError
from services.intake.domain.redaction.passing import Passing
from services.intake.domain.redaction.tables import may_hold_secrets, redacted, refuse_list_of_secrets
from services.intake.domain.redaction.treatment import Treatment
from services.intake.handlers.accepting import Accepted, Refused
from services.intake.handlers.means import Means
from services.intake.handlers.receiving import receive
from services.intake.store.payloads import Draft
from tests.unit.intake.test_receiving import NOW, body_of, files_in, push
from tests.zips import zipped

CANARY = "Zx9canaryQ7"
BASE64 = base64.b64encode(CANARY.encode()).decode()
HEADER = "email,domain,url,breach,seen_at,pw,password\n"
GOOD = f"j@example.com,,https://u:{CANARY}@example.com/l?x={CANARY},Example,2026-03-01T04:05:06Z,{CANARY},{BASE64}\n"
LIST = (
    HEADER
    + GOOD
    + f"{CANARY},,,Example,2026-03-01T04:05:06Z,,\n"  # a secret in the wrong column
    + f"j@example.com,,,Example,2026-03-01T04:05:06Z,{CANARY},{CANARY},{CANARY}\n"
    + f"j@example.com,{CANARY}\n"
    + "\n"
    + f'k@example.com,,,"Two\nlines",2026-03-01T04:05:06Z,,"{CANARY}\n{CANARY}"\n'
    + f'j@example.com,"{CANARY},,\n'  # a quote that nothing closes
)
BRUTE_FORCE = f"timestamp,ip,port,username,password\n2026-03-01 04:05:06,192.0.2.1,22,root,{CANARY}\n"


def kept(body: bytes, name: str = "credentials-csv", *, size: int = 10_000, charset: str | None = None) -> bytes:
    cut: Iterator[bytes] = iter([body[at : at + size] for at in range(0, len(body), size)])
    return b"".join(redacted(cut, format_name=name, charset=charset))


def holds_canary(data: bytes) -> bool:
    raw = CANARY.encode()
    return any(each in data for each in (raw, raw.lower(), BASE64.encode(), raw.hex().encode()))


def test_the_rows_of_a_list_say_why_they_were_withheld() -> None:
    options = ParseOptions(None, NOW)
    records = list(FORMATS["credentials-csv"].parse(iter([kept(LIST.encode())]), options))

    assert [each.line for each in records] == [2, 3, 4, 5, 7, 10]
    first, *bad, last, unclosed = records
    bad.append(unclosed)
    assert isinstance(first, ParsedRecord)
    assert first.indicator.credentials
    assert (first.indicator.asset.email, first.indicator.asset.domain) == ("j@example.com", "example.com")
    assert first.indicator.asset.url == "https://example.com/l"
    assert [(each.code, each.field) for each in first.warnings] == [
        ("redacted-secret", "pw"),
        ("redacted-secret", "password"),
    ]
    assert isinstance(last, ParsedRecord)
    codes = [each.errors[0].code for each in bad if isinstance(each, RejectedRecord)]
    assert codes == ["invalid-email", "too-many-fields", "too-few-fields", "unclosed-quote"]


@given(st.integers(1, 60), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
def test_how_a_list_is_cut_makes_no_difference(size: int, codec: str) -> None:
    body = LIST.replace("Example", "Exämple").encode(codec)

    found = kept(body, size=size)

    assert found == kept(body)
    assert not holds_canary(found)


@given(st.data())
def test_no_damage_to_a_list_lets_a_secret_through(data: st.DataObject) -> None:
    """Rows that are damaged behind the header; the canary is whole in what comes, so it would be in what is kept."""
    at = data.draw(st.integers(0, len(GOOD)))
    noise = data.draw(st.sampled_from(['"', ",", "\n", '",', "\0", ";", "\r", ""]))
    damaged = HEADER + GOOD[:at] + noise + GOOD[at:]

    assert not holds_canary(kept(damaged.encode()))


def test_other_tables_lose_their_secret_columns_only() -> None:
    assert kept(BRUTE_FORCE.encode(), "shadowserver-csv") == BRUTE_FORCE.replace(CANARY, "[redacted]").encode()


def test_a_cell_that_only_says_whether_there_is_a_secret_stays() -> None:
    table = b"seen_at,category,identifier,email,credentials\n2026-03-01T04:05:06Z,%s,leaked,a@example.com,True\n"
    body = table % b"information-content-security/unauthorised-information-access"

    (record,) = FORMATS["tocsin-csv"].parse(iter([kept(body, "tocsin-csv")]), ParseOptions(None, NOW))

    assert isinstance(record, ParsedRecord), record
    assert record.indicator.credentials


def test_in_a_short_row_a_secret_may_have_moved() -> None:
    short = f"timestamp,ip,port,username,password\n2026-03-01 04:05:06,192.0.2.1,22,{CANARY}\n"

    assert not holds_canary(kept(short.encode(), "shadowserver-csv"))


def test_a_table_without_such_a_column_is_left_alone() -> None:
    assert not may_hold_secrets(b"timestamp,ip,port\n", format_name="shadowserver-csv", charset=None)
    assert may_hold_secrets(b"timestamp,ip,password\n", format_name="shadowserver-csv", charset=None)


@pytest.mark.parametrize("head", ["j@example.com:pass\n", "https://example.com/login:joe:pass", "\ufeffj@x.nl;p\n"])
def test_users_with_their_passwords_are_refused(head: str) -> None:
    with pytest.raises(PayloadError) as refused:
        refuse_list_of_secrets(head.encode())
    assert refused.value.code == "secrets-not-accepted"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> bytearray:
    """All that ever reaches the disk, drafts that are gone included."""
    everything = bytearray()
    put = Draft._put

    def spy(draft: Draft, gathered: bytearray) -> None:
        everything.extend(gathered)
        put(draft, gathered)

    monkeypatch.setattr(Draft, "_put", spy)
    return everything


@pytest.mark.parametrize("encoding", [None, "gzip"])
@pytest.mark.parametrize("text", [LIST, HEADER + GOOD * 500, BRUTE_FORCE])
async def test_no_secret_reaches_the_disk(encoding: str | None, text: str, means: Means, written: bytearray) -> None:
    body = gzip.compress(text.encode()) if encoding else text.encode()

    answer = await receive(
        body_of(*[body[at : at + 1_000] for at in range(0, len(body), 1_000)]),
        push(dry_run=True, encoding=encoding),
        means=means,
        now=NOW,
    )

    assert isinstance(answer, Accepted)
    assert answer.receipt.submission.payload_redacted
    assert answer.receipt.accepted
    assert not holds_canary(repr(answer).encode())
    assert written
    assert not holds_canary(bytes(written))


RECORD = """{"seen_at":"2026-03-01T04:05:06Z","category":"vulnerable/vulnerable-system","identifier":"open-smb",\
"asset":{"ip":"192.0.2.1"},"extra":{"n":"%d"}}
"""
SECRET_RECORD = RECORD.replace('"n":"%d"', f'"password":"{CANARY}","u":"https://u:{CANARY}@h/?token={CANARY}"')
PACKINGS: dict[str | None, Callable[[bytes], bytes]] = {None: bytes, "gzip": gzip.compress, "zstd": zstd.compress}


@pytest.mark.parametrize(
    ("encoding", "before"),
    [*((each, 0) for each in PACKINGS), *((each, 600) for each in PACKINGS), ("gzip", 900)],  # more than may be sent
)
async def test_no_secret_in_json_reaches_the_disk(
    encoding: str | None, before: int, means: Means, written: bytearray
) -> None:
    text = "".join(RECORD % number for number in range(before)) + SECRET_RECORD + RECORD % 1
    body = PACKINGS[encoding](text.encode())

    answer = await receive(
        body_of(*[body[at : at + 5_000] for at in range(0, len(body), 5_000)]),
        replace(push(dry_run=True), hints=Hints(content_encoding=encoding)),
        means=means,
        now=NOW,
    )

    assert isinstance(answer, Accepted)
    submission = answer.receipt.submission
    assert submission.payload_redacted
    assert (answer.receipt.accepted, submission.content_encoding) == (before + 2, None)
    assert "redacted-secret" in {each.code for each in submission.warnings}
    assert not holds_canary(bytes(written) + repr(answer).encode())
    left = SECRET_RECORD.replace(f'"{CANARY}"', '"[redacted]"').replace(f"u:{CANARY}@", "").replace(CANARY, "")
    assert bytes(written).endswith(text.replace(SECRET_RECORD, left).encode())


async def test_a_payload_that_was_half_written_is_written_anew(means: Means, written: bytearray) -> None:
    means = replace(means, bounds=replace(means.bounds, max_body_bytes=1_000_000))
    text = ("".join(RECORD % number for number in range(3_000)) + SECRET_RECORD).encode()

    answer = await receive(
        body_of(*[text[at : at + 5_000] for at in range(0, len(text), 5_000)]),
        replace(push(dry_run=True), hints=Hints()),
        means=means,
        now=NOW,
    )

    assert isinstance(answer, Accepted)
    assert answer.receipt.submission.payload_redacted
    assert answer.receipt.accepted == 3_001
    assert not holds_canary(bytes(written))
    assert len(text) < answer.receipt.submission.size_bytes + 100
    assert len(written) > 1.5 * len(text)


@pytest.mark.parametrize("encoding", PACKINGS)
async def test_json_without_a_secret_is_kept_as_it_came(encoding: str | None, means: Means, written: bytearray) -> None:
    body = PACKINGS[encoding]("".join(RECORD % number for number in range(600)).encode())

    answer = await receive(
        body_of(*[body[at : at + 5_000] for at in range(0, len(body), 5_000)]),
        replace(push(dry_run=True), hints=Hints(content_encoding=encoding)),
        means=means,
        now=NOW,
    )

    assert isinstance(answer, Accepted)
    assert not answer.receipt.submission.payload_redacted
    assert bytes(written) == body
    assert answer.receipt.submission.content_encoding == encoding


async def test_a_table_with_a_secret_in_a_url_is_written_anew(means: Means, written: bytearray) -> None:
    rows = "timestamp,ip,port,http_url\n" + "2026-03-01 04:05:06,192.0.2.1,22,https://u:%s@h/\n"

    answer = await receive(body_of((rows % CANARY).encode()), push(dry_run=True), means=means, now=NOW)

    assert isinstance(answer, Accepted)
    assert answer.receipt.submission.payload_redacted
    assert bytes(written) == (rows % "").replace(":@", "").replace("u@", "").replace("//u", "//").encode()


async def test_json_in_another_encoding_is_not_written_at_all(means: Means, written: bytearray) -> None:
    hints = Hints(format_name="tocsin-ndjson")

    answer = await receive(body_of(SECRET_RECORD.encode("utf-16")), replace(push(), hints=hints), means=means, now=NOW)

    assert isinstance(answer, Refused)
    assert (answer.error.code, bytes(written)) == ("undecodable-text", b"")


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress, bytes])
def test_what_passes_was_looked_at_before(pack: Callable[[bytes], bytes]) -> None:
    """Of a body that can hardly be packed, in chunks of all sizes: all passes that lies well before the secret."""
    noise = base64.b64encode(random.Random(1).randbytes(700_000))
    packed = pack(b'{"a":"' + noise + b'","password":"x"}')
    chunks = iter([packed[at : at + 10_007] for at in range(0, len(packed), 10_007)])
    passing = Passing(chunks, Treatment("stix", is_table=False, charset=None).watch())

    passed = b"".join(passing.chunks(packed[:4], encoding=None, limits=Limits()))

    assert passing.has_secrets
    assert 200_000 < len(passed) < len(packed) - 16_000
    assert passed + b"".join(passing.waiting) + b"".join(chunks) == packed


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (f"j@example.com:{CANARY}\n" * 3, "secrets-not-accepted"),
        (f"user,word\nj,{CANARY}\n", "unrecognised-format"),
        (f"email,breach,seen_at,pw\n{CANARY},x,y,{CANARY}\n", "all-records-rejected"),
    ],
)
async def test_a_refused_list_reaches_neither_the_disk_nor_the_answer(
    body: str, code: str, means: Means, written: bytearray, tmp_path: Path
) -> None:
    answer = await receive(body_of(body.encode()), push(), means=means, now=NOW)

    assert isinstance(answer, Refused)
    assert answer.error.code == code
    assert not holds_canary(repr(answer).encode() + bytes(written))
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("ends", ["broken-off", "body-too-slow"])
async def test_a_list_whose_client_goes_away_leaves_nothing(
    ends: str, means: Means, written: bytearray, tmp_path: Path
) -> None:
    async def going() -> AsyncIterator[bytes]:
        yield (LIST + GOOD * 700).encode()
        if ends == "body-too-slow":
            await asyncio.sleep(5)
        raise PayloadError(400, "broken-off", "the connection ended")

    answer = await receive(going(), push(), means=means, now=NOW)

    assert isinstance(answer, Refused)
    assert answer.error.code == ends
    assert not holds_canary(bytes(written))
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("text", [LIST, BRUTE_FORCE, RECORD % 1 * 450 + SECRET_RECORD])
async def test_an_archive_with_secrets_is_not_kept(text: str, means: Means, tmp_path: Path) -> None:
    answer = await receive(body_of(zipped(("records", text))), push(dry_run=True), means=means, now=NOW)

    assert isinstance(answer, Refused)
    assert answer.error.code == "secrets-not-accepted"
    assert not holds_canary(repr(answer).encode())
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("name", "text"), [("a.csv", LIST), ("scan_rdp.csv", BRUTE_FORCE), ("a.ndjson", RECORD % 1 * 450 + SECRET_RECORD)]
)
async def test_a_mail_with_secrets_in_a_file_is_not_kept(
    packed: bool, name: str, text: str, means: Means, tmp_path: Path
) -> None:
    content = zipped((name, text)) if packed else text.encode()
    mail = EmailMessage()
    mail["MIME-Version"] = "1.0"
    mail.set_content("See below")
    mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name + ".zip" * packed)

    answer = await receive(
        body_of(bytes(mail)), replace(push(), hints=Hints(content_type="message/rfc822")), means=means, now=NOW
    )

    assert isinstance(answer, Refused)
    assert (answer.error.status, answer.error.code) == (422, "secrets-not-accepted")
    assert "push the file by itself" in answer.error.message
    assert _refusal(answer).code == 554
    assert not holds_canary(repr(answer).encode())
    assert files_in(tmp_path) == []


async def test_an_archive_with_another_table_is_read(means: Means) -> None:
    text = "timestamp,ip,port\n2026-03-01 04:05:06,192.0.2.1,22\n"

    answer = await receive(body_of(zipped(("records", text))), push(dry_run=True), means=means, now=NOW)

    assert isinstance(answer, Accepted)
    assert answer.receipt.accepted == 1


async def test_what_is_said_to_be_stix_is_no_archive(means: Means) -> None:
    hints = Hints(content_type="application/taxii+json;version=2.1")

    answer = await receive(body_of(zipped(("records", "{}"))), replace(push(), hints=hints), means=means, now=NOW)

    assert isinstance(answer, Refused)
    assert answer.error.code == "format-mismatch"

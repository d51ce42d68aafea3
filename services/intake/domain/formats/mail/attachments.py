"""The files that a mail brings: each is recognised and read as if it had been pushed, one after the other."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from msgspec.structs import replace as changed

from services.intake.domain.compression import decompress
from services.intake.domain.extras import bounded
from services.intake.domain.formats.format import Format, ParseOptions
from services.intake.domain.formats.recognition import HEAD_BYTES, Recognised, recognise_among
from services.intake.domain.lines import with_head
from services.intake.domain.mime import Part
from services.intake.domain.records import ParsedRecord, PayloadError, Record, quoted

_MEDIA_TYPES = frozenset(
    {
        *("text/csv", "application/csv", "application/json", "application/x-ndjson", "application/jsonl"),
        *("application/stix+json", "application/taxii+json", "application/zip", "application/x-zip-compressed"),
        *("application/gzip", "application/x-gzip"),
    }
)
_FILE_NAME = re.compile(r".*\.(?:(?:csv|json|ndjson|jsonl)(?:\.gz|\.zip)?|zip|gz)", re.IGNORECASE | re.DOTALL)

# A mail of AbuseHUB has two files: this one, and the row that it was made of, which would count the finding twice.
_ABUSEHUB = "abusehub-csv"
_ABUSEHUB_FILE = "abusehubcsv-"

_NOT_BY_MAIL = frozenset({"credentials-csv"})
"""What is never kept as it came can't come in a mail, which is."""

_EMPTY = "empty-payload"


@dataclass(frozen=True, slots=True)
class File:
    """A file, not read yet: what it is called, its bytes, and its character set where the mail says one."""

    name: str
    content: Iterator[bytes]
    charset: str | None


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file of which the beginning shows what it is."""

    file: File
    recognised: Recognised


def files_in(parts: Iterable[Part], options: ParseOptions) -> list[File]:
    """The files that may hold records, unpacked; of AbuseHUB's the first alone."""
    brought = [part for part in parts if part.media_type in _MEDIA_TYPES or _FILE_NAME.fullmatch(part.file_name)]
    of_abusehub = [part for part in brought if part.file_name.lower().startswith(_ABUSEHUB_FILE)]
    return [file for part in of_abusehub[:1] or brought for file in _unpacked(part, options)]


def _unpacked(part: Part, options: ParseOptions) -> Iterator[File]:
    content = decompress(part.content(), encoding=None, limits=options.limits)
    yield File(part.file_name, content, part.charset)


def is_of(file_format: Format, part: Part) -> bool:
    """Whether the part is a file in this format."""
    head, _ = with_head(part.content(), HEAD_BYTES)
    try:
        _recognised({file_format.name: file_format}, head, name="", report_type=None)
    except PayloadError:
        return False
    return True


def records_of(files: list[File], formats: Mapping[str, Format], options: ParseOptions) -> Iterator[Record]:
    """All records, numbered through; those of the second file and so on say which one they are from.

    Raises `PayloadError`, before any record, for a file in no format that we know. Empty ones are passed over if there
    are others.
    """
    several = len(files) > 1
    opened = list(_opened(files, formats, options))
    records_before = 0
    for number, each in enumerate(opened, 1):
        told = replace(options, report_type=each.recognised.report_type, charset=each.file.charset)
        last = 0
        try:
            for record in each.recognised.format.parse(each.file.content, told):
                last = record.record
                yield _renumbered(record, records_before, file=number) if several else record
        except PayloadError as error:
            if not (several and error.code == _EMPTY):
                raise _about(each.file, error) from error
        records_before += last


def _opened(files: Iterable[File], formats: Mapping[str, Format], options: ParseOptions) -> Iterator[_Opened]:
    """Each file with its format; one of AbuseHUB is the last, whatever it is called."""
    refused: PayloadError | None = None
    some = False
    for file in files:
        try:
            head, content = with_head(file.content, HEAD_BYTES)
            recognised = _recognised(formats, head, name=file.name, report_type=options.report_type)
        except PayloadError as error:
            if error.code != _EMPTY:
                raise _about(file, error) from error
            refused = error
            continue
        some = True
        yield _Opened(replace(file, content=content), recognised)
        if recognised.format.name == _ABUSEHUB:
            return
    if refused and not some:
        raise refused


def _recognised(formats: Mapping[str, Format], head: bytes, *, name: str, report_type: str | None) -> Recognised:
    found = recognise_among(
        formats, head, content_type=None, file_name=name or None, format_name=None, report_type=report_type
    )
    if found.format.name in _NOT_BY_MAIL:
        raise PayloadError(
            422,
            "unsupported-layout",
            f"{found.format.name} is not taken by mail: a mail is kept as it came; push the file",
        )
    return found


def _about(file: File, error: PayloadError) -> PayloadError:
    """The same refusal, with the name of the file that it is about."""
    where = f"{quoted(file.name)}: " if file.name else ""
    return PayloadError(error.status, error.code, f"{where}{error.message}")


def _renumbered(record: Record, before: int, *, file: int) -> Record:
    """The record with its number in the mail, and `extra.part` with the number of the file."""
    number = record.record + before
    if isinstance(record, ParsedRecord):
        extra = bounded([*record.indicator.extra.items(), ("part", str(file))])
        warnings = tuple(changed(warning, record=number) for warning in record.warnings)
        return changed(record, record=number, indicator=changed(record.indicator, extra=extra), warnings=warnings)
    return changed(record, record=number, errors=tuple(changed(error, record=number) for error in record.errors))

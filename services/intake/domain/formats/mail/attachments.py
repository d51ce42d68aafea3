"""The files that a mail brings: each is recognised and read as if it had been pushed, one after the other."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

from services.intake.domain import archives, mime
from services.intake.domain.compression import decompress
from services.intake.domain.formats.format import Format, ParseOptions
from services.intake.domain.formats.names import names_in_sight
from services.intake.domain.formats.recognition import HEAD_BYTES, Recognised, recognise_among
from services.intake.domain.formats.shadowserver.types import type_of_file_name
from services.intake.domain.hints import NO_HINTS, Hints
from services.intake.domain.lines import with_head
from services.intake.domain.parts import numbered_through, refused_in
from services.intake.domain.records import PayloadError, Record
from services.intake.domain.redaction import treatment

_MEDIA_TYPES = frozenset(
    {
        *("text/csv", "application/csv", "application/json", "application/x-ndjson", "application/jsonl"),
        *("application/stix+json", "application/taxii+json", "application/zip", "application/x-zip-compressed"),
        *("application/gzip", "application/x-gzip", "application/zstd"),
    }
)
_FILE_NAME = re.compile(r".*\.(?:(?:csv|json|ndjson|jsonl)(?:\.gz|\.zip|\.zst)?|zip|gz|zst)", re.IGNORECASE | re.DOTALL)

# A mail of AbuseHUB has two files: this one, and the row that it was made of, which would count the finding twice.
_ABUSEHUB = "abusehub-csv"
_ABUSEHUB_FILE = "abusehubcsv-"

_EMPTY = "empty-payload"


@dataclass(frozen=True, slots=True)
class File:
    """A file, or a member of an archive: the name that tells its report type, and its character set if that is said."""

    part: archives.Part
    file_name: str
    charset: str | None


def files_in(parts: Iterable[mime.Part], options: ParseOptions) -> list[File]:
    """The files that may hold records, unpacked; of AbuseHUB's the first alone."""
    brought = [part for part in parts if _may_be_file(part)]
    of_abusehub = [part for part in brought if part.file_name.lower().startswith(_ABUSEHUB_FILE)]
    return [file for part in of_abusehub[:1] or brought for file in _unpacked(part, options)]


def _may_be_file(part: mime.Part) -> bool:
    return part.media_type in _MEDIA_TYPES or _FILE_NAME.fullmatch(part.file_name) is not None


def refuse_secrets(parts: Iterable[mime.Part], formats: Mapping[str, Format], options: ParseOptions) -> None:
    """A mail is kept as it came, with all files in it, also those from which no record is read.

    So there may be none from which secrets would have to be taken out. What else is wrong with one is no matter here.
    """
    if options.is_kept:
        return
    for part in filter(_may_be_file, parts):
        try:
            for file in _unpacked(part, options):
                _refuse_secrets_in(file, formats)
        except PayloadError as error:
            if error.code == treatment.NOT_ACCEPTED:
                raise


def _refuse_secrets_in(file: File, formats: Mapping[str, Format]) -> None:
    head, _ = with_head(file.part.read(), HEAD_BYTES)
    form = _likely_format(formats, head, name=file.file_name)
    try:
        treatment.refuse_secrets(
            file.part.read(), form.name, is_table=form.is_table, charset=file.charset, place="the mail"
        )
    except PayloadError as error:
        raise _in_file(error, file) from error


def _in_file(error: PayloadError, file: File) -> PayloadError:
    return refused_in(error, file.part.name) if file.part.name else error


def _likely_format(formats: Mapping[str, Format], head: bytes, *, name: str) -> Format:
    """A file that is in none of the formats may hold secrets as well: it is a table, or looks like JSON."""
    try:
        return recognise_among(formats, head, Hints(file_name=name or None)).format
    except PayloadError:
        return formats["tocsin-json" if head.lstrip()[:1] in (b"{", b"[") else "tocsin-csv"]


def _unpacked(part: mime.Part, options: ParseOptions) -> Iterator[File]:
    """The members of an archive, else the file itself. An archive is in memory while it is read, nothing else is."""
    outer = part.file_name
    opening, _ = with_head(part.content(), archives.MAGIC_BYTES)
    if not archives.is_archive(opening, encoding=None):
        content = archives.Part(lambda: decompress(part.content(), encoding=None, limits=options.limits), outer or None)
        yield File(content, outer, part.charset)
        return
    for member in archives.parts_of(BytesIO(b"".join(part.content())), encoding=None, limits=options.limits):
        inner = member.name or ""
        yield File(member, inner if type_of_file_name(inner) else outer, None)


def is_of(file_format: Format, part: mime.Part) -> bool:
    """Whether the part is a file in this format."""
    head, _ = with_head(part.content(), HEAD_BYTES)
    try:
        recognise_among({file_format.name: file_format}, head, NO_HINTS)
    except PayloadError:
        return False
    return True


def records_of(files: Sequence[File], formats: Mapping[str, Format], options: ParseOptions) -> Iterator[Record]:
    """All records, numbered through. Raises `PayloadError`, before any record, for a file in no format that we know."""
    opened = dict(_opened(files, formats, options))

    def read(part: archives.Part) -> Iterator[Record]:
        file, recognised = opened[part]
        told = replace(options, report_type=recognised.report_type, charset=file.charset)
        return recognised.format.parse(part.read(), told)

    yield from numbered_through(list(opened), read)


def _opened(
    files: Sequence[File], formats: Mapping[str, Format], options: ParseOptions
) -> Iterator[tuple[archives.Part, tuple[File, Recognised]]]:
    """Each file that is not empty, with its format; one of AbuseHUB is the last, whatever it is called."""
    for file in files:
        try:
            head, _ = with_head(file.part.read(), HEAD_BYTES)
            recognised = recognise_among(formats, head, _hints(file, options))
        except PayloadError as error:
            if error.code == _EMPTY:
                continue
            raise _in_file(error, file) from error
        columns = names_in_sight(head, recognised.format, charset=file.charset)
        options.contents.add_file(report_type=recognised.report_type, columns=columns)
        yield file.part, (file, recognised)
        if recognised.format.name == _ABUSEHUB:
            return


def _hints(file: File, options: ParseOptions) -> Hints:
    return Hints(file_name=file.file_name or None, report_type=options.report_type, csv_reading=options.csv_reading)

"""The formats in which partners push records: one module each, named like the format, and one row in `FORMATS`.
A format of several modules has a folder.

Everything that the rest of intake needs for reading a payload is here:
take the `parts_of` its body, `recognise_parts`, let `records_of` read them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from services.intake.domain.archives import Part, parts_of
from services.intake.domain.compression import Limits, decompress
from services.intake.domain.formats import abusehub_csv, credentials_csv
from services.intake.domain.formats.format import Format, ParseOptions, at_most
from services.intake.domain.formats.intelmq import intelmq_json
from services.intake.domain.formats.mail import mail
from services.intake.domain.formats.misp import misp
from services.intake.domain.formats.recognition import HEAD_BYTES, Recognised, charset_of, recognise_among
from services.intake.domain.formats.shadowserver import shadowserver_csv, shadowserver_json
from services.intake.domain.formats.shadowserver.types import type_of_file_name
from services.intake.domain.formats.stix import stix
from services.intake.domain.formats.tocsin import tocsin_csv, tocsin_json, tocsin_ndjson
from services.intake.domain.formats.xarf import xarf
from services.intake.domain.hints import NO_HINTS, Hints
from services.intake.domain.lines import with_head
from services.intake.domain.parts import numbered_through, refused_in
from services.intake.domain.records import ParsedRecord, PayloadError, Record, RecordError, RejectedRecord

__all__ = [
    "FORMATS",
    "Format",
    "Hints",
    "Limits",
    "ParseOptions",
    "ParsedRecord",
    "Part",
    "PayloadError",
    "Recognised",
    "Record",
    "RecordError",
    "RejectedRecord",
    "charset_of",
    "decompress",
    "parts_of",
    "recognise",
    "recognise_parts",
    "records_of",
]

# In the order in which they are tried on a payload that names none.
_FILES = {
    each.name: each
    for each in (
        stix.FORMAT,
        xarf.FORMAT,
        misp.FORMAT,
        intelmq_json.FORMAT,
        tocsin_json.FORMAT,
        tocsin_ndjson.FORMAT,
        shadowserver_json.FORMAT,
        shadowserver_csv.FORMAT,
        tocsin_csv.FORMAT,
        abusehub_csv.FORMAT,
        credentials_csv.FORMAT,
    )
}
_MAIL = mail.format_of(_FILES)

FORMATS: Mapping[str, Format] = MappingProxyType({**_FILES, _MAIL.name: _MAIL})


def recognise(head: bytes, hints: Hints = NO_HINTS) -> Recognised:
    """Say in which of `FORMATS` a payload is, by its first bytes; `recognition.py` tells how, and what is raised."""
    return recognise_among(FORMATS, head, hints)


def recognise_parts(parts: Sequence[Part], hints: Hints = NO_HINTS) -> Recognised:
    """Say in which format all parts are. The name of a part tells its report type, or else the file's.

    The report type is `None` if the parts are of several: each is read as its name says. Raises `PayloadError` as
    `recognise` does, and 422 for parts of different formats.
    """
    found = []
    for part in parts:
        told = replace(hints, file_name=part.name) if part.name and type_of_file_name(part.name) else hints
        try:
            found.append(recognise(with_head(part.read(), HEAD_BYTES)[0], told))
        except PayloadError as error:
            raise (refused_in(error, part.name) if part.name and len(parts) > 1 else error) from error
    formats = {each.format.name for each in found}
    if len(formats) > 1:
        named = " and ".join(sorted(formats))
        raise PayloadError(422, "unsupported-layout", f"the archive holds {named}; send each format by itself")
    types = {each.report_type for each in found}
    return replace(found[0], report_type=types.pop() if len(types) == 1 else None)


def records_of(
    parts: Sequence[Part], form: Format, options: ParseOptions, *, file_name: str | None = None
) -> Iterator[Record]:
    """The records of all parts, numbered through, at most `options.max_records`; the same at every reading.

    `options.report_type` is what `recognise_parts` found.
    """

    def read(part: Part) -> Iterator[Record]:
        named = type_of_file_name(part.name or "") or type_of_file_name(file_name or "")
        said = options.report_type or (named if form.has_report_types else None)
        return form.parse(part.read(), replace(options, report_type=said))

    records = numbered_through(parts, read)
    return records if len(parts) == 1 else at_most(records, options.max_records)

"""The formats in which partners push records: one module each, named like the format, and one row in `FORMATS`.
A format of several modules has a folder.

Everything that the rest of intake needs for reading a payload is here:
`decompress` the body, `recognise` its format, let `format.parse` read it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from services.intake.domain.compression import Limits, decompress
from services.intake.domain.formats import abusehub_csv, credentials_csv
from services.intake.domain.formats.format import Format, ParseOptions
from services.intake.domain.formats.intelmq import intelmq_json
from services.intake.domain.formats.mail import mail
from services.intake.domain.formats.misp import misp
from services.intake.domain.formats.recognition import Recognised, charset_of, recognise_among
from services.intake.domain.formats.shadowserver import shadowserver_csv, shadowserver_json
from services.intake.domain.formats.stix import stix
from services.intake.domain.formats.tocsin import tocsin_csv, tocsin_json, tocsin_ndjson
from services.intake.domain.formats.xarf import xarf
from services.intake.domain.records import ParsedRecord, PayloadError, Record, RecordError, RejectedRecord

__all__ = [
    "FORMATS",
    "Format",
    "Limits",
    "ParseOptions",
    "ParsedRecord",
    "PayloadError",
    "Recognised",
    "Record",
    "RecordError",
    "RejectedRecord",
    "charset_of",
    "decompress",
    "recognise",
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
    )
}
_MAIL = mail.format_of(_FILES)  # not of credentials: a mail is kept as it comes

FORMATS: Mapping[str, Format] = MappingProxyType(
    {**_FILES, **{each.name: each for each in (credentials_csv.FORMAT, _MAIL)}}
)


def recognise(
    head: bytes,
    *,
    content_type: str | None = None,
    file_name: str | None = None,
    format_name: str | None = None,
    report_type: str | None = None,
) -> Recognised:
    """Say in which of `FORMATS` a payload is, by its first bytes; `recognition.py` tells how, and what is raised."""
    return recognise_among(
        FORMATS,
        head,
        content_type=content_type,
        file_name=file_name,
        format_name=format_name,
        report_type=report_type,
    )

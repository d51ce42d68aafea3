"""A mail as a payload: a complaint (ARF, X-ARF), or files in any of the other formats.

Nothing of what a mail says of its sender is believed, no link is followed, and a mail within the mail is never read: it
is evidence, written by whoever the report is about.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.formats.mail import plain_report
from services.intake.domain.formats.mail.attachments import files_in, is_of, records_of, refuse_secrets
from services.intake.domain.formats.mail.feedback_report import MEDIA_TYPE, FeedbackReport
from services.intake.domain.json_documents import MAX_DOCUMENT_BYTES
from services.intake.domain.mime import MAX_MAIL_BYTES, Part, mail_of, parts_of
from services.intake.domain.records import PayloadError, Record

_EXAMPLE = """\
From: Example Feedback Loop <fbl@example.org>
Date: Sun, 1 Mar 2026 05:00:00 +0000
Subject: A complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part"

--part
Content-Type: text/plain

One of our users has called a mail from your network spam.

--part
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Example-FBL/1.0
Version: 1
Source-IP: 192.0.2.44
Arrival-Date: Sun, 1 Mar 2026 04:05:06 +0000

--part
Content-Type: text/rfc822-headers

Subject: Cheap watches

--part--
"""

# What a feedback report says of itself that only announces a report in XARF, in the part that follows.
_ANNOUNCES_XARF = "xarf"
_ENCRYPTED = "multipart/encrypted"
_JSON_SUFFIX = ".json"


def format_of(files: Mapping[str, Format]) -> Format:
    """The format, of mails that may bring files in the formats of `files`."""
    return Format(
        name="mail",
        media_types=("message/rfc822",),
        description="A mail: a complaint in ARF or X-ARF, or one with files in other formats, packed or not",
        example=_EXAMPLE,
        parse=partial(_parse, files),
        families=frozenset({Family.MAIL}),
        has_names=lambda names: not names,
        has_report_types=True,
        has_own_columns=True,
        whole_bytes=MAX_MAIL_BYTES + MAX_DOCUMENT_BYTES,
    )


def _parse(files: Mapping[str, Format], chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """The records of the first that there is: a feedback report, XARF, X-ARF in lines, or the files."""
    whole, *others = parts_of(mail_of(chunks))
    parts = others or [whole]
    refuse_secrets(parts, files, options)
    yield from at_most(_records(whole, parts, files, options), options.max_records)


def _records(
    whole: Part, parts: Sequence[Part], files: Mapping[str, Format], options: ParseOptions
) -> Iterator[Record]:
    complaint = next((FeedbackReport(part) for part in parts if part.media_type == MEDIA_TYPE), None)
    if complaint and complaint.kind != _ANNOUNCES_XARF:
        return iter([complaint.record(mail_date=whole.field("Date"), now=options.now)])
    if report := next((part for part in parts if _is_json(part) and is_of(files["xarf"], part)), None):
        return files["xarf"].parse(report.content(), options)
    if any(whole.field(mark) for mark in plain_report.MARKS):
        named = (part for part in parts if part.file_name.lower() == plain_report.FILE_NAME)
        if lines := next(named, None):
            return iter([plain_report.record_of(lines, now=options.now)])
    if brought := files_in(parts, options):
        return records_of(brought, files, options)
    raise _nothing_in(whole, parts)


def _is_json(part: Part) -> bool:
    return part.media_type == "application/json" or part.file_name.lower().endswith(_JSON_SUFFIX)


def _nothing_in(whole: Part, parts: Sequence[Part]) -> PayloadError:
    if _ENCRYPTED in (whole.media_type, *(part.media_type for part in parts)):
        return PayloadError(422, "unsupported-layout", "the mail is encrypted; send it signed, or not at all encoded")
    return PayloadError(
        422,
        "unsupported-layout",
        "the mail holds no report: no feedback report, no XARF, and no file such as report.csv or report.json",
    )

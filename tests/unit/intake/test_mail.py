"""A mail is read as the complaint that it is, or by the files that it brings; of the people in it nothing is kept."""

import gzip
import json
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from services.intake.domain.contents import Contents
from services.intake.domain.formats import (
    FORMATS,
    ParsedRecord,
    ParseOptions,
    PayloadError,
    Record,
    RejectedRecord,
    recognise,
)
from services.intake.domain.hints import Hints
from services.intake.domain.mime import MAX_MAIL_BYTES
from tests.zips import zipped

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MAIL = FORMATS["mail"]
EXAMPLE = MAIL.example
SHADOWSERVER = '"timestamp","ip","port","tag"\n"2026-03-01 04:05:06","192.0.2.10",445,"smb"\n'
ABUSEHUB = FORMATS["abusehub-csv"].example
XARF = FORMATS["xarf"].example
V3 = {
    "Version": "3",
    "ReporterInfo": {"ReporterOrg": "Example", "ReporterOrgEmail": "abuse@example.org"},
    "Report": {"ReportType": "Login-Attack", "Date": "2026-03-01T04:05:06Z", "SourceIp": "192.0.2.77"},
}
PLAIN_REPORT = """\
---
Reported-From: abuse@example.org
Category: abuse
Report-Type: login-attack
Service: ssh
User-Agent: example 0.2
Date: Sun, 01 Mar 2026 05:05:06 +0100
Source-Type: ipv4
Source: 192.0.2.45
Port: 22
Report-ID: 1@example.org
Schema-URL: http://www.example.org/schema.json
Attachment: text/plain
"""


def read(mail: str | bytes | EmailMessage, *, report_type: str | None = None) -> list[Record]:
    sent = bytes(mail) if isinstance(mail, EmailMessage) else mail.encode() if isinstance(mail, str) else mail
    return list(MAIL.parse(iter([sent]), ParseOptions(report_type, NOW)))


def parsed(mail: str | bytes | EmailMessage, *, report_type: str | None = None) -> list[ParsedRecord]:
    records = [record for record in read(mail, report_type=report_type) if isinstance(record, ParsedRecord)]
    assert len(records) == len(read(mail, report_type=report_type))
    return records


def errors(mail: str | bytes | EmailMessage) -> list[tuple[str, str]]:
    (record,) = read(mail)
    assert isinstance(record, RejectedRecord), record
    return [(error.field, error.code) for error in record.errors]


def warnings(mail: str) -> list[tuple[str, str]]:
    (record,) = parsed(mail)
    return [(warning.field, warning.code) for warning in record.warnings]


def refusal(mail: str | bytes | EmailMessage) -> tuple[int, str]:
    with pytest.raises(PayloadError) as refused:
        read(mail)
    return refused.value.status, refused.value.code


def mail_with(*files: tuple[str, str | bytes], **header: str) -> EmailMessage:
    """A mail of somebody, with files as any mail program attaches them."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Date"] = "Jan <jan@example.org>", "us@example.net", "Sun, 1 Mar 2026 06:00:00 +0000"
    for name, value in header.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Dear all, jan@example.org found this.")
    for name, content in files:
        body = content if isinstance(content, bytes) else content.encode()
        mail.add_attachment(body, maintype="application", subtype="octet-stream", filename=name)
    return mail


def test_a_complaint_names_the_machine_that_sent_the_mail_and_none_of_the_people() -> None:
    mail = EXAMPLE.replace(
        "Version: 1\n",
        "Version: 0.1\nOriginal-Mail-From: <spammer@example.com>\nOriginal-Rcpt-To: <user@example.org>\n"
        "Reported-Domain: example.org\nIncidents: 3\nReporting-MTA: dns; mx.example.org\n"
        "Authentication-Results: mx.example.org; spf=fail smtp.mailfrom=spammer@example.com\n"
        "Reported-URI: mailto:user@example.org\nReported-URI: http://shop.example.com/?token=abc\n",
    )

    (record,) = parsed(mail)

    found = record.indicator
    assert (found.category, found.identifier) == ("abusive-content/spam", "arf-abuse")
    assert found.seen_at == datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
    assert (found.asset.ip, found.asset.domain, found.asset.email) == ("192.0.2.44", None, None)
    assert found.asset.url is not None
    assert found.asset.url.startswith("http://shop.example.com/")
    assert found.extra["count"] == "3"
    assert [(warning.field, warning.code) for warning in record.warnings] == [("Reported-URI", "value-discarded")]
    for personal in ("user@", "spammer@", "abc", "watches"):
        assert personal not in repr(record)


def test_of_several_urls_the_first_is_the_asset_and_the_others_are_kept_beside() -> None:
    urls = [f"http://{name}.example.com/" for name in "abc"]
    uris = "".join(f"Reported-URI: {url}\n" for url in urls)

    (record,) = parsed(EXAMPLE.replace("Source-IP: 192.0.2.44\n", uris))

    assert (record.indicator.asset.ip, record.indicator.asset.url) == (None, urls[0])
    assert record.indicator.extra["reported_uris"] == " ".join(urls[1:])
    assert record.warnings == ()


@pytest.mark.parametrize(
    ("kind", "category"),
    [
        ("abuse", "abusive-content/spam"),
        ("Fraud", "fraud/phishing"),
        ("virus", "malicious-code/malware-distribution"),
        ("other", "other/undetermined"),
        ("auth-failure", "other/undetermined"),
    ],
)
def test_the_type_of_a_complaint_is_its_category(kind: str, category: str) -> None:
    (record,) = parsed(EXAMPLE.replace("Feedback-Type: abuse", f"Feedback-Type: {kind}"))

    assert record.indicator.category == category
    assert record.warnings == ()


@pytest.mark.parametrize(
    ("date", "seen_at"),
    [
        ("Arrival-Date: Sun, 1 Mar 2026 04:05:06 -0500 (EST)", "2026-03-01T09:05:06+00:00"),
        ("Received-Date: Sun, 01 Mar 2026 04:05:06 UTC", "2026-03-01T04:05:06+00:00"),
        ("Received-Date: Sun, 1 Mar 2026 04:05:06 -0000", "2026-03-01T04:05:06+00:00"),
        ("Arrival-Date: 2026-03-01T04:05:06Z", "2026-03-01T04:05:06+00:00"),
    ],
)
def test_dates_of_complaints_are_read_as_senders_write_them(date: str, seen_at: str) -> None:
    (record,) = parsed(EXAMPLE.replace("Arrival-Date: Sun, 1 Mar 2026 04:05:06 +0000", date))

    assert record.indicator.seen_at.isoformat() == seen_at
    assert record.warnings == ()


def test_a_complaint_without_a_time_has_that_of_its_mail() -> None:
    assert warnings(EXAMPLE.replace("Arrival-Date", "X-Date")) == [("Arrival-Date", "assumed-time")]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Source-IP: 192.0.2.44\n", "", [("Source-IP", "no-asset")]),
        ("Source-IP: 192.0.2.44\n", "Reported-URI: dns:example.com\n", [("Reported-URI", "invalid-url")]),
        ("192.0.2.44", "300.1.1.1", [("Source-IP", "invalid-ip")]),
        ("Feedback-Type: abuse", "Feedback-Type: not-spam", [("Feedback-Type", "withdrawn")]),
        ("Feedback-Type: abuse\n", "", [("Feedback-Type", "missing-field")]),
        ("1 Mar 2026 04:05:06 +0000", "yesterday", [("Arrival-Date", "invalid-timestamp")]),
        ("1 Mar 2026 04", "1 Mar 1996 04", [("Arrival-Date", "timestamp-out-of-range")]),
    ],
)
def test_what_is_wrong_with_a_complaint_is_told(old: str, new: str, expected: list[tuple[str, str]]) -> None:
    assert errors(EXAMPLE.replace(old, new)) == expected


def test_the_first_of_a_field_that_is_given_twice_counts() -> None:
    mail = EXAMPLE.replace("Source-IP: 192.0.2.44", "Source-IP: 192.0.2.44\nSource-IP: 192.0.2.45")

    assert warnings(mail) == [("Source-IP", "value-discarded")]
    assert parsed(mail)[0].indicator.asset.ip == "192.0.2.44"


def test_an_unknown_type_of_complaint_is_kept_with_a_warning() -> None:
    mail = EXAMPLE.replace("Feedback-Type: abuse", "Feedback-Type: nonsense")

    assert warnings(mail) == [("Feedback-Type", "unknown-category")]
    assert parsed(mail)[0].indicator.identifier == "arf-nonsense"


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_a_complaint_may_be_encoded_for_the_way(encoding: str) -> None:
    report = EXAMPLE.partition("message/feedback-report\n\n")[2].partition("\n--part")[0]
    inner = EmailMessage()
    inner.set_content(report, cte=encoding)
    encoded = inner.get_payload()
    header = f"message/feedback-report\nContent-Transfer-Encoding: {encoding}\n\n"
    mail = EXAMPLE.replace(f"message/feedback-report\n\n{report}", f"{header}{encoded}")

    assert encoded != report or encoding == "quoted-printable"
    assert parsed(mail)[0].indicator.asset.ip == "192.0.2.44"


def test_line_ends_of_windows_and_its_mark_make_no_difference() -> None:
    assert read("\ufeff" + EXAMPLE.replace("\n", "\r\n")) == read(EXAMPLE)


def test_xarf_in_a_mail_is_read_as_xarf() -> None:
    (record,) = parsed(mail_with(("report.json", XARF), X_XARF="4.2.0"))

    assert record.indicator.identifier == "xarf-open-service"


def test_xarf_3_rides_behind_a_feedback_report_that_says_no_more() -> None:
    mail = (
        EXAMPLE.partition("\nFeedback-Type")[0]
        + "\nFeedback-Type: xarf\nUser-Agent: example\nVersion: 1\n\n--part\nContent-Type: application/json; "
        + f'charset=utf-8; name="xarf.json"\n\n{json.dumps(V3)}\n--part--\n'
    )

    (record,) = parsed(mail)

    assert record.indicator.identifier == "xarf-login-attack"


def test_the_lines_of_an_old_x_arf_are_read() -> None:
    (record,) = parsed(mail_with(("report.txt", PLAIN_REPORT), X_XARF="PLAIN"))

    found = record.indicator
    assert (found.category, found.identifier) == ("intrusion-attempts/brute-force", "xarf-login-attack")
    assert found.seen_at == datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
    assert found.asset.ip == "192.0.2.45"
    assert found.extra == {
        "report_type": "abuse/login-attack",
        "report_id": "1@example.org",
        "user_agent": "example 0.2",
        "service": "ssh",
        "port": "22",
    }


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Source: 192.0.2.45\n", "", [("Source", "no-asset")]),
        ("Source: 192.0.2.45", "Source: &a [b]", [("Source", "invalid-ip")]),
        ("Date: Sun, 01 Mar 2026 05:05:06 +0100\n", "", [("Date", "missing-timestamp")]),
        ("Report-Type: login-attack\n", "", [("Report-Type", "missing-field")]),
    ],
)
def test_what_is_wrong_with_an_old_x_arf_is_told(old: str, new: str, expected: list[tuple[str, str]]) -> None:
    assert errors(mail_with(("report.txt", PLAIN_REPORT.replace(old, new)), X_ARF="yes")) == expected


def test_a_text_that_is_called_report_is_none_unless_the_mail_says_so() -> None:
    assert refusal(mail_with(("report.txt", PLAIN_REPORT))) == (422, "unsupported-layout")


@pytest.mark.parametrize("packed", [False, True])
def test_the_name_of_a_file_says_which_report_it_is(packed: bool) -> None:
    name, content = "2026-03-01-scan_smb-example-asn.csv", SHADOWSERVER.encode()
    mail = mail_with((f"{name}.gz", gzip.compress(content)) if packed else (name, content))

    (record,) = parsed(mail)

    assert record.indicator.identifier == "open-smb"
    assert record.line == 2


def test_what_a_mail_brings_is_told_of_one_file_and_not_of_several() -> None:
    one, two = (
        ("2026-03-01-scan_smb-x.csv.zip", zipped(("scan_smb-x.csv", SHADOWSERVER))),
        ("scan_rdp-x.csv", SHADOWSERVER),
    )
    contents = contents_of(mail_with(one))
    assert (contents.report_type, contents.columns) == ("scan_smb", ("ip", "port", "tag", "timestamp"))
    assert contents_of(mail_with(one, two)).report_type is None
    assert contents_of(mail_with(one, two)).columns == ()
    assert contents_of(EXAMPLE).columns == ()


def contents_of(mail: str | EmailMessage) -> Contents:
    contents = Contents()
    sent = bytes(mail) if isinstance(mail, EmailMessage) else mail.encode()
    assert list(MAIL.parse(iter([sent]), ParseOptions(None, NOW, contents=contents)))
    return contents


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("2026-03-01-scan_redis-sample-asn.csv.zip", "2026-03-01-scan_smb-sample-asn.csv"),
        ("2026-03-01-scan_smb-sample-asn.csv.zip", "Report (1).csv"),
    ],
)
def test_shadowservers_zipped_report_is_read_by_its_inner_name_or_else_its_outer(outer: str, inner: str) -> None:
    (record,) = parsed(mail_with((outer, zipped((inner, SHADOWSERVER)))))

    assert record.indicator.identifier == "open-smb"


def test_the_members_of_an_archive_and_the_files_beside_it_are_numbered_through() -> None:
    two = zipped(("scan_smb-x.csv", SHADOWSERVER), ("scan_rdp-x.csv", SHADOWSERVER))

    records = parsed(mail_with(("reports.zip", two), ("scan_redis-x.csv", SHADOWSERVER)))

    assert [(record.record, record.indicator.extra["part"]) for record in records] == [
        (1, "scan_smb-x.csv"),
        (2, "scan_rdp-x.csv"),
        (3, "scan_redis-x.csv"),
    ]


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (zipped(("a.csv", SHADOWSERVER))[:-30], "truncated-compression"),
        (zipped(("../a.csv", SHADOWSERVER)), "unsafe-archive"),
        (zipped(("a.csv", zipped(("b.csv", SHADOWSERVER)))), "unsafe-archive"),
        (zipped(("a.csv", "what,ever\n1,2\n")), "unrecognised-format"),
        (zipped(), "empty-payload"),
    ],
)
def test_an_archive_that_is_not_sound_is_refused(packed: bytes, code: str) -> None:
    assert refusal(mail_with(("a.csv.zip", packed)))[1] == code


def test_several_files_are_numbered_through() -> None:
    wrong = SHADOWSERVER.replace("192.0.2.10", "nonsense")
    mail = mail_with(
        ("2026-03-01-scan_smb-x.csv", SHADOWSERVER + SHADOWSERVER.partition("\n")[2]),
        ("empty.csv", ""),
        ("2026-03-01-scan_rdp-x.csv", '"timestamp","ip"\n'),
        ("2026-03-01-scan_redis-x.csv", wrong),
        ("more.json", FORMATS["tocsin-json"].example),
    )

    records = read(mail)

    assert [record.record for record in records] == list(range(1, len(records) + 1))
    assert [record.indicator.extra["part"] for record in records if isinstance(record, ParsedRecord)][:2] == 2 * [
        "2026-03-01-scan_smb-x.csv"
    ]
    assert isinstance(records[2], RejectedRecord)
    assert [error.record for error in records[2].errors] == [3]
    assert isinstance(records[3], ParsedRecord)


def test_of_abusehubs_two_files_the_second_is_not_read() -> None:
    original = '"timestamp","ip"\n"2026-03-01 04:05:06","192.0.2.33"\n'
    by_name = mail_with(("feed.csv", original), ("abusehubcsv-1_2_2026-03-01T05:05:06+01:00.csv", ABUSEHUB))
    by_content = mail_with(("report.csv", ABUSEHUB), ("original.csv", "what, ever\n"))

    for mail in (by_name, by_content):
        (record,) = parsed(mail)
        assert record.indicator.identifier == "exampleworm"


def test_a_mail_within_the_mail_is_evidence_and_never_read() -> None:
    """Whoever sent the unwanted mail would else write the report about it."""
    inner = EmailMessage()
    inner.set_content("spam")
    inner.add_attachment(SHADOWSERVER.encode(), maintype="text", subtype="csv", filename="2026-03-01-scan_smb-x.csv")
    outer = mail_with(X_XARF="PLAIN")
    outer.add_attachment(inner)

    assert refusal(outer) == (422, "unsupported-layout")


def test_a_signed_mail_is_read() -> None:
    mail = mail_with(("abusehubcsv-1.csv", ABUSEHUB)).as_bytes()
    inner = mail[mail.index(b"Content-Type") :]
    signed = (
        b'From: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/signed; boundary="signed"\n\n--signed\n'
        + inner
        + b"\n--signed\nContent-Type: application/pgp-signature\n\nx\n--signed--\n"
    )

    assert len(parsed(signed)) == 1


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        (mail_with(), (422, "unsupported-layout")),
        (mail_with(("report.csv", "what,ever\n1,2\n")), (415, "unrecognised-format")),
        (mail_with(("report.csv", "")), (422, "empty-payload")),
        (mail_with(("list.csv", FORMATS["credentials-csv"].example)), (422, "secrets-not-accepted")),
        (mail_with(("a.csv", ""), ("b.csv", " ")), (422, "empty-payload")),
        (mail_with(("report.csv", '"timestamp"\n"x"\n')), (415, "unrecognised-format")),
        ("Subject: x\nContent-Type: multipart/encrypted; boundary=x\n\n--x\n\n--x--\n", (422, "unsupported-layout")),
        ("Subject: x\nContent-Type: text/csv\nContent-Transfer-Encoding: uu\n\nx", (415, "unsupported-encoding")),
        (
            "Subject: x\nContent-Type: text/csv\nContent-Transfer-Encoding: base64\n\nQQ=Q",
            (422, "unreadable-attachment"),
        ),
        ("Subject: x\n" + "X: y\n" * 20_000, (422, "unsupported-layout")),
        (
            "Content-Type: multipart/mixed; boundary=x\n\n" + "--x\n\n" * 200,
            (422, "unsupported-layout"),
        ),
        (
            "".join(f"Content-Type: multipart/mixed; boundary={n}\n\n--{n}\n" for n in range(10, 20)),
            (422, "too-deep"),
        ),
    ],
)
def test_a_mail_without_a_report_that_can_be_read_is_refused(
    mail: str | EmailMessage, expected: tuple[int, str]
) -> None:
    assert refusal(mail) == expected


STOLEN = "email,breach,seen_at,password\nj@example.com,Example Breach,2026-03-01T04:05:06Z,hunter2\n"
UNKNOWN_TABLE = "user,password\nj,hunter2\n"


@pytest.mark.parametrize("first", ["report.json", "abusehubcsv-1.csv", "2026-03-01-scan_smb-x.csv"])
@pytest.mark.parametrize(
    "second",
    [
        ("stolen.csv", STOLEN),
        ("stolen.zip", zipped(("stolen.csv", STOLEN))),
        ("theirs.csv", UNKNOWN_TABLE),
        ("theirs.json", '[{"user": "j", "password": "hunter2"}]'),
    ],
    ids=lambda file: file[0],
)
def test_no_file_with_secrets_may_be_in_a_mail_also_if_it_is_not_read(first: str, second: tuple[str, str]) -> None:
    contents = {"report.json": XARF, "abusehubcsv-1.csv": FORMATS["abusehub-csv"].example}
    report = (first, contents.get(first, SHADOWSERVER))
    assert read(mail_with(report))

    assert refusal(mail_with(report, second)) == (422, "secrets-not-accepted")


def test_a_refusal_names_the_file_that_it_is_about() -> None:
    with pytest.raises(PayloadError, match=r"in 'b\.csv': "):
        read(mail_with(("2026-03-01-scan_smb-x.csv", SHADOWSERVER), ("b.csv", "what,ever\n1,2\n")))


def test_a_mail_that_is_too_large_is_refused() -> None:
    pieces = iter([b"Subject: x\n\n", *[b"x" * 1024 * 1024] * (MAX_MAIL_BYTES // 1024 // 1024)])
    with pytest.raises(PayloadError) as refused:
        list(MAIL.parse(pieces, ParseOptions(None, NOW)))
    assert (refused.value.status, refused.value.code) == (413, "payload-too-large")


@pytest.mark.parametrize(
    ("head", "content_type", "name"),
    [
        (EXAMPLE, None, "mail"),
        (EXAMPLE, "text/plain", "mail"),
        (f"\r\n{EXAMPLE}", "application/octet-stream", "mail"),
        (f"\ufeff{EXAMPLE}", "message/rfc822", "mail"),
        (f"From x@example.org Sun Mar  1 04:05:06 2026\n{EXAMPLE}", None, "mail"),
        ("Subject: x\n\n", "message/rfc822", "mail"),
        ("timestamp,ip,a:b\n", None, "shadowserver-csv"),
        ("timestamp:x,timestamp,ip\n\nReceived: x\n", None, "shadowserver-csv"),
    ],
)
def test_a_mail_is_recognised(head: str, content_type: str | None, name: str) -> None:
    assert recognise(head.encode(), Hints(content_type=content_type)).format.name == name


@pytest.mark.parametrize("head", ['{"a": 1}', "<html>", "no header"])
def test_what_cannot_be_a_mail_is_a_contradiction(head: str) -> None:
    with pytest.raises(PayloadError) as refused:
        recognise(head.encode(), Hints(content_type="message/rfc822"))
    assert refused.value.code == "format-mismatch"


def test_a_type_that_contradicts_the_name_of_a_file_is_refused() -> None:
    mail = mail_with(("2026-03-01-scan_smb-x.csv", SHADOWSERVER))

    with pytest.raises(PayloadError) as refused:
        read(mail, report_type="scan_rdp")
    assert refused.value.code == "format-mismatch"

"""Of a text of the JSON family everything is kept as it came, but its secrets."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.extras import names_a_secret
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions
from services.intake.domain.records import PayloadError
from services.intake.domain.redaction.json_texts import redacted
from services.intake.domain.redaction.rules import rules_of
from services.intake.domain.redaction.treatment import Treatment, refuse_secrets
from services.intake.domain.redaction.watching import finding_in_json, finds_in_table

CANARY = "Zx9canaryQ7"
NOW = datetime(2026, 3, 2, tzinfo=UTC)
NAMES = ["password", "auth_token", "pass", "hash", "a", "é", "value", 'q"uote', "back\\slash", "has_password", "pinned"]
TEXT = st.text(alphabet='ab"\\{}[],:\n\té\U0001f512 ', max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | TEXT, inner, max_size=4),
    max_leaves=20,
)


def cut(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def kept(body: bytes, name: str = "", *, size: int = 10**6, block: int = 64 * 1024, lines: bool = False) -> bytes:
    return b"".join(redacted(cut(body, size), rules_of(name), has_lines=lines, block_bytes=block))


def treated(document: object, name: str) -> object:
    body = json.dumps(document).encode()
    found: object = json.loads(b"".join(Treatment(name, is_table=False, charset=None).rewritten(iter([body]))))
    return found


def is_noticed(body: bytes, name: str = "") -> bool:
    return finding_in_json(rules_of(name))(body)


def expected(value: object) -> object:
    """What has to be left, said in the plainest way."""
    if isinstance(value, list):
        return [expected(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _expected_of(name, inner) for name, inner in value.items()}


def _expected_of(name: str, value: object) -> object:
    says_nothing = value is None or isinstance(value, bool) or value in ("", "[redacted]", [], {})
    return "[redacted]" if names_a_secret(name) and not says_nothing else expected(value)


@settings(max_examples=400, deadline=None)
@given(VALUES, st.sampled_from([None, 1]), st.booleans(), st.integers(1, 40))
def test_values_of_secrets_go_and_all_else_stays(
    value: object, indent: int | None, ascii_only: bool, block: int
) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()

    found = kept(body, block=block)

    assert json.loads(found) == expected(value)
    assert kept(found) == found
    assert is_noticed(body) == (found != body)


@settings(max_examples=100, deadline=None)
@given(st.lists(VALUES, max_size=8), st.integers(1, 400))
def test_how_a_text_is_cut_makes_no_difference(values: list[object], size: int) -> None:
    lines = "".join(f"{json.dumps({'password': each, 'other': each})}\n" for each in values).encode()

    assert kept(lines, size=size, lines=True) == kept(lines, lines=True)
    assert len(kept(lines, lines=True).splitlines()) == len(values)


@pytest.mark.parametrize("block", [1, 7, 9_000, 64 * 1024])
@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"password" : "Zx9canaryQ7","a":1}', '{"password" : "[redacted]","a":1}'),
        ('{"p\\u0061ssword":"Zx9canaryQ7"}', '{"p\\u0061ssword":"[redacted]"}'),
        ('\ufeff{"password":"Zx9\\"canaryQ7\\\\"}', '\ufeff{"password":"[redacted]"}'),
        ('{"token": {"a": ["}Zx9canaryQ7\\"", 1]}, "b": 2}', '{"token": "[redacted]", "b": 2}'),
        ('{"pin":1234,"otp":-1.5e3}', '{"pin":"[redacted]","otp":"[redacted]"}'),
        ('{"credentials":true,"session":null,"token":""}', None),
        ('{"bypass":"a","info_hash":"b","passed":1,"note":"the password, here"}', None),
        ('{"a":"https://joe:Zx9canaryQ7@example.com/x"}', '{"a":"https://example.com/x"}'),
        ('{"a":"https://joe:Zx9@canaryQ7@example.com"}', '{"a":"https://example.com"}'),
        ('{"a":"https:\\/\\/joe:Zx9canaryQ7@example.com\\/"}', '{"a":"https:\\/\\/example.com\\/"}'),
        ('{"a":"/x?b=1&api_key=Zx9canaryQ7&c=2#d"}', '{"a":"/x?b=1&api_key=&c=2#d"}'),
        ('{"a":"/x?b=1\\u0026token\\u003dZx9canaryQ7\\u0026c=2"}', '{"a":"/x?b=1\\u0026token\\u003d\\u0026c=2"}'),
        ('{"a":"https://social.example/@joe?b=1&keyword=2"}', None),
        (
            '{"extra":"{\\"password\\": \\"Zx9\\\\\\"canaryQ7\\", \\"b\\": 1}"}',
            '{"extra":"{\\"password\\": \\"[redacted]\\", \\"b\\": 1}"}',
        ),
        ('{"extra":"{\\"token\\":12345}","b":1}', '{"extra":"{\\"token\\":\\"[redacted]\\"}","b":1}'),
    ],
)  # fmt: skip
def test_secrets_are_found_however_they_are_written(text: str, left: str | None, block: int) -> None:
    found = kept(text.encode(), block=block).decode()

    assert found == (text if left is None else left)
    assert is_noticed(text.encode()) == (left is not None)
    assert not is_noticed(found.encode())


@pytest.mark.parametrize("block", [3, 64, 4096])
@pytest.mark.parametrize(
    "text",
    [
        '{"password":\0"Zx9canaryQ7"}',
        '{"password"\0:"Zx9canaryQ7"}',
        '{"pass\0word": "Zx9canaryQ7"}',
        '{"a": "{\\"password\\":\0\\"Zx9canaryQ7\\"}"}',
        '{"https://x.nl/?token=Zx9canaryQ7": "Zx9canaryQ7"}',
        '{"a": "{\\"https://x.nl/?key=Zx9canaryQ7&token\\":\\"Zx9canaryQ7\\"}"}',
        '{"https://joe:Zx9canaryQ7@x.nl/token": "Zx9canaryQ7"}',
        '{"a": "?key=\0Zx9canaryQ7", "pin": 1}',
        '{"a": "?k\0ey=Zx9canaryQ7", "pin": 1}',
    ],
)
def test_neither_a_nul_nor_a_name_hides_a_secret(text: str, block: int) -> None:
    """What fuzzing found: none of it is JSON that anybody would send, but what is kept has no secret all the same."""
    kept = b"".join(redacted(iter([text.encode()]), rules_of("tocsin-json"), has_lines=False, block_bytes=block))

    assert CANARY.encode() not in kept
    assert b"[redacted]" in kept
    assert b"".join(redacted(iter([kept]), rules_of("tocsin-json"), has_lines=False)) == kept


@pytest.mark.parametrize(
    "broken",
    [
        '{"password":"Zx9canaryQ7',
        '{"password":["Zx9canaryQ7",',
        '{"password":"Zx9canaryQ7"',
        '{"a:1,"password":"Zx9canaryQ7"}',
    ],
)
def test_a_broken_line_takes_no_more_than_one_good_one_with_it(broken: str) -> None:
    good = '{"password":"Zx9canaryQ7","n":%d}'
    lines = "\n".join([good % 0, broken, *(good % number for number in range(1, 5))])

    found = kept(lines.encode(), lines=True)

    assert CANARY.encode() not in found
    assert found.count(b"\n") == 5
    assert [b'"n":%d}' % number in found for number in (0, 2, 3, 4)] == [True] * 4


@pytest.mark.parametrize("size", [100, 70_000, 300_000])
def test_a_long_secret_takes_no_room(size: int) -> None:
    body = json.dumps(
        {"password": CANARY * size, "a": f"/?token={CANARY * size}", "secret": [[CANARY] * size]}
    ).encode()

    assert kept(body) == b'{"password": "[redacted]", "a": "/?token=", "secret": "[redacted]"}'


def test_no_text_takes_more_than_linear_time() -> None:
    """Each is a thing that a careless pattern looks at again and again; a quadratic one would take hours."""
    for nasty in (
        b'{"',
        b'"pass',
        b"://",
        b"://a@",
        b"?a",
        b"&token",
        b'"password":',
        b'\\"',
        b"[",
        b'"pin" ',
        b"\\u00",
    ):
        body = nasty * (1024 * 1024 // len(nasty))
        is_noticed(body)
        kept(body)


def test_the_hash_of_evidence_stays_and_that_of_a_password_goes() -> None:
    report = {
        "xarf_version": "4.2.0",
        "evidence": [{"hash": "sha256:00", "payload": "QQ=="}],
        "password_patterns": ["a"],
    }

    assert treated(report, "xarf") == {**report, "password_patterns": "[redacted]"}


def test_intelmqs_hashes_of_files_stay() -> None:
    nested = {"malware": {"hash": {"md5": "00"}}, "extra": {"hash": {"salt": CANARY}}, "malware.hash.sha1": "00"}

    assert treated(nested, "intelmq-json") == {**nested, "extra": {"hash": {"salt": "[redacted]"}}}


def test_the_line_that_intelmq_read_goes_with_any_secret() -> None:
    assert treated({"raw": "QQ==", "extra.password": CANARY}, "intelmq-json") == {
        "raw": "",
        "extra.password": "[redacted]",
    }
    assert not is_noticed(b'{"raw":"QQ=="}', "intelmq-json")


@pytest.mark.parametrize(
    "kind", [{"type": "cookie"}, {"type": "text", "object_relation": "password"}, {"type": "pgp-private-key"}]
)
@pytest.mark.parametrize("is_last", [False, True])
def test_a_misp_attribute_says_by_its_type_that_it_is_a_secret(kind: dict[str, str], is_last: bool) -> None:
    attribute = {"value": CANARY, **kind} if is_last else {**kind, "Tag": [{"name": "x"}], "value": CANARY}
    others = [{"type": "ip-src", "value": "192.0.2.1"}, {"type": "community-id", "value": "1:x"}]
    event = {"Event": {"info": "x", "Attribute": [others[0], attribute, others[1]]}}

    assert is_noticed(json.dumps(event).encode(), "misp")
    assert treated(event, "misp") == {
        "Event": {"info": "x", "Attribute": [others[0], {**attribute, "value": "[redacted]"}, others[1]]}
    }


def test_a_stix_account_loses_its_credential() -> None:
    account = {"objects": [{"type": "user-account", "account_login": "joe", "credential": CANARY}]}

    assert treated(account, "stix") == {"objects": [{**account["objects"][0], "credential": "[redacted]"}]}


@pytest.mark.parametrize("evidence_first", [True, False])
def test_evidence_of_abused_children_is_not_kept(evidence_first: bool) -> None:
    evidence = {"evidence": [{"content_type": "image/png", "payload": "QQ==", "hash": "md5:00"}]}
    report = {**evidence, "type": "csam"} if evidence_first else {"type": "csam", **evidence}
    body = json.dumps([report, {"type": "spam", **evidence}]).encode()
    treatment = Treatment("xarf", is_table=False, charset=None)
    watch = treatment.watch()

    assert not watch.sees(body)
    assert not watch.sees_at_the_end()
    assert treatment.must_be_guarded
    found = json.loads(b"".join(treatment.guarded(iter([body]))))
    assert [each["evidence"][0]["payload"] for each in found] == ["", ""]


def test_what_was_taken_out_of_a_record_is_told_and_sinks_nothing() -> None:
    record = json.loads(FORMATS["tocsin-ndjson"].example.splitlines()[0])
    body = json.dumps({**record, "extra": {"password": CANARY, "kept": "x"}, "credentials": True}).encode()

    (found,) = FORMATS["tocsin-ndjson"].parse(iter([kept(body, "tocsin-ndjson", lines=True)]), ParseOptions(None, NOW))

    assert isinstance(found, ParsedRecord)
    assert found.indicator.credentials
    assert found.indicator.extra == {"kept": "x"}
    assert [(each.field, each.code) for each in found.warnings] == [("extra.password", "redacted-secret")]


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        (b"a,https://u:p@example.com/,b\n", True),
        (b'a,"https://u:p,w@example.com/",b\n', True),
        (b"a,https://example.com,joe@example.com\n", False),
        (b'a,"https://example.com","joe@example.com"\n', False),
        (b"a,https://example.com/?x=1&token=abc,b\n", True),
        (b"a,https://example.com/?x=1&token=,b\n", False),
        (b"a,/?monkey=1;x=2\n", False),
        ("a,https://u:p@example.com/,b\n".encode("utf-16"), True),
    ],
)
def test_urls_with_secrets_are_seen_in_the_cells_of_a_table(line: bytes, is_found: bool) -> None:
    assert finds_in_table(line.replace(b"\0", b"")) == is_found


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("shadowserver-csv", "timestamp,ip,password\n"),
        ("credentials-csv", "email,breach\n"),
        ("intelmq-json", '{"a":1,"extra.password":"x"}'),
        ("xarf", '{"type":"csam"}'),
    ],
)
def test_a_file_with_secrets_in_something_that_is_kept_as_it_came_is_refused(name: str, body: str) -> None:
    with pytest.raises(PayloadError) as refused:
        refuse_secrets(iter([body.encode()]), name, is_table=name.endswith("csv"), charset=None, place="the mail")

    assert (refused.value.status, refused.value.code) == (422, "secrets-not-accepted")
    assert "push the file by itself" in refused.value.message
    assert CANARY not in refused.value.message


def test_a_url_with_a_secret_is_no_reason_to_refuse_a_mail() -> None:
    refuse_secrets(
        iter([b'{"a":"https://u:p@example.com","password":null}']),
        "intelmq-json", is_table=False, charset=None, place="the mail",
    )  # fmt: skip

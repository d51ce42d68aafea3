"""What was ever published goes on being read; what is published is described."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.tools.generated import pages
from libs.common.contracts import Event
from libs.common.contracts.wire import EVENT_CLASSES, decode, encode, headers, wire_time
from libs.common.errors import Permanent

GOLDEN = Path(__file__).parent / "golden"


def golden_files() -> list[Path]:
    return sorted(GOLDEN.glob("*.json"))


def test_every_event_has_a_golden_file() -> None:
    tags = {event_class.__struct_config__.tag for event_class in EVENT_CLASSES}
    assert tags == {path.name.rsplit(".", 2)[0] for path in golden_files()}, "add one; never change an old one"


@pytest.mark.parametrize("path", golden_files(), ids=lambda path: path.name)
def test_a_golden_event_still_parses_and_prints_the_same(path: Path) -> None:
    event = decode(path.read_bytes())
    assert decode(encode(event)) == event
    assert event.key
    assert event.event_id == decode(path.read_bytes()).event_id


@pytest.mark.parametrize("path", golden_files(), ids=lambda path: path.name)
def test_an_unknown_field_of_a_newer_version_is_passed_over(path: Path) -> None:
    newer = path.read_bytes().rstrip().removesuffix(b"}") + b',"field_of_tomorrow":1}'
    assert decode(newer) == decode(path.read_bytes())


@pytest.mark.parametrize(
    "poison", [b"", b"null", b"[]", b"{}", b'{"event":"nothing.v1"}', b"\xff\xfe", b"[" * 100_000, b'{"event":1}']
)
def test_poison_is_permanent(poison: bytes) -> None:
    with pytest.raises(Permanent):
        decode(poison)


def test_headers_are_cloudevents_in_binary_mode() -> None:
    event: Event = decode((GOLDEN / "raw-indicator.v1.1.json").read_bytes())
    found = dict(headers(event, source="intake", time=wire_time(datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC))))
    assert found["ce_specversion"] == b"1.0"
    assert found["ce_type"] == b"tocsin.raw-indicator.v1"
    assert found["ce_source"] == b"/services/intake"
    assert found["ce_id"].decode() == str(event.event_id)
    assert found["ce_time"] == b"2026-03-01T04:05:06.000Z"
    assert found["traceparent"] == b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("path", sorted(pages()), ids=lambda path: path.name)
def test_generated_pages_are_up_to_date(path: Path) -> None:
    assert path.exists(), "run `make docs`"
    assert path.read_text() == pages()[path], "run `make docs`"

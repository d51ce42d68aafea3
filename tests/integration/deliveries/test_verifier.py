"""Whatever comes twice or in another order: the same verdicts, and one piece of news of each threat."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from hypothesis import given

from libs.common.contracts import Asset, Event, FeedbackReceived, IndicatorSettled, RawIndicator, ThreatVerified
from libs.common.ids import derived_id
from libs.common.vocabulary import FeedbackKind, Outcome, Reliability
from services.verifier.domain import threat_id_of
from services.verifier.store import compact_reports
from tests.integration.deliveries.conftest import Start
from tests.integration.deliveries.rig import Ending, Rig
from tests.integration.deliveries.schedules import Batch, Batches, as_kafka_may, examples, in_any_order
from tests.unit.verifier.builders import NOW, raw

BAKER, BUTCHER, GROCER = (Asset(ip=f"145.10.20.{number}", port=445) for number in (30, 31, 33))
EARLIER = NOW - timedelta(hours=9)
PARTITIONS: Sequence[Sequence[RawIndicator]] = (
    (
        raw(1, asset=BAKER),
        raw(2, asset=BAKER, partner="other", seen_at=NOW - timedelta(hours=1)),
        raw(3, asset=BAKER, seen_at=EARLIER),
        raw(4, asset=BAKER, identifier="nobody-knows"),
    ),
    (
        # Of one asset alone: what others have found too is held no more, so there it would matter who comes first.
        raw(5, asset=GROCER, reliability=Reliability.E, confidence=0),
        raw(6, asset=BUTCHER, partner="other"),
        raw(7, asset=BUTCHER),
    ),
    (raw(8, asset=Asset(ip="10.0.0.1")), raw(9, asset=Asset(ip="145.10.20.32"), seen_at=NOW - timedelta(days=400))),
)
RECORDS: list[Event] = [record for partition in PARTITIONS for record in partition]
ANSWERS: list[Event] = [
    FeedbackReceived(
        feedback_id=derived_id("feedback", kind),
        kind=kind,
        incident="open-smb",
        at=NOW,
        threat_ids=(threat_id_of(raw(asset=asset)),),
    )
    for kind, asset in ((FeedbackKind.FIXED, BAKER), (FeedbackKind.FALSE_POSITIVE, BUTCHER))
]


@pytest.fixture(scope="module")
def rig(started: Start) -> Iterator[Rig]:
    with started("verifier", Rig(now=NOW, kept_tables=["incidents"])) as rig:
        yield rig


@pytest.fixture(scope="module")
def in_order(rig: Rig) -> Ending:
    return rig.ending([Batch(RECORDS)], compact_reports)


def test_in_order_the_first_of_each_threat_is_news(in_order: Ending) -> None:
    assert {event.record for event in verified(in_order)} == {1, 6}
    assert {event.record: event.outcome for event in settled(in_order)} == {
        2: Outcome.DUPLICATE,
        3: Outcome.DUPLICATE,
        4: Outcome.HELD,
        5: Outcome.HELD,
        7: Outcome.DUPLICATE,
        8: Outcome.REFUTED,
        9: Outcome.EXPIRED,
    }


@examples(30)
@given(batches=as_kafka_may(PARTITIONS))
def test_batches_that_come_again_cut_in_any_way_lead_to_the_same_verdicts_and_the_same_news(
    rig: Rig, in_order: Ending, batches: Batches
) -> None:
    assert rig.ending(batches, compact_reports) == in_order


@examples(30)
@given(batches=in_any_order(RECORDS))
def test_in_whatever_order_records_come_each_threat_is_news_once_and_all_its_sightings_count(
    rig: Rig, in_order: Ending, batches: Batches
) -> None:
    ending = rig.ending(batches, compact_reports)

    assert threats(ending) == threats(in_order)
    assert sorted(event.threat_id for event in verified(ending)) == sorted(
        event.threat_id for event in verified(in_order)
    )
    assert outcomes(ending) == outcomes(in_order)
    assert ending.rows["reports"] == in_order.rows["reports"]


@examples(30)
@given(batches=in_any_order([*RECORDS, *ANSWERS]))
def test_answers_and_records_that_come_again_after_all_were_heard_change_nothing(
    rig: Rig, answered: Ending, batches: Batches
) -> None:
    assert {row["closed_reason"] for row in answered.rows["threats"]} == {"fixed", "false-positive"}
    assert {row["partner"]: (row["verified"], row["wrong"]) for row in answered.rows["reports"]} == {
        "demo": (2, 1),
        "other": (2, 1),
    }
    assert rig.ending([Batch(RECORDS), Batch(ANSWERS)], batches, compact_reports) == answered


def test_an_answer_that_comes_again_does_not_close_what_was_seen_since(rig: Rig) -> None:
    first, fixed = raw(1, asset=BAKER), ANSWERS[0]
    seen_again = raw(20, asset=BAKER, seen_at=NOW + timedelta(hours=1))
    still_there = raw(21, asset=BAKER, seen_at=NOW + timedelta(hours=3))

    ending = rig.ending(
        [
            Batch([first]),
            Batch([fixed]),
            Batch([seen_again], later=timedelta(hours=1)),
            Batch([fixed], later=timedelta(hours=2)),
            Batch([still_there], later=timedelta(hours=3)),
        ]
    )

    assert {event.record for event in verified(ending)} == {1, 20}
    assert [event.outcome for event in settled(ending)] == [Outcome.DUPLICATE]


@pytest.fixture(scope="module")
def answered(rig: Rig) -> Ending:
    return rig.ending([Batch(RECORDS), Batch(ANSWERS)], compact_reports)


def verified(ending: Ending) -> list[ThreatVerified]:
    return [event for event in ending.said.values() if isinstance(event, ThreatVerified)]


def settled(ending: Ending) -> list[IndicatorSettled]:
    return [event for event in ending.said.values() if isinstance(event, IndicatorSettled)]


def outcomes(ending: Ending) -> Counter[tuple[object, object]]:
    """How often each threat ended how."""
    return Counter((row["threat_id"], row["outcome"]) for row in ending.rows["verdicts"])


def threats(ending: Ending) -> list[dict[str, object]]:
    """All that is known of each; partners were told of in one order or another."""
    return [{**row, "partners": sorted(row["partners"])} for row in ending.rows["threats"]]

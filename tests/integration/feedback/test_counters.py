"""Public numbers, from the events to the page."""

import asyncio
from datetime import UTC, datetime

import msgspec

from libs.common.contracts import NotifiedTarget
from libs.common.ids import derived_id
from libs.common.links import Links
from libs.common.vocabulary import Language, RecipientKind
from tests.integration.feedback.conftest import Running
from tests.integration.feedback.mails import incident, mail


async def numbers(running: Running) -> dict[str, object]:
    answer = await running.browser.get("/v1/statistics")
    body: dict[str, object] = answer.json()
    return body


async def test_a_notification_counts_once_however_often_it_is_told(running: Running) -> None:
    six = [mail(f"m{n}") for n in range(6)]

    await running.hear(*six, six[0])
    await running.hear(*six)

    assert (await numbers(running))["notifications_total"] == 6
    assert len(await running.rows("SELECT * FROM notifications")) == 6


async def test_counts_of_many_batches_add_up_also_when_they_come_at_once(running: Running) -> None:
    batches = [[mail(f"m{batch}-{n}") for n in range(20)] for batch in range(6)]

    await asyncio.gather(*(running.hear(*batch) for batch in batches))

    assert (await numbers(running))["notifications_total"] == 120
    assert [row["notifications"] for row in await running.rows("SELECT notifications FROM tallies")] == [120]


async def test_a_large_one_comes_in_parts_and_counts_once_in_whatever_order_and_however_often(running: Running) -> None:
    whole = mail("large")
    parts = [
        msgspec.structs.replace(
            whole,
            part=part,
            parts=3,
            targets=tuple(
                NotifiedTarget(
                    target_id=derived_id("target", part, place), threat_id=derived_id("threat", part, place), asset="a"
                )
                for place in range(3)
            ),
        )
        for part in (1, 2, 3)
    ]

    await running.hear(parts[1], parts[0])
    await running.hear(*parts)
    await running.hear(parts[2])

    assert (await numbers(running))["notifications_total"] in (None, 1)
    assert [row["notifications"] for row in await running.rows("SELECT notifications FROM tallies")] == [1]
    [row] = await running.rows("SELECT targets::text FROM notifications")
    told = msgspec.json.decode(str(row["targets"]), type=list[NotifiedTarget])
    assert sorted(told, key=str) == sorted((each for part in parts for each in part.targets), key=str)


async def test_the_first_that_is_told_of_a_notification_stands(running: Running) -> None:
    await running.hear(mail(subject="First"))
    await running.hear(mail(subject="Second"))

    assert [row["subject"] for row in await running.rows("SELECT subject FROM notifications")] == ["First"]


async def test_numbers_are_given_by_month_incident_category_and_kind_without_the_small_ones(running: Running) -> None:
    may, june = datetime(2026, 5, 31, 23, 59, tzinfo=UTC), datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
    await running.hear(
        *(mail(f"a{n}", sent_at=may) for n in range(7)),
        *(mail(f"b{n}", sent_at=june, incident="open-rdp", kind=RecipientKind.NETWORK_OWNER) for n in range(6)),
        *(mail(f"c{n}", sent_at=june, incident="zimbra") for n in range(3)),
        *(mail(f"d{n}", sent_at=june, incident="exchange") for n in range(2)),
        *(mail(f"e{n}", sent_at=june, kind=RecipientKind.NATIONAL_CERT) for n in range(5)),
    )

    body = await numbers(running)

    assert body["notifications_total"] == 18
    assert body["handed_over_total"] == 5
    assert body["by_month"] == {"2026-05": 7, "2026-06": 11}
    assert body["by_incident"] == {"open-smb": 7, "open-rdp": 6, "zimbra": None, "exchange": None}
    assert body["by_category"] == {"vulnerable/vulnerable-system": 18}
    assert body["by_recipient_kind"] == {"organisation": 12, "network-owner": 6}
    assert body["ratings"] == {"count": None, "useful": None, "clear": None}


async def test_the_page_shows_the_total_in_large_and_hides_the_small_numbers(running: Running) -> None:
    await running.hear(
        incident("open-smb", title="Shared <folders> & more"),
        *(mail(f"a{n}") for n in range(1234)),
        *(mail(f"b{n}", incident="zimbra") for n in range(2)),
        *(mail(f"c{n}", incident="exchange") for n in range(4)),
        *(mail(f"d{n}", kind=RecipientKind.NATIONAL_CERT) for n in range(1001)),
    )

    text = (await running.browser.get("/")).text

    assert "<strong>1,240</strong>" in text
    assert "Besides, 1,001 emails handed findings over" in text
    assert "Shared &lt;folders&gt; &amp; more" in text
    assert text.count("not shown</span>") == 2
    assert "1.240" in (await running.browser.get("/?lang=nl")).text


async def test_before_the_first_mail_the_page_says_so(running: Running) -> None:
    answer = await running.browser.get("/")

    assert answer.status_code == 200
    assert "No warnings have been sent yet" in answer.text


async def test_means_appear_with_the_fifth_rating(running: Running, links: Links) -> None:
    await running.hear(mail())
    for n in range(5):
        page = f"/f/{links.rating_token('open-smb', bytes([n]) * 12)}"
        assert (await numbers(running))["ratings"] == {"count": None, "useful": None, "clear": None}
        await running.browser.post(page, data={"useful": "5", "clear": str(n + 1)})

    assert (await numbers(running))["ratings"] == {"count": 5, "useful": 5.0, "clear": 3.0}
    assert "3.0 of 5" in (await running.browser.get("/")).text


async def test_an_incidents_newest_title_wins_in_whatever_order_it_comes(running: Running) -> None:
    await running.hear(
        incident("open-smb", title="Newest", revision=3),
        incident("open-smb", title="Older", revision=2),
    )
    await running.hear(incident("open-smb", title="Oldest", revision=1))
    await running.hear(*(mail(f"m{n}") for n in range(5)))

    assert (await numbers(running))["titles"] == {"open-smb": dict.fromkeys(map(str, Language), "Newest")}

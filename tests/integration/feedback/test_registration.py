"""`/register`: an organisation registers by itself, confirms it, follows its proofs, changes and withdraws it."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client import REGISTRY

from libs.common.contracts import (
    ClaimedAsset,
    FollowedAsset,
    RegistrationConfirmed,
    RegistrationFollowed,
    RegistrationToConfirm,
)
from libs.common.db import Database
from libs.common.ids import derived_id
from libs.common.links import Links
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import AssetKind, ClaimState, Language
from services.feedback import handlers
from services.feedback.app import build
from services.feedback.domain.registration.form import RegistrationForm
from services.feedback.domain.registration.policy import RegistrationPolicy
from services.feedback.handlers import Forgetter
from services.feedback.settings import FeedbackSettings
from tests.integration.feedback.conftest import BROWSER, Running
from tests.integration.feedback.test_two_replicas import until_it_waits

BAKERY = {
    "organisation": "Bakery",
    "kvk_number": "",
    "email": "info@bakery.example",
    "language": "en",
    "domains": "Bakery.example",
    "ranges": "192.0.2.64/28",
    "asns": "",
}
DOMAIN = ClaimedAsset(kind=AssetKind.DOMAIN, value="bakery.example")
RANGE = ClaimedAsset(kind=AssetKind.IP_RANGE, value="192.0.2.64/28")
HOSTILE = "<script>alert(1)</script>\"'><img src=x>{{7*7}}"
POLICY = RegistrationPolicy(
    most_assets=100,
    kept_for=timedelta(days=7),
    mails_to_one_a_day=3,
    mails_a_day=4,
    changes_a_day=4,
    allow_documentation=True,
)


async def register(running: Running, **changes: str) -> httpx.Response:
    return await running.browser.post("/register", data=BAKERY | changes)


async def page_of(running: Running, links: Links, *, asked: int = -1) -> str:
    """Where the newest mail leads, or another one."""
    return f"/register/{links.registration_token((await asked_for(running))[asked].registration_id)}"


async def asked_for(running: Running) -> list[RegistrationToConfirm]:
    return list(await running.told(RegistrationToConfirm))


async def told(running: Running) -> list[RegistrationConfirmed]:
    return list(await running.told(RegistrationConfirmed))


@pytest.fixture
async def page(running: Running, links: Links) -> str:
    """The page of a bakery that has confirmed."""
    await register(running)
    page = await page_of(running, links)
    await running.browser.post(page, data={"do": "confirm"})
    return page


async def followed(running: Running, *assets: FollowedAsset, revision: int = 1) -> RegistrationFollowed:
    confirmed = (await told(running))[-1]
    return RegistrationFollowed(
        registration_id=confirmed.registration_id,
        revision=revision,
        answers=confirmed.revision,
        organisation_id=derived_id("organisation", "bakery"),
        organisation=confirmed.organisation,
        email=confirmed.email,
        language=confirmed.language,
        assets=assets,
        at=confirmed.at,
    )


async def test_whoever_reads_the_address_is_asked_and_nothing_else_happens(running: Running, links: Links) -> None:
    before = datetime.now(UTC)
    answer = await register(running)

    assert answer.status_code == 200
    assert "Look into your mailbox" in answer.text
    assert "info@bakery.example" in answer.text
    (event,) = await asked_for(running)
    assert (event.organisation, event.email, event.language) == ("Bakery", "info@bakery.example", Language.ENGLISH)
    assert event.assets == (DOMAIN, RANGE)
    assert event.expires_at - event.asked_at == timedelta(days=7)
    assert event.asked_at - before < timedelta(minutes=1)
    assert await told(running) == []

    page = await running.browser.get(await page_of(running, links))
    assert "Is this registration right?" in page.text
    assert "192.0.2.64/28" in page.text
    assert await told(running) == []


async def test_all_mistakes_are_told_beside_their_fields_and_what_was_typed_stays(running: Running) -> None:
    answer = await register(
        running, organisation="", email="bakery", domains="https://bakery.nl/\nco.uk", ranges="10.0.0.0/8"
    )

    assert answer.status_code == 422
    for field in ("organisation", "email", "domains", "ranges"):
        assert f'href="#{field}"' in answer.text
        assert f'id="{field}-lacking"' in answer.text
    assert "is not a domain name" in answer.text
    assert "Everybody takes a name of their own under" in answer.text
    assert "too large" in answer.text
    assert "desk@tocsin.example" in answer.text
    assert 'value="bakery"' in answer.text
    assert ">\nhttps://bakery.nl/\nco.uk</textarea>" in answer.text
    assert await running.rows("SELECT * FROM registrations") == []
    assert await asked_for(running) == []


async def test_of_very_many_mistakes_the_first_are_told(running: Running) -> None:
    answer = await register(running, domains="\n".join(f"https://shop{n}.nl" for n in range(60)))

    assert answer.text.count("is not a domain name") == 2 * 20
    assert answer.text.count("And 40 more like this.") == 2


async def test_confirming_tells_attribution_once(running: Running, links: Links) -> None:
    await register(running)
    page = await page_of(running, links)

    answers = [await running.browser.post(page, data={"do": "confirm"}) for _ in range(2)]

    assert "your registration is confirmed" in answers[0].text
    assert [answer.status_code for answer in answers] == [200, 200]
    (event,) = await told(running)
    assert (event.revision, event.organisation, event.email) == (1, "Bakery", "info@bakery.example")
    assert (event.assets, event.is_withdrawn) == ((DOMAIN, RANGE), False)
    assert (await running.browser.get(page)).text.count("Just registered") == 2


async def test_the_page_shows_how_far_each_proof_is_by_the_newest_word(running: Running, page: str) -> None:
    wanted = FollowedAsset(
        kind=AssetKind.DOMAIN,
        value="bakery.example",
        state=ClaimState.RECORD_WANTED,
        record_name="_tocsin-challenge.bakery.example",
        record_value="tocsin-proof=abc",
        until=datetime(2026, 6, 1, tzinfo=UTC),
    )
    asked = FollowedAsset(
        kind=AssetKind.IP_RANGE, value=RANGE.value, state=ClaimState.CONTACT_ASKED, contact="a***@network.example"
    )
    await running.hear(await followed(running, wanted, asked, revision=4))
    await running.hear(await followed(running, revision=3))

    text = (await running.browser.get(page)).text

    assert "It is your turn" in text
    assert "_tocsin-challenge.bakery.example" in text
    assert "tocsin-proof=abc" in text
    assert "1 June 2026" in text
    assert "a***@network.example" in text
    assert "Just registered" not in text

    proven = FollowedAsset(kind=AssetKind.DOMAIN, value="bakery.example", state=ClaimState.PROVEN, record_value="x")
    await running.hear(
        await followed(running, revision=5), await followed(running, proven, revision=7), await followed(running)
    )
    text = (await running.browser.get(page)).text
    assert "This is yours" in text
    assert "Leave the record in your DNS" in text


async def test_every_state_is_told_in_every_language(running: Running, page: str) -> None:
    for state in ClaimState:
        asset = FollowedAsset(kind=AssetKind.DOMAIN, value="bakery.example", state=state)
        revision = 1 + list(ClaimState).index(state)
        await running.hear(await followed(running, asset, revision=revision))
        for language in Language:
            answer = await running.browser.get(page, params={"lang": language})
            assert answer.status_code == 200
            assert f'class="state {state}"' in answer.text


async def test_news_of_a_registration_that_is_forgotten_is_let_go(running: Running, page: str) -> None:
    event = await followed(running)
    await running.rows("DELETE FROM registrations")

    await running.hear(event)

    assert (await running.browser.get(page)).status_code == 404


async def test_more_is_added_and_some_taken_back_each_with_all_of_it(running: Running, page: str) -> None:
    added = await running.browser.post(page, data={"do": "add", "domains": "shop.example", "asns": "AS64500"})
    again = await running.browser.post(page, data={"do": "add", "domains": "SHOP.example"})
    taken = await running.browser.post(page, data={"do": "take-back", "asset": ["domain shop.example", "asn AS1"]})

    assert "Added." in added.text
    assert again.status_code == 200
    assert "Taken back." in taken.text
    asn = ClaimedAsset(kind=AssetKind.ASN, value="AS64500")
    shop = ClaimedAsset(kind=AssetKind.DOMAIN, value="shop.example")
    assert [(event.revision, event.assets) for event in await told(running)] == [
        (1, (DOMAIN, RANGE)),
        (2, (DOMAIN, RANGE, shop, asn)),
        (3, (DOMAIN, RANGE, asn)),
    ]


async def test_who_looks_again_after_a_change_sends_nothing_a_second_time(running: Running, page: str) -> None:
    sent = await running.browser.post(
        f"{page}?lang=en", data={"do": "add", "domains": "shop.example"}, follow_redirects=False
    )

    assert (sent.status_code, sent.headers["Location"]) == (303, "?lang=en&done=added")
    looks = [await running.browser.get(f"{page}{sent.headers['Location']}") for _ in range(2)]
    assert all("Added." in look.text for look in looks)
    assert "Added." not in (await running.browser.get(f"{page}?done=everything")).text
    assert [event.revision for event in await told(running)] == [1, 2]


async def test_what_was_not_proven_in_time_gets_another_try_by_being_registered_once_more(
    running: Running, links: Links, page: str
) -> None:
    lapsed = FollowedAsset(kind=AssetKind.DOMAIN, value="bakery.example", state=ClaimState.LAPSED)
    proven = FollowedAsset(kind=AssetKind.IP_RANGE, value="192.0.2.64/28", state=ClaimState.PROVEN)
    await running.hear(await followed(running, lapsed, proven))

    await running.browser.post(page, data={"do": "add", "ranges": "192.0.2.64/28"})
    assert len(await told(running)) == 1
    await running.browser.post(page, data={"do": "add", "domains": "bakery.example"})
    await register(running)
    await running.browser.post(await page_of(running, links), data={"do": "confirm"})

    assert [(event.revision, event.assets) for event in await told(running)] == [
        (revision, (DOMAIN, RANGE)) for revision in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"do": "add"}, "at least one domain"),
        ({"do": "add", "ranges": "10.0.0.1"}, "does not exist on the internet"),
        ({"do": "add", "domains": "\n".join(f"shop{n}.example" for n in range(99))}, "at most 100"),
        ({"do": "take-back"}, "Tick what is to go"),
        ({"do": "take-back", "asset": ["domain bakery.example", "ip-range 192.0.2.64/28"]}, "Then nothing is left"),
    ],
)
async def test_a_change_that_can_not_be_made_says_why_and_changes_nothing(
    running: Running, page: str, sent: dict[str, str], said: str
) -> None:
    answer = await running.browser.post(page, data=sent)

    assert answer.status_code == 422
    assert said in answer.text
    assert sent.get("ranges", "") in answer.text
    assert len(await told(running)) == 1


async def test_a_registration_changes_only_so_often_a_day_but_can_always_be_withdrawn(
    running: Running, page: str
) -> None:
    answers = [await running.browser.post(page, data={"do": "add", "asns": f"AS{64500 + n}"}) for n in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert "changed 4 times today" in answers[-1].text
    assert "AS64503" in answers[-1].text
    assert int(answers[-1].headers["Retry-After"]) > 0
    withdrawn = await running.browser.post(page, data={"do": "withdraw-surely"})
    assert "is withdrawn" in withdrawn.text
    assert [event.is_withdrawn for event in await told(running)] == [False] * 4 + [True]


async def test_withdrawing_is_asked_once_more_and_then_told(running: Running, page: str) -> None:
    asked = await running.browser.post(page, data={"do": "withdraw"})
    assert "Are you sure?" in asked.text
    assert len(await told(running)) == 1

    answers = [await running.browser.post(page, data={"do": "withdraw-surely"}) for _ in range(2)]
    answers.append(await running.browser.post(page, data={"do": "add", "asns": "AS64500"}))
    answers.append(await running.browser.get(page))

    assert all("Your registration is withdrawn" in answer.text for answer in answers)
    event = (await told(running))[-1]
    assert (event.revision, event.assets, event.is_withdrawn) == (2, (), True)
    assert len(await told(running)) == 2


async def test_nobody_can_change_what_nobody_has_confirmed(running: Running, links: Links) -> None:
    await register(running)
    page = await page_of(running, links)

    for sent in ({"do": "add", "asns": "AS64500"}, {"do": "take-back"}, {"do": "withdraw"}, {"do": "withdraw-surely"}):
        assert "Is this registration right?" in (await running.browser.post(page, data=sent)).text

    assert await told(running) == []


async def test_what_is_not_said_as_the_page_does_is_refused(running: Running, page: str) -> None:
    answer = await running.browser.post(page, data={"do": "everything"}, headers={"Accept": "*/*"})

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/no-answer-given")


async def test_the_answer_tells_nothing_of_who_has_registered(running: Running, page: str) -> None:
    known = await register(running)
    unknown = await register(running, organisation="Butcher", email="info@butcher.example", domains="butcher.example")

    assert known.status_code == unknown.status_code
    assert known.text == unknown.text.replace("butcher", "bakery")


async def test_a_mailbox_is_asked_so_often_a_day_whatever_its_address_and_nobody_is_told(running: Running) -> None:
    answers = [
        await register(running, organisation=f"Shop {n}", email=f"Info+{n}@bakery.example".replace("Info+0", "info"))
        for n in range(5)
    ]

    assert len(await asked_for(running)) == 3
    assert len({re.sub(r"\S+@bakery.example", "", answer.text) for answer in answers}) == 1
    await register(running, email="other@bakery.example")
    assert len(await asked_for(running)) == 4


async def test_a_mailbox_that_answers_nothing_is_left_alone_after_a_few_days(running: Running, links: Links) -> None:
    now = datetime.now(UTC).replace(hour=12)

    async def asks(day: int) -> None:
        form = RegistrationForm(**BAKERY | {"organisation": f"Bakery {day}"})
        async with running.database.transaction() as tx:
            assert await handlers.register(tx, form, policy=POLICY, now=now + timedelta(days=day)) is None

    for day in range(7):
        await asks(day)
    assert len(await asked_for(running)) == handlers.MOST_UNANSWERED
    await asks(8)
    assert len(await asked_for(running)) == handlers.MOST_UNANSWERED + 1, "some day, once more"

    async with running.database.transaction() as tx:
        newest = (await asked_for(running))[-1]
        await handlers.confirm(tx, newest.registration_id, policy=POLICY, now=now + timedelta(days=8))
    for day in (9, 10, 11):
        await asks(day)
    assert len(await asked_for(running)) == handlers.MOST_UNANSWERED + 4, "who has confirmed one knows us"


def test_no_address_alone_can_take_all_the_mails_of_a_day() -> None:
    default = {name: field.default for name, field in FeedbackSettings.model_fields.items()}
    a_day = default["register_burst"] + default["register_per_minute"] * 24 * 60
    assert a_day < default["register_mails_a_day"] / 2


async def test_a_second_press_is_no_second_mail_and_a_later_one_asks_again(running: Running, links: Links) -> None:
    form, now = RegistrationForm(**BAKERY), datetime.now(UTC)
    for minutes in (0, 1, 11):
        async with running.database.transaction() as tx:
            asked_at = now + timedelta(minutes=minutes)
            assert await handlers.register(tx, form, policy=POLICY, now=asked_at) is None

    first, second = await asked_for(running)
    assert first.registration_id == second.registration_id
    assert (second.asked_at, first.event_id == second.event_id) == (now + timedelta(minutes=11), False)


async def test_after_a_days_mails_everybody_comes_back_tomorrow_with_what_they_typed(running: Running) -> None:
    now = datetime(2026, 5, 9, 23, 0, tzinfo=UTC)

    async def asks(n: int, moment: datetime) -> bool:
        form = RegistrationForm(**BAKERY | {"email": f"shop{n}@bakery.example"})
        async with running.database.transaction() as tx:
            return await handlers.register(tx, form, policy=POLICY, now=moment) is None

    assert [await asks(n, now) for n in range(6)] == [True] * 4 + [False] * 2
    assert await asks(5, now + timedelta(hours=2))

    await running.rows("INSERT INTO registration_mails VALUES (now() AT TIME ZONE 'UTC', '', 500)")
    answer = await register(running)
    assert answer.status_code == 429
    assert "Try again tomorrow" in answer.text
    assert ">\nBakery.example</textarea>" in answer.text


async def test_who_sends_many_forms_has_to_wait(running: Running, page: str) -> None:
    answers = [await register(running, email="nobody") for _ in range(19)]

    assert [answer.status_code for answer in answers] == [422] * 18 + [429]
    assert answers[-1].headers["RateLimit"].startswith('"register";r=0')
    assert (await running.browser.post(page, data={"do": "withdraw"})).status_code == 429
    assert (await running.browser.get("/register")).status_code == 200
    assert (await running.browser.get("/verify/TOC-1")).status_code == 200


async def test_what_nobody_confirms_is_forgotten(running: Running, links: Links) -> None:
    await register(running)
    page = await page_of(running, links)
    counted = REGISTRY.get_sample_value("tocsin_registrations_total", {"step": "forgotten"}) or 0.0
    await running.rows("UPDATE registrations SET expires_at = now() - interval '1 second'")

    for answer in (await running.browser.get(page), await running.browser.post(page, data={"do": "confirm"})):
        assert answer.status_code == 404
        assert "not there any more" in answer.text
    await running.rows("INSERT INTO registration_mails VALUES ('2020-01-01', 'a@bakery.example', 1)")
    await forget(running)

    assert await running.rows("SELECT * FROM registrations") == []
    assert await running.rows("SELECT mails FROM registration_mails WHERE day < '2021-01-01'") == []
    assert len(await running.rows("SELECT mails FROM registration_mails")) == 2
    assert await told(running) == []
    assert REGISTRY.get_sample_value("tocsin_registrations_total", {"step": "forgotten"}) == counted + 1


async def test_what_stands_is_kept_and_what_was_withdrawn_goes_after_a_while(running: Running, page: str) -> None:
    await forget(running)
    assert (await running.browser.get(page)).status_code == 200

    await running.browser.post(page, data={"do": "withdraw-surely"})
    await forget(running)
    assert "is withdrawn" in (await running.browser.get(page)).text

    await running.rows("UPDATE registrations SET expires_at = now() - interval '1 second'")
    await forget(running)
    assert await running.rows("SELECT * FROM registrations") == []


async def forget(running: Running) -> None:
    """One round."""
    shutdown = Shutdown()
    forgetter = asyncio.create_task(Forgetter(running.database, pause_seconds=0.01).run(shutdown))
    async with asyncio.timeout(30):
        while await running.rows("SELECT FROM registrations WHERE expires_at <= now()"):
            await asyncio.sleep(0.01)
    shutdown.request()
    await forgetter


async def test_whoever_registers_the_same_organisation_again_comes_to_the_same_page(
    running: Running, links: Links, page: str
) -> None:
    await register(running, organisation="BAKERY", domains="bakery.example\nshop.example", ranges="")
    second = await page_of(running, links)
    assert second != page

    answer = await running.browser.post(second, data={"do": "confirm"})

    assert "your registration is confirmed" in answer.text
    assert "192.0.2.64/28" in answer.text
    shop = ClaimedAsset(kind=AssetKind.DOMAIN, value="shop.example")
    events = await told(running)
    assert [(event.revision, event.assets) for event in events] == [
        (1, (DOMAIN, RANGE)),
        (2, (DOMAIN, RANGE, shop)),
    ]
    assert len({event.registration_id for event in events}) == 1
    assert (await running.browser.get(second)).text.count("Just registered") == 3
    await running.browser.post(second, data={"do": "take-back", "asset": "domain shop.example"})
    assert (await told(running))[-1].assets == (DOMAIN, RANGE)


async def test_a_lost_link_is_had_again_without_a_change(running: Running, links: Links, page: str) -> None:
    await register(running)

    answer = await running.browser.post(await page_of(running, links), data={"do": "confirm"})

    assert "Your registration" in answer.text
    assert len(await told(running)) == 1


async def test_another_organisation_of_the_same_mailbox_is_another(running: Running, links: Links, page: str) -> None:
    await register(running, organisation="Butcher", domains="butcher.example", ranges="")

    await running.browser.post(await page_of(running, links), data={"do": "confirm"})

    assert len({event.registration_id for event in await told(running)}) == 2


async def test_what_does_not_fit_is_another_without_what_is_registered(
    running: Running, links: Links, page: str
) -> None:
    many = "\n".join(f"shop{n}.example" for n in range(99))
    await register(running, domains=f"bakery.example\n{many}", ranges="")

    await running.browser.post(await page_of(running, links), data={"do": "confirm"})

    first, second = await told(running)
    assert first.registration_id != second.registration_id
    assert (len(second.assets), DOMAIN in second.assets) == (99, False)


async def test_a_registration_that_was_withdrawn_takes_nothing_in(running: Running, links: Links, page: str) -> None:
    await running.browser.post(page, data={"do": "withdraw-surely"})
    await register(running)

    await running.browser.post(await page_of(running, links), data={"do": "confirm"})

    events = await told(running)
    assert (events[-1].revision, events[-1].assets) == (1, (DOMAIN, RANGE))
    assert events[-1].registration_id != events[0].registration_id


async def test_two_replicas_send_one_mail(running: Running, other: Database) -> None:
    form, now = RegistrationForm(**BAKERY), datetime.now(UTC)

    async def asks_too() -> None:
        async with other.transaction() as tx:
            await handlers.register(tx, form, policy=POLICY, now=now)

    async with running.database.transaction() as tx:
        await handlers.register(tx, form, policy=POLICY, now=now)
        second = asyncio.create_task(asks_too())
        await until_it_waits(running, second)
    await second

    assert len(await asked_for(running)) == 1


@pytest.mark.parametrize(
    ("second", "told_of"), [("bakery.example", [(1, 1)]), ("shop.example", [(1, 1), (2, 2)])], ids=["same", "another"]
)
async def test_two_replicas_make_one_registration_of_what_is_confirmed_at_once(
    running: Running, other: Database, second: str, told_of: list[tuple[int, int]]
) -> None:
    await register(running, ranges="")
    await register(running, domains=second, ranges="")
    asked = [event.registration_id for event in await asked_for(running)]
    now = datetime.now(UTC)

    async def confirms_too() -> None:
        async with other.transaction() as tx:
            await handlers.confirm(tx, asked[-1], policy=POLICY, now=now)

    async with running.database.transaction() as tx:
        await handlers.confirm(tx, asked[0], policy=POLICY, now=now)
        task = asyncio.create_task(confirms_too())
        await until_it_waits(running, task)
    await task

    events = await told(running)
    assert [(event.revision, len(event.assets)) for event in events] == told_of
    assert {event.registration_id for event in events} == {asked[0]}


async def test_a_forged_token_is_not_found(running: Running, links: Links, page: str) -> None:
    registration_id = (await told(running))[0].registration_id
    foreign = Links(b"another key entirely").registration_token(registration_id)

    for token in (foreign, links.recipient_token(registration_id), str(registration_id), "AAAA"):
        for answer in (
            await running.browser.get(f"/register/{token}"),
            await running.browser.post(f"/register/{token}", data={"do": "withdraw-surely"}),
        ):
            assert answer.status_code == 404
            assert "This page does not exist" in answer.text
    assert len(await told(running)) == 1


async def test_hostile_text_comes_out_as_text(running: Running, links: Links) -> None:
    refused = await register(
        running, organisation=HOSTILE, email=HOSTILE, domains=f"</textarea>{HOSTILE}", kvk_number=HOSTILE
    )
    taken = await register(running, organisation=HOSTILE)
    page = await page_of(running, links)
    answers = [
        refused,
        taken,
        await running.browser.get(page),
        await running.browser.post(page, data={"do": "confirm"}),
        await running.browser.post(page, data={"do": "withdraw"}),
        await running.browser.post(page, data={"do": "add", "domains": f"</textarea>{HOSTILE}"}),
    ]

    for answer in answers:
        assert answer.status_code in (200, 422)
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert "49" not in answer.text


async def test_a_house_that_takes_no_registrations_shows_no_way_in_and_keeps_what_there_is(
    running: Running, settings: FeedbackSettings, page: str
) -> None:
    closed = build(settings.model_copy(update={"register_open": False}))
    transport = httpx.ASGITransport(closed.api)
    async with httpx.AsyncClient(
        transport=transport, base_url="https://warned.example", headers=BROWSER, follow_redirects=True
    ) as browser:
        front = await browser.get("/")
        answers = [await browser.get("/register"), await browser.post("/register", data=BAKERY)]
        own = await browser.get(page)
    await closed.database.close()

    assert "/register" in (await running.browser.get("/")).text
    assert "/register" not in front.text
    assert [answer.status_code for answer in answers] == [404, 404]
    assert "Your registration" in own.text


async def test_the_page_speaks_the_language_that_was_chosen(running: Running, links: Links) -> None:
    await register(running, language="de")
    page = await page_of(running, links)

    assert '<html lang="de">' in (await running.browser.get(page)).text
    assert '<html lang="nl">' in (await running.browser.get(f"{page}?lang=nl")).text

"""Organisations register by themselves on a real database: each hears how far it is, and of nothing before a proof."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import Asset, AssetRegistered
from libs.common.ids import derived_id
from services.attribution.domain import contact_proofs
from services.attribution.handlers.self_registrations.rounds import TAKEN_UP_AT_ONCE
from tests.integration.attribution.registrant import (
    BAKERY,
    BUTCHER,
    CHALLENGE,
    Town,
    registered,
    rounds_of,
    sources,
    states,
    town,
)
from tests.integration.test_attribution import RIPE

DAY = timedelta(days=1)


@pytest.fixture
async def place(database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str) -> AsyncIterator[Town]:
    async with town(database_url, operator_key, operator_public_key) as opened:
        yield opened


async def test_a_domain_is_proven_by_its_record_and_each_step_is_told_once(place: Town) -> None:
    (first,) = await place.register("bakery.example", number="12345678")

    (wanted,) = first.assets
    assert (wanted.state, wanted.record_name, first.news) == ("record-wanted", CHALLENGE, ("bakery.example",))
    assert (first.answers, first.revision, first.email) == (1, 1, BAKERY)
    assert await place.warned() == "no-recipient"

    await place.go_round()
    assert await place.told() == [first], "what is told once is not told again"
    await place.later(timedelta(minutes=5))
    place.dns.failing.add(CHALLENGE)
    await place.later(timedelta(minutes=5))
    assert states(await place.last()) == {"bakery.example": "record-wanted"}
    place.dns.failing.clear()
    await place.publish(wanted)

    second = await place.last()
    assert (states(second), second.news) == ({"bakery.example": "proven"}, ("bakery.example",))
    assert await place.warned() == BAKERY
    await place.later(300 * DAY)
    told = await place.told()
    assert [event.news for event in told if event.news] == [("bakery.example",)] * 2, "two mails in all"
    assert [event.revision for event in told] == list(range(1, len(told) + 1))


async def test_the_desk_sees_who_has_registered_by_itself_and_what_it_says(place: Town) -> None:
    await place.desk.add_organisation("Butcher")
    await place.register("bakery.example", number="12345678")

    (own,) = await place.organisations("?self_registered=true")
    (others,) = await place.organisations("?self_registered=false")

    assert (own["name"], own["country"], own["criticality"]) == ("Bakery", "NL", "unknown")
    assert (own["self_registered"], own["kvk_number"], own["claimed_kvk_number"]) == (True, None, "12345678")
    assert (others["name"], others["self_registered"]) == ("Butcher", False)
    assert len(await place.organisations()) == 2
    changes = await place.desk.items(f"/v1/organisations/{own['organisation_id']}/changes")
    added = next(change for change in changes if change["what"] == "organisation-added")
    assert (added["by"], added["after"]["self_registered"]) == ("self-registration", True)
    assert {change["by"] for change in changes} == {"self-registration"}
    export = await place.client.get("/v1/organisations/export")
    header, *lines = export.text.splitlines()
    assert header.endswith(",self_registered")
    assert {line.split(",")[1]: line.rpartition(",")[2] for line in lines} == {"Butcher": "", "Bakery": "yes"}
    assert (await place.desk.bring_in("organisations", export.content))["state"] == "done"
    assert len(await place.organisations("?self_registered=true")) == 1


async def test_an_older_revision_and_a_repeated_one_change_nothing(place: Town) -> None:
    newest = registered("bakery.example", "shop.example", revision=3)
    await place.hear(registered("bakery.example"), newest, registered("old.example", revision=2))
    await place.hear(registered("old.example", revision=2))
    await place.go_round()
    before = await place.told()

    await place.hear(newest, registered("old.example", revision=2))
    await place.hear(registered("old.example", revision=2))
    await place.go_round()

    assert await place.told() == before
    assert (before[-1].answers, set(states(before[-1]))) == (3, {"bakery.example", "shop.example"})
    (own,) = await place.organisations()
    assert [asset["value"] for asset in await place.assets(own["organisation_id"])] == [
        "bakery.example",
        "shop.example",
    ]


async def test_ranges_and_systems_are_put_to_their_registrys_contact(place: Town) -> None:
    await place.desk.bring_in("ripe", RIPE)
    values = ("192.0.2.64/28", "AS64500", "203.0.113.0/28", "bakery.example")
    (first,) = await place.register(*values)

    assert states(first) == {
        "192.0.2.64/28": "contact-asked",
        "AS64500": "no-contact",
        "203.0.113.0/28": "no-contact",
        "bakery.example": "record-wanted",
    }
    assert set(first.news) == set(values), "one mail about all of it"
    contact = next(asset for asset in first.assets if asset.value == "192.0.2.64/28")
    assert contact.contact == "a***@isp.example"
    assert await place.waiting("claim-without-contact") == 2
    (claim,) = await place.asked()
    assert (claim.email, claim.organisation) == ("abuse@isp.example", "Bakery")
    assert await place.warned(Asset(ip="192.0.2.70")) == "abuse@isp.example", "not theirs before it is proven"

    await place.answer(claim, answer="yes", code=claim.code)
    await place.go_round()

    last = await place.last()
    assert (states(last)["192.0.2.64/28"], last.news) == ("proven", ("192.0.2.64/28",))
    assert await place.warned(Asset(ip="192.0.2.70")) == BAKERY
    (own,) = await place.organisations()
    [desks] = [each for each in await place.assets(own["organisation_id"]) if each["value"] == "AS64500"]
    path = f"/v1/organisations/{own['organisation_id']}/assets/{desks['asset_id']}"
    await place.desk.ask("POST", f"{path}/vouch", {"note": "telephoned"})
    await place.go_round()
    assert states(await place.last())["AS64500"] == "proven"
    assert await place.waiting("claim-without-contact") == 1


async def test_a_networks_owner_registers_with_the_address_that_the_registry_has(place: Town) -> None:
    await place.desk.bring_in("ripe", RIPE)

    (asked,) = await place.register("192.0.2.64/28", email="abuse@isp.example", name="Isp")

    assert states(asked) == {"192.0.2.64/28": "contact-asked"}
    (claim,) = await place.asked()
    assert claim.email == "abuse@isp.example"
    await place.answer(claim, answer="yes", code=claim.code)
    await place.go_round()
    assert states(await place.last("abuse@isp.example")) == {"192.0.2.64/28": "proven"}


async def test_the_contacts_no_and_its_silence_are_told(place: Town) -> None:
    await place.register("192.0.2.64/28")
    await place.register("192.0.2.80/28", email=BUTCHER, name="Butcher")
    await place.register("192.0.2.64/28", "bakery.example", revision=2)
    first, second = await place.asked()
    assert (first.value, second.value) == ("192.0.2.64/28", "192.0.2.80/28")

    await place.answer(first, answer="no")
    await place.go_round()
    await place.later(7 * DAY)

    refused, silent = await place.last(), await place.last(BUTCHER)
    assert await place.waiting("claim-refused") == 0, "there is nothing to look at for the desk"
    assert states(refused) == {"192.0.2.64/28": "refused", "bakery.example": "record-wanted"}
    assert (states(silent), silent.news) == ({"192.0.2.80/28": "lapsed"}, ("192.0.2.80/28",))

    await place.register("192.0.2.64/28", revision=3)
    await place.register("192.0.2.80/28", email=BUTCHER, name="Butcher", revision=2)
    assert states(await place.last()) == {"192.0.2.64/28": "refused"}, "a no stands"
    assert [event.news for event in await place.told()].count(("192.0.2.64/28",)) == 2, "asked, and refused"
    assert states(await place.last(BUTCHER)) == {"192.0.2.80/28": "contact-asked"}
    assert len(await place.asked()) == 3


async def test_what_was_not_proven_in_time_or_lost_gets_another_try_when_it_is_registered_once_more(
    place: Town,
) -> None:
    await place.register("bakery.example")
    await place.later(14 * DAY)
    lapsed = await place.last()
    assert (states(lapsed), lapsed.news) == ({"bakery.example": "lapsed"}, ("bakery.example",))

    await place.register("bakery.example", revision=2)
    (wanted,) = (await place.last()).assets
    assert wanted.state == "record-wanted"
    await place.publish(wanted)
    assert states(await place.last()) == {"bakery.example": "proven"}

    place.dns.records.clear()
    for _ in range(4):
        await place.later(336 * DAY if await place.warned() == BAKERY else DAY)
    await place.later(2 * DAY)
    lost = await place.last()
    assert (states(lost), lost.news) == ({"bakery.example": "lapsed"}, ("bakery.example",))
    assert await place.warned() == "no-recipient"


async def test_a_registry_that_is_away_is_told_of_and_asked_again(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.integration.attribution import registrant

    (first,) = await place.register("198.51.100.0/28")
    assert (states(first), first.news) == ({"198.51.100.0/28": "no-contact"}, ())

    monkeypatch.delitem(registrant.FAILING, registrant.AWAY)
    await place.later(timedelta(hours=1))

    *_, told = await place.told()
    assert (states(told), told.news) == ({"198.51.100.0/28": "no-contact"}, ("198.51.100.0/28",)), "nobody is named"


async def test_what_is_taken_back_is_released_and_a_withdrawal_leaves_nothing(place: Town) -> None:
    (first,) = await place.register("bakery.example", "shop.example")
    for asset in first.assets:
        await place.publish(asset)
    assert await place.warned() == BAKERY

    await place.register("shop.example", revision=2)
    assert states(await place.last()) == {"shop.example": "proven"}
    assert await place.warned() == "no-recipient"

    await place.register(revision=3, withdrawn=True)

    last = await place.last()
    assert (last.answers, last.assets, last.news) == (3, (), ())
    assert await place.organisations() == []
    assert await place.warned(Asset(domain="shop.example")) == "no-recipient"
    told = [(e.value, e.is_registered) for e in await place.desk.sent() if isinstance(e, AssetRegistered)]
    assert sorted(told) == [(value, said) for value in ("bakery.example", "shop.example") for said in (False, True)]
    assert await kept_rows(place, "self_registered_asset") == 0
    async with place.service.database.transaction() as tx:
        await tx.fetch("UPDATE self_registration SET taken_up_at = taken_up_at - interval '31 days'")
    await place.rounds.forget()
    assert await kept_rows(place, "self_registration") == 0


async def kept_rows(place: Town, table: str) -> int:
    async with place.service.database.transaction() as tx:
        [row] = await tx.fetch(f"SELECT count(*) AS kept FROM {table}")
    kept: int = row["kept"]
    return kept


async def test_what_is_withdrawn_before_it_was_ever_in_place_is_nothing(place: Town) -> None:
    await place.hear(registered("bakery.example"))
    await place.hear(registered(revision=2, withdrawn=True))
    await place.go_round()

    assert (await place.told(), await place.organisations()) == ([], [])
    assert await place.waiting("registration-waiting") == 0


async def test_whom_the_desk_removes_hears_it_and_does_not_come_back(place: Town) -> None:
    (first,) = await place.register("bakery.example")
    await place.publish(first.assets[0])
    (own,) = await place.organisations()

    await place.desk.ask("DELETE", f"/v1/organisations/{own['organisation_id']}", status=204)
    await place.go_round()

    removed = await place.last()
    assert (states(removed), removed.news) == ({"bakery.example": "refused"}, ("bakery.example",))
    assert await place.warned() == "no-recipient"
    await place.register("bakery.example", "shop.example", revision=2)
    again = await place.last()
    assert states(again) == {"bakery.example": "refused", "shop.example": "refused"}
    assert (await place.organisations(), again.news) == ([], ("shop.example",))
    await place.register(revision=3, withdrawn=True)
    assert (await place.last()).assets == ()


async def test_the_desks_word_about_one_asset_is_told_too(place: Town) -> None:
    (first,) = await place.register("bakery.example", "shop.example")
    (own,) = await place.organisations()
    path = f"/v1/organisations/{own['organisation_id']}/assets"
    ids = {asset["value"]: asset["asset_id"] for asset in await place.assets(own["organisation_id"])}

    await place.desk.ask("POST", f"{path}/{ids['bakery.example']}/vouch", {"note": "seen"})
    await place.desk.ask("DELETE", f"{path}/{ids['shop.example']}", status=204)
    await place.go_round()
    second = await place.last()
    await place.desk.ask("POST", f"{path}/{ids['bakery.example']}/revoke", {"note": "a mistake"})
    await place.go_round()

    assert states(second) == {"bakery.example": "proven", "shop.example": "refused"}
    assert set(second.news) == set(states(first))
    assert states(await place.last()) == {"bakery.example": "refused", "shop.example": "refused"}


async def test_a_challenge_by_the_desk_is_told_too(place: Town) -> None:
    await place.register("bakery.example")
    await place.later(14 * DAY)
    (own,) = await place.organisations()
    (asset,) = await place.assets(own["organisation_id"])

    await place.desk.ask("POST", f"/v1/organisations/{own['organisation_id']}/assets/{asset['asset_id']}/challenge")
    await place.go_round()

    last = await place.last()
    assert (states(last), last.news) == ({"bakery.example": "record-wanted"}, ("bakery.example",))


async def test_one_that_becomes_part_of_another_is_followed_still(place: Town) -> None:
    desks = await place.desk.add_organisation("Bakery", email="it@bakery.example")
    await place.desk.ask(
        "POST", f"/v1/organisations/{desks}/assets", {"kind": "domain", "value": "shop.example"}, status=201
    )
    await place.register("bakery.example", "shop.example")
    (own,) = await place.organisations("?self_registered=true")

    await place.desk.ask("POST", f"/v1/organisations/{own['organisation_id']}/merge", {"into": desks})
    await place.go_round()

    merged = await place.last()
    assert states(merged) == {"bakery.example": "record-wanted", "shop.example": "proven"}
    assert (str(merged.organisation_id), merged.news) == (desks, ("shop.example",))
    await place.publish(next(asset for asset in merged.assets if asset.value == "bakery.example"))
    assert states(await place.last()) == {"bakery.example": "proven", "shop.example": "proven"}

    await place.register(revision=2, withdrawn=True)

    assert [asset["value"] for asset in await place.assets(desks)] == ["shop.example"], "the desk's own stays"
    contacts = await place.desk.items(f"/v1/organisations/{desks}/contacts")
    assert [contact["email"] for contact in contacts] == ["it@bakery.example"]
    (kept,) = await place.organisations()
    assert (kept["organisation_id"], kept["self_registered"]) == (desks, False)


async def test_one_that_the_desks_own_is_merged_into_is_the_desks_from_then_on(place: Town) -> None:
    desks = await place.desk.add_organisation("Bakery", email="it@bakery.example")
    await place.register("bakery.example")
    (own,) = await place.organisations("?self_registered=true")

    await place.desk.ask("POST", f"/v1/organisations/{desks}/merge", {"into": own["organisation_id"]})

    (kept,) = await place.organisations()
    assert (kept["organisation_id"], kept["self_registered"]) == (own["organisation_id"], False)


FILE = msgspec.json.encode(
    [
        {
            "name": "Bakery",
            "country": "NL",
            "assets": [{"kind": "domain", "value": "bakery.example"}],
            "contacts": [{"email": "security@bakery.example"}],
        }
    ]
)


async def test_who_says_that_it_is_somebody_takes_nothing_from_them_and_stands_in_nobodys_way(place: Town) -> None:
    (first,) = await place.register("bakery.example", email="thief@elsewhere.example", number="12345678")
    for number in range(3):
        await place.register("bakery.example", email=f"thief{number}@elsewhere.example")

    assert await place.waiting("conflict") == 0, "a word against a word is nothing for the desk"
    assert (await place.desk.bring_in("organisations", FILE))["state"] == "done"
    await place.go_round()

    assert await place.warned() == "security@bakery.example"
    (desks,) = await place.organisations("?self_registered=false")
    assert desks["name"] == "Bakery", "a file means an entry of the desk's, or a new one"
    assert len(await place.organisations("?self_registered=true")) == 4
    assert await place.waiting("conflict") == 0
    assert {str(asset.state) for event in await place.told() for asset in event.assets} == {"record-wanted"}

    await place.publish(first.assets[0])

    assert await place.waiting("conflict") == 1, "now there are two proofs, and a person decides"
    assert states(await place.last("thief@elsewhere.example")) == {"bakery.example": "contested"}
    assert await place.warned() == "no-recipient"


async def test_an_unproven_claim_hides_no_known_organisation(place: Town) -> None:
    await place.desk.add_organisation("Bakery", email="security@bakery.example")
    assert await place.warned() == "security@bakery.example", "its mail domain, and it is called like it"

    await place.register("bakery.example", email="thief@elsewhere.example")
    await place.register("shop.example", email="someone@bakery.example")

    assert await place.warned() == "security@bakery.example"


async def test_what_can_be_nobodys_is_refused(place: Town) -> None:
    (first,) = await place.register("co.uk", "bakery.example")

    assert states(first) == {"co.uk": "refused", "bakery.example": "record-wanted"}


async def test_a_flood_is_taken_up_some_at_a_time_by_all_replicas_together(place: Town) -> None:
    many = TAKEN_UP_AT_ONCE + 10
    await place.hear(*(registered(f"a{n}.example", email=f"info@a{n}.example", name=f"A {n}") for n in range(many)))
    assert await place.waiting("registration-waiting") == many

    await place.rounds.take_up()
    assert await place.waiting("registration-waiting") == 10

    other, _ = rounds_of(place.service, place.dns, sources(), place.directory)
    await asyncio.gather(place.rounds.take_up(), other.take_up())
    await asyncio.gather(place.rounds.follow(), other.follow(), place.rounds.follow())

    assert len(await place.desk.items("/v1/organisations")) == many
    told = await place.told()
    assert sorted(event.registration_id for event in told) == sorted(
        derived_id("registration", f"info@a{n}.example") for n in range(many)
    )


async def test_where_nobody_looks_at_the_dns_a_domains_contact_is_asked_as_well(place: Town) -> None:
    rounds, proving = rounds_of(place.service, None, sources(), place.directory)
    await place.hear(registered("bakery.example"))

    await rounds.take_up()
    await proving.look_some()
    while await proving.ask_one():
        pass
    await rounds.follow()

    assert states(await place.last()) == {"bakery.example": "no-contact"}


async def test_strangers_have_us_mail_only_so_many_contacts_and_leave_a_mail_of_each_to_the_desk(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        await place.register(
            f"192.0.2.{64 + 16 * (number % 2)}/28", email=f"{number}@mass.example", name=f"Mass {number}"
        )
    assert len(await place.asked()) == 2, "the third mail of the day is the desk's"
    (desks, *_) = await place.organisations()
    (asset, *_) = await place.assets(desks["organisation_id"])
    path = f"/v1/organisations/{desks['organisation_id']}/assets/{asset['asset_id']}"
    await place.desk.ask("POST", f"{path}/ask-contact", status=202)
    assert len(await place.asked()) == 3

    monkeypatch.setattr(contact_proofs, "MOST_FOR_REGISTRATIONS", 2)
    await place.later(timedelta(hours=1))
    assert len(await place.asked()) == 3, "of all of them together only so many"


async def test_a_contact_that_says_no_to_strangers_again_and_again_is_not_asked_for_others(place: Town) -> None:
    for number in range(contact_proofs.MOST_NOES + 1):
        await place.register("192.0.2.64/28", email=f"{number}@mass.example", name=f"Mass {number}")
        if number < contact_proofs.MOST_NOES:
            claim = (await place.asked())[-1]
            assert claim.organisation == f"Mass {number}"
            await place.answer(claim, answer="no")
            await place.later(DAY)

    assert len(await place.asked()) == contact_proofs.MOST_NOES
    assert states(await place.last(f"{contact_proofs.MOST_NOES}@mass.example")) == {"192.0.2.64/28": "no-contact"}

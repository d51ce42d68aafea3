"""What operators do: let partners in, bring in what is known of organisations and networks, and say yes to a mail."""

import json
from uuid import UUID

import msgspec

from deploy.demo.apis import Api, Apis, Recipient, Summary
from deploy.demo.organisations import ORGANISATIONS
from deploy.demo.patience import look_until
from deploy.demo.places import NETWORKS
from deploy.demo.registry import organisation_entries, registry_dump
from deploy.demo.world import PARTNERS, Partner, Place, Standing
from deploy.local.complaints import Complaint

IMPORT_SECONDS = 60
IN_FORCE_SECONDS = 30
RESENT_SECONDS = 60


class _Partner(msgspec.Struct, frozen=True):
    id: UUID


class _Key(msgspec.Struct, frozen=True):
    key: str


class _Import(msgspec.Struct, frozen=True):
    import_id: UUID
    state: str
    message: str


class _Lookup(msgspec.Struct, frozen=True):
    recipient: Recipient | None


async def seed(apis: Apis) -> dict[str, str]:
    """Everything that has to be known before the first report comes. Returns the new partners' keys by slug."""
    keys = {partner.slug: await _let_in(partner, apis.intake) for partner in PARTNERS}
    await _bring_in("ripe", registry_dump().encode(), apis.attribution)
    await _bring_in("organisations", json.dumps(organisation_entries()).encode(), apis.attribution)
    for organisation in ORGANISATIONS:
        if organisation.place.standing is Standing.OPTED_OUT:
            order = {"value": organisation.contact, "reason": "opt-out", "note": "Asked by telephone."}
            await apis.notifier.post("/v1/suppressions", order)
    await _wait_until_known(apis.attribution)
    return keys


async def _let_in(partner: Partner, intake: Api) -> str:
    body = {
        "slug": partner.slug,
        "name": partner.name,
        "reliability": partner.reliability,
        "contact_email": partner.contact_email,
    }
    made = msgspec.json.decode((await intake.post("/v1/partners", body)).content, type=_Partner)
    return msgspec.json.decode((await intake.post(f"/v1/partners/{made.id}/keys")).content, type=_Key).key


async def _bring_in(kind: str, content: bytes, attribution: Api) -> None:
    """Post a file and wait until it is in; `Complaint` if it is refused."""
    answer = await attribution.ask("POST", f"/v1/imports/{kind}", content=content)
    started = msgspec.json.decode(answer.content, type=_Import)

    async def look() -> _Import:
        return await attribution.get(f"/v1/imports/{started.import_id}", _Import)

    run = await look_until(look, lambda seen: seen.state not in {"waiting", "running"}, within_seconds=IMPORT_SECONDS)
    if run.state != "done":
        raise Complaint(f"The import of {kind} failed: {run.message}")


async def _wait_until_known(attribution: Api) -> None:
    """What was brought in is in force a moment later: ask for one registered place and one network, as anybody may."""
    places = (ORGANISATIONS[0].place, NETWORKS[0])

    async def known() -> bool:
        return all([await _is_known(place, attribution) for place in places])

    if not await look_until(known, bool, within_seconds=IN_FORCE_SECONDS):
        raise Complaint(f"What was imported is not in force after {IN_FORCE_SECONDS} s. See the log of attribution.")


async def _is_known(place: Place, attribution: Api) -> bool:
    found = await attribution.get("/v1/lookup", _Lookup, ip=str(place.ipv4[0]))
    return found.recipient is not None and found.recipient.email == place.recipient


async def approve_what_waits(notifier: Api) -> list[Summary]:
    """Say yes to every mail that waits for a person; which ones these were. A yes that is lost is said again later."""
    waiting = await notifier.every("/v1/notifications", Summary, state="awaiting-approval")
    for notification in waiting:
        body = {"note": "The demo's operator says yes."}
        await notifier.try_post(f"/v1/notifications/{notification.id}/approve", body)
    return waiting


async def send_refused_again(notifier: Api) -> list[Summary]:
    """Have the mails sent once more that the relay has refused, and wait until they are; which ones these were.

    Not those whose answer was lost twice: their recipients may have two already.
    """
    failed = await notifier.every("/v1/notifications", Summary, state="failed")
    refused = [notification for notification in failed if notification.reason != "in-doubt"]
    for notification in refused:
        body = {"note": "The demo's operator tries again."}
        await notifier.post(f"/v1/notifications/{notification.id}/resend", body)

    async def look() -> list[Summary]:
        return await notifier.every("/v1/notifications", Summary)

    await look_until(
        look, lambda seen: {each.state for each in seen} <= {"sent", "failed"}, within_seconds=RESENT_SECONDS
    )
    return refused

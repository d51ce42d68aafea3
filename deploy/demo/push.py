"""Partners push: their own key, one report after the other, with httpx, and clumsily if they are told to."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
import msgspec

from deploy.demo.apis import Receipt, api_at, success
from deploy.demo.feeds import Feed
from deploy.demo.patience import look_until
from deploy.doubles.partner import ClumsyPartner, Payload
from libs.common.faults import Draw

PUSHED_SECONDS = 120
READ_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A feed and the receipt that its partner has for it."""

    feed: Feed
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Partners:
    """The partners' way in. `keys` by slug; `draw` says what they do wrong."""

    url: str
    keys: Mapping[str, str]
    draw: Draw

    async def push(self, feed: Feed, *, idempotency_key: str = "") -> Pushed:
        """Returns when intake has read it all, so that what comes next comes later for every service.

        `idempotency_key` makes the same payload a new submission: without one intake answers with the first receipt.
        """
        key = self.keys[feed.push.partner]
        answer = await self._push(_payload(feed, idempotency_key=idempotency_key), key=key)
        async with api_at(self.url, token=key) as intake:
            receipt = msgspec.json.decode(answer.content, type=Receipt)
            receipt = await look_until(
                lambda: intake.get(f"/v1/submissions/{receipt.id}", Receipt),
                lambda seen: seen.status != "processing",
                within_seconds=READ_SECONDS,
            )
        return Pushed(feed=feed, receipt=receipt)

    async def _push(self, payload: Payload, *, key: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=PUSHED_SECONDS) as client:
            partner = ClumsyPartner(client, draw=self.draw, patience_seconds=PUSHED_SECONDS)
            return success((await partner.push(payload)).answer)


def _payload(feed: Feed, *, idempotency_key: str) -> Payload:
    """Shadowserver's type is in the file name; our own format is named."""
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    parameters = {}
    if feed.push.layout.is_csv:
        headers |= {"Content-Type": "text/csv", "Content-Disposition": f'attachment; filename="{feed.file_name}"'}
    else:
        headers |= {"Content-Type": "application/x-ndjson"}
        parameters = {"format": "tocsin-ndjson"}
    content = feed.content
    if feed.push.compressed:
        headers |= {"Content-Encoding": "gzip"}
        content = gzip.compress(content, mtime=0)
    return Payload(content=content, params=parameters, headers=headers)


def feed_of(pushed: Sequence[Pushed], *, report_type: str) -> Pushed:
    """The first push of a report of this type."""
    return next(each for each in pushed if each.feed.report_type == report_type)

"""Partners push: their own key, one report after the other, with httpx."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
import msgspec

from deploy.demo.apis import Api, Receipt, api_at
from deploy.demo.feeds import Feed
from deploy.demo.patience import look_until

READ_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A feed and the receipt that its partner has for it."""

    feed: Feed
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Partners:
    """The partners' way in. `keys` by slug."""

    url: str
    keys: Mapping[str, str]

    async def push(self, feed: Feed, *, idempotency_key: str = "") -> Pushed:
        """Returns when intake has read it all, so that what comes next comes later for every service.

        `idempotency_key` makes the same payload a new submission: without one intake answers with the first receipt.
        """
        async with api_at(self.url, token=self.keys[feed.push.partner]) as intake:
            answer = await _post(feed, intake, idempotency_key=idempotency_key)
            receipt = msgspec.json.decode(answer.content, type=Receipt)
            receipt = await look_until(
                lambda: intake.get(f"/v1/submissions/{receipt.id}", Receipt),
                lambda seen: seen.status != "processing",
                within_seconds=READ_SECONDS,
            )
        return Pushed(feed=feed, receipt=receipt)


async def _post(feed: Feed, intake: Api, *, idempotency_key: str) -> httpx.Response:
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
    return await intake.ask("POST", "/v1/submissions", params=parameters, headers=headers, content=content)


def feed_of(pushed: Sequence[Pushed], *, report_type: str) -> Pushed:
    """The first push of a report of this type."""
    return next(each for each in pushed if each.feed.report_type == report_type)

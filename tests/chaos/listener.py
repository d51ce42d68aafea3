"""A partner's receiver of webhooks on a bad day: now and then it says no, or takes an event and is silent."""

import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from deploy.local.layout import HOST

TROUBLE_RATE = 0.2
HANGS_SECONDS = 6.0
"""Longer than intake waits for an answer here."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event that came, and whether it is what intake has signed. Also those that were not answered with a yes."""

    id: str
    body: dict[str, Any]  # Any: JSON of an event
    is_signed: bool


@dataclass(slots=True)
class Listener:
    """Listens in a thread of this process. Trouble is for first attempts alone, as the pause after a second is long."""

    seed: int
    secret: str = ""
    told: list[Told] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    def start(self) -> str:
        """Returns the URL."""
        chance, seen, told = random.Random(self.seed), set[str](), self._told

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers["content-length"]))
                is_first = headers["webhook-id"] not in seen
                seen.add(headers["webhook-id"])
                trouble = chance.choice((503, "cut", "hang")) if is_first and chance.random() < TROUBLE_RATE else 204
                if trouble != 503:
                    told(headers, body)
                if trouble == "hang":
                    time.sleep(HANGS_SECONDS)
                if isinstance(trouble, int):
                    self.send_response(trouble)
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer((HOST, 0), Receiver)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://{HOST}:{self._server.server_address[1]}/events"

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def _told(self, headers: dict[str, str], body: bytes) -> None:
        try:
            Webhook(self.secret).verify(body, headers)
            is_signed = True
        except WebhookVerificationError:
            is_signed = False
        self.told.append(Told(headers["webhook-id"], json.loads(body), is_signed))


def repeats(told: Sequence[Told]) -> int:
    """How often an event came that had come before."""
    return len(told) - len({each.id for each in told})


def untold(told: Sequence[Told], pushed: dict[UUID, int]) -> Iterator[str]:
    """What a partner that never asks would not know, as sentences. `pushed`: submissions, with their records."""
    forged = sum(not each.is_signed for each in told)
    if forged:
        yield f"{forged} events bear a wrong signature"
    events: dict[UUID, dict[int, dict[str, Any]]] = defaultdict(dict)
    for each in told:
        events[UUID(each.body["data"]["id"])][each.body["sequence"]] = each.body["data"]
    if strangers := events.keys() - pushed.keys():
        yield f"events tell of {len(strangers)} submissions that nobody pushed"
    for submission_id, records in pushed.items():
        heard = events.get(submission_id)
        if not heard:
            yield f"nobody was told of submission {submission_id}"
            continue
        last = heard[max(heard)]
        if last["status"] != "done" or last["outcomes"].get("pending") or sum(last["outcomes"].values()) != records:
            yield f"the last event of submission {submission_id} says {last['status']}, {last['outcomes']}"

"""A partner's side of a push: one file at a time, again and again until intake has answered for good.

A file's idempotency key is made from what is in it. So whoever breaks off can start over: what was taken is not taken
twice, and the first receipt comes back.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from libs.common import clock
from libs.common.errors import Permanent, Transient
from libs.common.retry import Backoff

CHUNK_BYTES = 256 * 1024
LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
TIMEOUTS = httpx.Timeout(120.0, connect=10.0)
"""Intake reads a small payload before it answers."""
LONGEST_PAUSE_SECONDS = 900.0

MEDIA_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".eml": "message/rfc822",
}
UNKNOWN = "application/octet-stream"
"""Says nothing, so that intake looks at the bytes."""

Document = Mapping[str, Any]  # JSON as it came

Tell = Callable[[int], None]
"""Hears how many bytes of the file were sent so far, from 0 again for each try."""

Warn = Callable[[str], None]
"""Hears why something has to be tried again, and when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file, and what is said of it."""

    path: Path
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def headers(self) -> dict[str, str]:
        return {
            "Content-Type": MEDIA_TYPES.get(self.path.suffix.lower(), UNKNOWN),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(self.path.name)}",
            "Content-Length": str(self.size_bytes),
            "Idempotency-Key": self._key(),
        }

    def _key(self) -> str:
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        digest.update("\n".join(f"{name}={value}" for name, value in sorted(self.params.items())).encode())
        return f"push-{digest.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What intake says for good: a receipt, or a problem. `is_known` where the file had been taken before."""

    is_taken: bool
    is_known: bool
    body: Document


class Pusher:
    """Pushes over one client, which knows the address and the key; patient for so long with each request."""

    def __init__(self, client: httpx.Client, *, patience_seconds: float, warn: Warn) -> None:
        self._client = client
        self._patience_seconds = patience_seconds
        self._warn = warn

    def push(self, upload: Upload, *, tell: Tell) -> Answer:
        """`Transient` when there was no answer for good in time; what was sent may have been taken all the same."""
        headers = upload.headers()

        def send() -> httpx.Response:
            with upload.path.open("rb") as file:
                body = _told(iter(lambda: file.read(CHUNK_BYTES), b""), tell)
                return self._client.post("/v1/submissions", params=dict(upload.params), headers=headers, content=body)

        response = self._until_answered(send)
        return Answer(response.is_success, "Idempotent-Replayed" in response.headers, _body(response))

    def receipt(self, submission_id: str) -> Document:
        """As it stands now."""
        response = self._until_answered(lambda: self._client.get(f"/v1/submissions/{submission_id}"))
        if not response.is_success:
            raise Permanent(f"the receipt is answered with {response.status_code}")
        return _body(response)

    def _until_answered(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        backoff = Backoff(shortest_seconds=1.0, longest_seconds=60.0)
        give_up = time.monotonic() + self._patience_seconds
        while True:
            try:
                response = send()
            except httpx.TransportError as error:
                trouble, pause = str(error) or type(error).__name__, backoff.next_seconds()
            else:
                if response.status_code not in LATER:
                    return response
                trouble = f"{response.status_code} {_body(response).get('title', response.reason_phrase)}"
                pause = _asked_pause(response, now=clock.now()) or backoff.next_seconds()
            if time.monotonic() + pause > give_up:
                raise Transient(f"no answer for good within {self._patience_seconds:.0f} s; the last was: {trouble}")
            self._warn(f"{trouble}; once more in {pause:.0f} s")
            time.sleep(pause)


def _told(chunks: Iterator[bytes], tell: Tell) -> Iterator[bytes]:
    sent = 0
    tell(sent)
    for chunk in chunks:
        yield chunk
        sent += len(chunk)
        tell(sent)


def _asked_pause(response: httpx.Response, *, now: datetime) -> float | None:
    """What `Retry-After` asks for (RFC 9110): seconds, or a moment."""
    asked = response.headers.get("Retry-After", "")
    if asked.isdecimal():
        return min(float(asked), LONGEST_PAUSE_SECONDS)
    try:
        moment = parsedate_to_datetime(asked)
    except ValueError:
        return None
    return min(max((moment - now).total_seconds(), 1.0), LONGEST_PAUSE_SECONDS)


def _body(response: httpx.Response) -> Document:
    """The JSON object of an answer; of a proxy in between, which may say anything, its status."""
    try:
        body = response.json()
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {"status": response.status_code, "title": response.reason_phrase}

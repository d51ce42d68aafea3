"""The ways by which a partner's lines come in: pushed as they are or packed, in a mail, or as objects over TAXII."""

import asyncio
import gzip
import json
import smtplib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv6Address
from uuid import UUID

import httpx
from backports import zstd

from bench.feed import address_of
from deploy.doubles.partner import PAUSE_SECONDS, Payload
from tests.mails import brought, mail_with_table
from tests.zips import zipped

MAIL_SECONDS = 30.0
REPORT_TYPE = "scan_smb"
FILE_NAME = f"2026-03-01-{REPORT_TYPE}-example.csv"
COLLECTIONS = "/taxii2/intake/collections/"
TAXII = "application/taxii+json;version=2.1"
OBJECTS = 100
FIRST_OBJECT = 10**9
"""The assets of objects are counted from here on, far behind those of any feed."""


class Way(StrEnum):
    """How one submission comes in; partners take them in turn."""

    PLAIN = "plain"
    GZIP = "gzip"
    MAIL_BROUGHT = "mail brought"
    ZIP = "zip"
    ZSTD = "zstd"
    MAIL_PUSHED = "mail pushed"


WAYS = tuple(Way)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where a mail server brings the partner's mails: our door, and the address that is the partner's."""

    host: str
    port: int
    address: str

    async def bring(self, mail: bytes) -> tuple[UUID, int]:
        """Again and again until it is taken, as a mail server does; the submission that it became, and the tries."""
        tries = 1
        while (answer := await asyncio.to_thread(self._answer, mail)) is None:
            tries += 1
            await asyncio.sleep(PAUSE_SECONDS)
        code, text = answer
        assert code == 250, f"a mail was answered {code} {text}"
        return UUID(text.rpartition(" ")[2]), tries

    def _answer(self, mail: bytes) -> tuple[int, str] | None:
        """None for one that was lost, or that says to come later."""
        try:
            code, text = brought(self.host, self.port, mail, recipient=self.address, seconds=MAIL_SECONDS)
        except (OSError, smtplib.SMTPException):
            return None
        return None if 400 <= code < 500 else (code, text)


@dataclass(frozen=True, slots=True)
class Doors:
    """Where a partner comes in beside `/v1/submissions`; `collection` is the path to push objects to."""

    mailbox: Mailbox
    collection: str


def payload_by(way: Way, content: bytes, *, key: str) -> Payload:
    """The lines as they are pushed that way."""
    params, headers = {"report_type": REPORT_TYPE}, {"Idempotency-Key": key}
    match way:
        case Way.GZIP:
            content, headers = gzip.compress(content, 1), headers | {"Content-Encoding": "gzip"}
        case Way.ZSTD:
            content, headers = zstd.compress(content), headers | {"Content-Encoding": "zstd"}
        case Way.ZIP:
            content, headers = zipped((FILE_NAME, content)), headers | {"Content-Type": "application/zip"}
        case Way.MAIL_PUSHED:
            content, headers = mail_of(content, key=key), headers | {"Content-Type": "message/rfc822"}
            params = {}
    return Payload(content=content, params=params, headers=headers)


def mail_of(content: bytes, *, key: str) -> bytes:
    return bytes(mail_with_table(content, file_name=FILE_NAME, message_id=f"<{key}@example.org>"))


def objects_payload(
    collection: str, *, first: int, key: str, now: datetime, sure_percent: int | None = None
) -> Payload:
    """`OBJECTS` infected machines of network owners that we know, from this number on."""
    said = {} if sure_percent is None else {"confidence": sure_percent}
    envelope = {"objects": [_indicator(first + number, now) | said for number in range(OBJECTS)]}
    headers = {"Idempotency-Key": key, "Content-Type": TAXII, "Accept": TAXII}
    return Payload(path=collection, content=json.dumps(envelope).encode(), headers=headers)


def _indicator(number: int, now: datetime) -> dict[str, object]:
    at = f"{now:%Y-%m-%dT%H:%M:%S.000Z}"
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--00000000-0000-4000-8000-{number:012}",
        **dict.fromkeys(("created", "modified", "valid_from"), at),
        "name": "Infected machine",
        "labels": ['rsit:malicious-code="infected-system"'],
        "pattern_type": "stix",
        "pattern": f"[ipv6-addr:value = '{IPv6Address(address_of(number))}']",
    }


async def doors_of(client: httpx.AsyncClient, *, operator: httpx.AsyncClient, mail_door: str) -> Doors:
    """Of the partner whose client it is: a new address for mails, and its own collection."""
    partner = (await client.get("/v1/partners/me")).raise_for_status().json()["id"]
    key = (await operator.post(f"/v1/partners/{partner}/keys", json={"kind": "mail"})).raise_for_status().json()
    host, _, port = mail_door.rpartition(":")
    return Doors(Mailbox(host, int(port), key["address"]), await collection_of(client))


async def collection_of(client: httpx.AsyncClient) -> str:
    """The path to which the partner whose client it is pushes objects."""
    collections = (await client.get(COLLECTIONS, headers={"Accept": TAXII})).raise_for_status().json()["collections"]
    return f"{COLLECTIONS}{collections[0]['id']}/objects/"

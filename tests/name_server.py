"""A name server on the loopback, over UDP, that knows a few names, and misbehaves as its mood is."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Literal

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.exception import DNSException

Zone = Mapping[tuple[str, str], Sequence[str] | Sequence[Sequence[str]]]
"""Records, as a zone file has them, by name and kind. Of several lists each question gets the next."""


Mood = Literal[
    "fine",
    "silent",
    "nonsense",
    "fails",
    "refuses",
    "cut-off",
    "half",
    "empty",
    "another-question",
    "another-number",
    "endless-name",
    "loop",
]
"""How it answers. All but the first are wrong."""

UNWILLING: Mapping[str, dns.rcode.Rcode] = {"fails": dns.rcode.SERVFAIL, "refuses": dns.rcode.REFUSED}

LOOP = ("loop.example", "pool.example")


class NameServer(asyncio.DatagramProtocol):
    """Names in `failing` fail whatever the mood is. `asked` counts questions by name and kind, unanswered ones too."""

    def __init__(self, zone: Zone, *, failing: Iterable[str] = ()) -> None:
        self._zone: dict[tuple[str, str], list[Sequence[str]]] = {key: _lists(each) for key, each in zone.items()}
        self._failing = frozenset(failing)
        self.asked: Counter[tuple[str, str]] = Counter()
        self.mood: Mood = "fine"
        self.port = 0

    @property
    def place(self) -> str:
        """Where it listens, as our settings have it."""
        return f"127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["NameServer"]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        try:
            yield self
        finally:
            transport.close()

    def learn(self, name: str, kind: str, *records: str) -> None:
        self._zone[(name, kind)] = [records]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            query = dns.message.from_wire(data)
        except DNSException:
            return
        self.asked[_asked(query)] += 1
        if self.mood != "silent":
            self._transport.sendto(self._answer(data, query), addr)

    def _answer(self, data: bytes, query: dns.message.Message) -> bytes:
        """What it sends, which may be nothing that a resolver can use."""
        whole = self._response(query).to_wire()
        match self.mood:
            case "nonsense":
                return data[:2] + b"\xff" * 40
            case "half":
                return whole[: len(whole) // 2]
            case "empty":
                return b""
            case "another-number":
                return bytes((data[0] ^ 0xFF, data[1])) + whole[2:]
            case "endless-name":
                return _with_endless_name(whole, query)
            case _:
                return whole

    def _response(self, query: dns.message.Message) -> dns.message.Message:
        name, kind = _asked(query)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if self.mood in UNWILLING or name in self._failing:
            response.set_rcode(UNWILLING.get(self.mood, dns.rcode.SERVFAIL))
        elif self.mood == "cut-off":
            response.flags |= dns.flags.TC  # and nobody listens where the rest is asked for
        elif self.mood == "another-question":
            other = dns.message.make_query("else.example", query.question[0].rdtype, id=query.id)
            response = dns.message.make_response(other)
        elif self.mood == "loop":
            names = (name, *LOOP, LOOP[0])
            aliases = pairwise(names)
            response.answer += [
                dns.rrset.from_text(f"{one}.", 60, "IN", "CNAME", f"{other}.") for one, other in aliases
            ]
        elif records := self._next(name, kind):
            response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", kind, *records))
        elif not any(known == name for known, _ in self._zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    def _next(self, name: str, kind: str) -> Sequence[str]:
        """The last list stays."""
        lists = self._zone.get((name, kind), [])
        return lists.pop(0) if len(lists) > 1 else (lists[0] if lists else ())


def _asked(query: dns.message.Message) -> tuple[str, str]:
    [question] = query.question
    return question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)


def _with_endless_name(whole: bytes, query: dns.message.Message) -> bytes:
    """With a record whose name goes on where it begins."""
    question = query.question[0].name.to_wire() or b""
    end = 12 + len(question) + 4
    return whole[:4] + b"\x00\x01\x00\x01\x00\x00\x00\x00" + whole[12:end] + bytes((0xC0, end)) + b"\x00" * 10


def _lists(records: Sequence[str] | Sequence[Sequence[str]]) -> list[Sequence[str]]:
    return [records] if all(isinstance(each, str) for each in records) else list(records)  # type: ignore[list-item]


@asynccontextmanager
async def name_server(zone: Zone, *, failing: Iterable[str] = ()) -> AsyncIterator[str]:
    """Where one listens, as our settings have it."""
    async with NameServer(zone, failing=failing).running() as server:
        yield server.place

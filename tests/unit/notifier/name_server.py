"""A name server on the loopback, over UDP, that knows a few names."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Zone = Mapping[tuple[str, str], Sequence[str]]
"""Records, as a zone file has them, by name and kind."""


class _Server(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone, failing: frozenset[str]) -> None:
        self._zone = zone
        self._failing = failing

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override] # of UDP
        self._transport = transport

    def datagram_received(self, wire: bytes, caller: tuple[str, int]) -> None:
        self._transport.sendto(self._answer(dns.message.from_wire(wire)).to_wire(), caller)

    def _answer(self, asked: dns.message.Message) -> dns.message.Message:
        [question] = asked.question
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        if name in self._failing:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif records := self._zone.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
        elif not any(known == name for known, _ in self._zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


@asynccontextmanager
async def name_server(zone: Zone, *, failing: frozenset[str] = frozenset()) -> AsyncIterator[str]:
    """Where it listens, as our settings have it."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Server(zone, failing), local_addr=("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")
    try:
        yield f"{host}:{port}"
    finally:
        transport.close()

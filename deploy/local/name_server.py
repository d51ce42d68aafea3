"""A name server that knows the records of a file, read anew at each question, and asks elsewhere for all other names.

Run as `python -m deploy.local.name_server --port PORT --records FILE`. The file is written as zones are (RFC 1035 §5),
with whole names. What is not in it and ends in a name that is nobody's (RFC 6761) does not exist: nobody is asked.
"""

import argparse
import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.resolver
import dns.rrset
import dns.zonefile

NOBODYS = tuple(dns.name.from_text(name) for name in ("example", "invalid", "localhost", "test"))
SECONDS_ELSEWHERE = 3.0
SECONDS_KEPT = 60
LENGTH_BYTES = 2
"""Before each message over TCP (RFC 1035 §4.2.2)."""


class Names:
    """Answers questions, each to a message that can be sent."""

    def __init__(self, records: Path) -> None:
        self._records = records

    async def answer(self, asked: bytes) -> bytes | None:
        """Nothing where no question can be read."""
        try:
            query = dns.message.from_wire(asked)
            [question] = query.question
            response = dns.message.make_response(query, recursion_available=True)
        except (dns.exception.DNSException, ValueError):
            return None
        try:
            known = [record for record in self._known() if record.name == question.name]
        except (dns.exception.DNSException, OSError) as error:
            print(f"{self._records}: {error}", flush=True)
            response.set_rcode(dns.rcode.SERVFAIL)
            return response.to_wire()
        if known:
            response.answer = [record for record in known if record.rdtype == question.rdtype]
        elif any(question.name.is_subdomain(name) for name in NOBODYS):
            response.set_rcode(dns.rcode.NXDOMAIN)
        else:
            await _ask_elsewhere(question, response)
        return response.to_wire()

    def _known(self) -> Sequence[dns.rrset.RRset]:
        """Raises `DNSException` for a file that can't be read as records."""
        if not self._records.exists():
            return ()
        return dns.zonefile.read_rrsets(self._records.read_text(), default_ttl=SECONDS_KEPT, rdclass=None)


async def _ask_elsewhere(question: dns.rrset.RRset, response: dns.message.Message) -> None:
    """What the name servers of this machine say."""
    try:
        found = await dns.asyncresolver.resolve(
            question.name, question.rdtype, raise_on_no_answer=False, lifetime=SECONDS_ELSEWHERE, search=False
        )
    except dns.resolver.NXDOMAIN:
        response.set_rcode(dns.rcode.NXDOMAIN)
    except (dns.exception.DNSException, OSError):
        response.set_rcode(dns.rcode.SERVFAIL)
    else:
        response.answer = list(found.response.answer)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, names: Names) -> None:
        self._names = names
        self._answers: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # the kind it is
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.create_task(self._send(data, addr))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _send(self, data: bytes, addr: tuple[str, int]) -> None:
        if (answer := await self._names.answer(data)) is not None:
            self._transport.sendto(answer, addr)


async def listen(*, host: str, port: int, records: Path) -> asyncio.Server:
    """Start to answer, over UDP and TCP; closing the server ends the latter, and the process the former."""
    names = Names(records)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            length = int.from_bytes(await reader.readexactly(LENGTH_BYTES))
            if (answer := await names.answer(await reader.readexactly(length))) is not None:
                writer.write(len(answer).to_bytes(LENGTH_BYTES) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # whoever looks whether somebody listens asks nothing
        finally:
            writer.close()

    await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Datagrams(names), local_addr=(host, port))
    return await asyncio.start_server(connected, host, port)


async def serve(*, host: str, port: int, records: Path) -> None:
    """Listen until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with await listen(host=host, port=port, records=records):
        await stopped.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Answer for the names of a file.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--records", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(host=arguments.host, port=arguments.port, records=arguments.records))

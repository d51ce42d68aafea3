"""A line to the database that can be slow: what the database says comes late, what is said to it does not."""

import asyncio
from contextlib import suppress

CHUNK_BYTES = 64 * 1024


class SlowLine:
    """Forwards connections to a port of this machine. `delay_seconds` may change at any time."""

    def __init__(self, *, host: str, target_port: int) -> None:
        self._host = host
        self._target_port = target_port
        self.delay_seconds = 0.0

    async def serve(self, port: int) -> None:
        """Until cancelled."""
        server = await asyncio.start_server(self._forward, self._host, port)
        async with server:
            await server.serve_forever()

    async def _forward(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_connection(self._host, self._target_port)
        except OSError:
            to_client.close()
            return
        asking = asyncio.create_task(self._pump(client, to_server, is_answer=False))
        try:
            await self._pump(server, to_client, is_answer=True)
        finally:
            asking.cancel()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_answer: bool) -> None:
        with suppress(OSError):
            while chunk := await source.read(CHUNK_BYTES):
                if is_answer and self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                sink.write(chunk)
                await sink.drain()
        sink.close()

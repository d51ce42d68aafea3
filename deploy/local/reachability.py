"""Whether something listens where it should."""

import asyncio
import ssl
from contextlib import suppress

import httpx

PROBE_SECONDS = 1.0
NOBODY_IS_TRUSTED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP: to read the world's authorities would take longer than all they ask."""


async def accepts_connections(host: str, port: int) -> bool:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PROBE_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return True
    return False


async def says_ready(host: str, port: int) -> bool:
    """Whether the service there answers 200 on `/health/ready`."""
    if not await accepts_connections(host, port):  # cheap, and the answer for the first seconds; a client is not
        return False
    # Loopback is never to go through a proxy of the environment.
    async with httpx.AsyncClient(verify=NOBODY_IS_TRUSTED, trust_env=False, timeout=PROBE_SECONDS) as client:
        with suppress(httpx.HTTPError):
            return (await client.get(f"http://{host}:{port}/health/ready")).status_code == httpx.codes.OK
    return False

"""What waits for too long anywhere in a running stack, in one line."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import httpx

from deploy.local.endpoints import read_endpoints
from deploy.local.layout import SERVICES, Layout

ANSWER_SECONDS = 15.0


async def overdue(layout: Layout) -> str | None:
    """None when nothing is, or when nobody can be asked yet."""
    endpoints = read_endpoints(layout)
    if endpoints is None:
        return None
    headers = {"Authorization": f"Bearer {endpoints['admin_token']}"}
    async with httpx.AsyncClient(headers=headers, timeout=ANSWER_SECONDS, trust_env=False) as client:
        urls = [endpoints[service] for service in SERVICES if service in endpoints]
        answers = await asyncio.gather(*(_ask(client, url) for url in urls))
    found = [words for answer in answers for words in late(answer)]
    return f"Overdue: {', '.join(found)}. docs/for-operators.md says what to do." if found else None


async def _ask(client: httpx.AsyncClient, url: str) -> Mapping[str, Any]:  # Any: JSON
    """Empty where a service does not answer: its row in the table says so."""
    try:
        answer = await client.get(f"{url}/v1/overdue")
        found: Mapping[str, Any] = answer.raise_for_status().json()
    except httpx.HTTPError:
        return {}
    return found


def late(answer: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON
    for state in answer.get("items", ()):
        if state["overdue"]:
            age = datetime.fromisoformat(answer["at"]) - datetime.fromisoformat(state["oldest_at"])
            oldest = _words(age.total_seconds())
            yield f"{state['overdue']:,} {state['state']} at {answer['service']} (the oldest for {oldest})"


def _words(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} seconds"

"""`/docs` of every service, as a browser shows it that reaches nothing but the service."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page, Route, expect

from tests.architecture.test_edges import SERVICES, built

pytestmark = pytest.mark.asyncio(loop_scope="session")

SITE = "https://tocsin.example"
HEADS = """heads => heads.map(head => [
  head.querySelector(".opblock-summary-method").innerText,
  head.querySelector(".opblock-summary-path").dataset.path,
].join(" "))"""
METHODS = {"get", "put", "post", "patch", "delete"}


@asynccontextmanager
async def visit(browser: Browser, api: FastAPI, *, below: str = "") -> AsyncIterator[Page]:
    """The page of an API that a proxy serves below a path. Fails where it wanted anything from elsewhere."""
    complaints: list[str] = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url=SITE) as client:

        async def answer(route: Route) -> None:
            if not route.request.url.startswith(f"{SITE}{below}/"):
                complaints.append(f"asked for {route.request.url}")
                await route.abort()
                return
            answer = await client.get(route.request.url.removeprefix(f"{SITE}{below}"))
            await route.fulfill(status=answer.status_code, headers=dict(answer.headers), body=answer.content)

        context = await browser.new_context(viewport={"width": 1200, "height": 1000})
        await context.route("**/*", answer)
        context.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        try:
            page = await context.new_page()
            await page.goto(f"{SITE}{below}/docs")
            yield page
        finally:
            await context.close()
    assert complaints == []


def operations(api: FastAPI) -> Iterator[tuple[str, dict[str, Any]]]:  # Any: a part of an OpenAPI document
    for path, methods in api.openapi()["paths"].items():
        for method in METHODS & methods.keys():
            yield f"{method.upper()} {path}", methods[method]


@pytest.mark.parametrize("service", SERVICES)
async def test_it_shows_every_operation_and_asks_nobody_else(browser: Browser, service: str) -> None:
    api = built(service).api
    told = sorted(name for name, operation in operations(api) for _ in operation["tags"])

    async with visit(browser, api) as page:
        await expect(page.locator(".opblock")).to_have_count(len(told))
        shown = await page.locator(".opblock-summary").evaluate_all(HEADS)

    assert sorted(shown) == told


async def test_an_operation_opens_and_can_be_tried(browser: Browser) -> None:
    async with visit(browser, built("intake").api) as page:
        operation = page.locator(".opblock", has=page.locator("[data-path='/v1/formats']"))
        await operation.locator(".opblock-summary").click()
        await operation.get_by_role("button", name="Try it out").click()
        await operation.get_by_role("button", name="Execute").click()
        await expect(operation.locator(".live-responses-table tbody .response-col_status")).to_have_text("200")


async def test_a_proxy_may_serve_it_below_a_path(browser: Browser) -> None:
    async with visit(browser, built("notifier").api, below="/notifier") as page:
        await expect(page.locator(".opblock").first).to_be_visible()

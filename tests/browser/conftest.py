"""A real browser, and the feedback service's pages at their public address, as it reaches them."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from deploy.local.background import BackgroundStack
from libs.common.links import Links
from libs.common.migrations import migrate
from services.feedback.app import build
from services.feedback.settings import FeedbackSettings
from tests.browser.site import PUBLIC_URL, Site
from tests.integration.feedback.conftest import LINK_KEY, Running

DATABASE = "test_browser"
# What a browser does for its maker and its owner, and a test has no use for.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium, else the one that Playwright fetched. Each test opens a window of its own in it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of what was judged, for people to judge too."""
    return tmp_path_factory.mktemp("gallery", numbered=False)


@pytest.fixture(scope="session")
def feedback_database(infrastructure: BackgroundStack) -> str:
    superuser = infrastructure.endpoints.postgres
    asyncio.run(_create_database(superuser))
    url = superuser.rsplit("/", 1)[0] + f"/{DATABASE}"
    migrate("feedback", url)
    return url


async def _create_database(superuser: str) -> None:
    connection = await asyncpg.connect(superuser)
    await connection.execute(f"CREATE DATABASE {DATABASE}")
    await connection.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(browser: Browser, feedback_database: str, operator_public_key: str) -> AsyncIterator[Site]:
    """One for all tests: each has mails of its own in it."""
    settings = FeedbackSettings(
        http_port=8105,
        database_url=feedback_database,
        kafka_bootstrap="127.0.0.1:1",
        operator_public_key=operator_public_key,
        link_key=LINK_KEY,
        public_url=PUBLIC_URL,
        verify_burst=1000,
        register_burst=1000,
        register_changes_a_day=1000,
        allow_documentation_ranges=True,
    )
    service = build(settings)
    transport = httpx.ASGITransport(service.api, client=("203.0.113.9", 4711))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, follow_redirects=True) as client:
        site = Site(browser=browser, service=Running(service.database, client), links=Links(LINK_KEY.encode()))
        await site.warn_the_world()
        yield site
    await service.database.close()

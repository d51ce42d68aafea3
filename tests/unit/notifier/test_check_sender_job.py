"""`python -m services.notifier.jobs check-sender`, as an operator runs it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from services.notifier.gateway.dkim import read_key
from tests.name_server import Zone, name_server
from tests.unit.notifier.test_dkim import ed25519_key, written_key
from tests.unit.notifier.test_settings import NEEDED

MISSING: Zone = {("tocsin.example", "MX"): ["10 mx.tocsin.example."]}


async def check(zone: Zone, **settings: str) -> tuple[int, str]:
    async with name_server(zone) as server:
        given = {**NEEDED, "NAMESERVERS": server, "SENDING_ADDRESSES": "192.0.2.25", **settings}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.notifier.jobs", "check-sender"),
            env={**os.environ, **{f"TOCSIN_NOTIFIER_{name}": value for name, value in given.items()}},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        told, _ = await process.communicate()
    return process.returncode or 0, told.decode()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return written_key(tmp_path, ed25519_key())


async def test_it_says_what_to_put_where(key_file: Path) -> None:
    code, told = await check(MISSING, DKIM_KEY_FILE=str(key_file), DKIM_SELECTOR="s1")

    assert code == 1
    assert "put: tocsin.example TXT v=spf1 ip4:192.0.2.25 -all" in told
    assert f"put: s1._domainkey.tocsin.example TXT {read_key(key_file, selector='s1').record}" in told
    assert "put: _dmarc.tocsin.example TXT v=DMARC1; p=reject; rua=mailto:desk@tocsin.example" in told


async def test_it_is_content_when_all_is_well(key_file: Path) -> None:
    zone: Zone = {
        **MISSING,
        ("tocsin.example", "TXT"): ['"v=spf1 ip4:192.0.2.25 -all"'],
        ("s1._domainkey.tocsin.example", "TXT"): [f'"{read_key(key_file, selector="s1").record}"'],
        ("_dmarc.tocsin.example", "TXT"): ['"v=DMARC1; p=reject"'],
        ("25.2.0.192.in-addr.arpa", "PTR"): ["mail.tocsin.example."],
        ("mail.tocsin.example", "A"): ["192.0.2.25"],
    }

    code, told = await check(zone, DKIM_KEY_FILE=str(key_file), DKIM_SELECTOR="s1")

    assert (code, "put:" in told) == (0, False)

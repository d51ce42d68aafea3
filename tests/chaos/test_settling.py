"""A run does not wait for what nobody does any more."""

import asyncio
from pathlib import Path

import pytest

from deploy.local.complaints import Complaint
from deploy.local.layout import Layout
from deploy.local.ports import free_port_base
from deploy.local.stack import running_stack
from tests.chaos.arena import Arena, clear_away
from tests.chaos.listener import Listener
from tests.chaos.relay import Relay
from tests.chaos.run import settle


async def test_a_part_that_has_given_up_ends_the_wait_with_its_last_lines(tmp_path: Path) -> None:
    layout = Layout(home=tmp_path, cache=Layout.from_environment().cache, port_base=free_port_base(), services=())
    async with running_stack(layout) as stack:
        made = Arena(stack, Relay(layout, ruthless=False), Listener(seed=1))
        (layout.logs / "mail.log").write_text("the disk is full")
        async with asyncio.timeout(60):
            while "mail" not in stack.given_up:
                stack.kill("mail")
                await asyncio.sleep(0.05)

        with pytest.raises(Complaint, match=r"(?s)mail is not started again any more.*the disk is full"):
            async with asyncio.timeout(10):
                await settle(made)

    clear_away(tmp_path)

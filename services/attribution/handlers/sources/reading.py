"""Reads the blocks of a large dump in several processes, and those of a small one here."""

import asyncio
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

from services.attribution.domain.ripe.reading import BlockRead, read_block
from services.attribution.handlers.dumps import Dump

MOST_PROCESSES = 4
BLOCKS_AHEAD = 2
"""For each process, so that none waits; what is read ahead is held in memory."""


async def read_all(dump: Dump) -> AsyncIterator[tuple[Path, BlockRead]]:
    """Every block, in the order of the dump."""
    blocks = dump.blocks()
    if not dump.is_large:
        while (block := await asyncio.to_thread(next, blocks, None)) is not None:
            yield block[0], await asyncio.to_thread(read_block, block[1])
        return
    processes = min(MOST_PROCESSES, os.cpu_count() or 1)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
        waiting: deque[tuple[Path, Future[BlockRead]]] = deque()
        try:
            while await asyncio.to_thread(_send, blocks, pool, waiting, processes * BLOCKS_AHEAD) or waiting:
                path, future = waiting.popleft()
                yield path, await asyncio.wrap_future(future)
        finally:
            for _, future in waiting:
                future.cancel()


def _send(
    blocks: Iterator[tuple[Path, bytes]],
    pool: ProcessPoolExecutor,
    waiting: deque[tuple[Path, Future[BlockRead]]],
    most: int,
) -> bool:
    """Unpack as many blocks as may wait; False when there are no more."""
    while len(waiting) < most:
        block = next(blocks, None)
        if block is None:
            return False
        waiting.append((block[0], pool.submit(read_block, block[1])))
    return True


def end_with_parent() -> None:
    """Leave no process behind when the one that started this one is killed. Gives way to those that serve."""
    os.nice(5)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_wait_for, args=(parent.sentinel,), daemon=True).start()


def _wait_for(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)

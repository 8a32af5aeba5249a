"""Iterate over something slow on a thread of its own, so that no slow consumer holds it up."""

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import closing, suppress
from typing import TypeVar

from rag.service.fair_queue import RequestContext

Item = TypeVar("Item")
_CLIENT_POLL_SECONDS = 0.2


class _End:
    """What follows the last item: the error that ended the iteration, if any."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def check(self) -> None:
        if self.error:
            raise self.error


def _start_producer(source: Generator[Item], put: Callable[[Item | _End], None]) -> None:
    """Pass each item of `source` to `put`, then an _End, on a new thread."""

    def work() -> None:
        try:
            with closing(source):
                for item in source:
                    put(item)
            put(_End())
        except Exception as error:
            put(_End(error))

    threading.Thread(target=work, daemon=True).start()


def iterate_in_thread(source: Generator[Item], poll_seconds: float) -> Generator[Item | None]:
    """Yield the items of `source`, and None after every `poll_seconds` without one.

    Raises what `source` raises.
    """
    items: queue.Queue[Item | _End] = queue.Queue()
    _start_producer(source, items.put)
    while True:
        try:
            item = items.get(timeout=poll_seconds)
        except queue.Empty:
            yield None
            continue
        if isinstance(item, _End):
            item.check()
            return
        yield item


async def _never() -> bool:
    return False


async def iterate_for_client(
    source: Generator[Item],
    request: RequestContext,
    is_gone: Callable[[], Awaitable[bool]] = _never,
) -> AsyncGenerator[Item]:
    """Yield the items of `source` to a client, as `iterate_in_thread` does for a loop of asyncio.

    Once `is_gone` returns True, or the consumer closes this generator, the request is stopped.
    Raises what `source` raises.
    """
    loop = asyncio.get_running_loop()
    items: asyncio.Queue[Item | _End] = asyncio.Queue()

    def put(item: Item | _End) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits for the item
            loop.call_soon_threadsafe(items.put_nowait, item)

    _start_producer(source, put)
    try:
        while True:
            try:
                item = await asyncio.wait_for(items.get(), _CLIENT_POLL_SECONDS)
            except TimeoutError:
                if await is_gone():
                    request.stop()
                continue
            if isinstance(item, _End):
                item.check()
                return
            yield item
    finally:
        request.stop()

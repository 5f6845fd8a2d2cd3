"""Threads that read beside the writer, each query on a connection of its own (floor 1)."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from ..errors import AgentError, StoreError

T = TypeVar("T")
_THREADS: Final = 2


class Readers:
    """Runs queries, as many at once as there are connections (opened when first needed)."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        explain: Callable[[Exception], AgentError],
    ) -> None:
        self._connect, self._explain = connect, explain
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="agent-store-read")

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run `query` in a thread and return its result."""
        try:
            future = asyncio.get_running_loop().run_in_executor(self._threads, self._query, query)
        except RuntimeError as error:
            raise StoreError("The session store is closed.", hint="Restart the server.") from error
        return await future

    def stop(self) -> None:
        """Wait for running queries and close the connections. Blocks."""
        self._threads.shutdown()
        while not self._idle.empty():
            self._idle.get().close()

    def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._take()
            try:
                return query(connection)
            finally:
                self._idle.put(connection)
        except AgentError:
            raise
        except Exception as error:
            raise self._explain(error) from error

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            connection = self._connect()
            connection.execute("PRAGMA query_only=ON")
            return connection

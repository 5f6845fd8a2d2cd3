"""The one thread that writes: what waits goes into one transaction and one sync (floor 1)."""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from ..errors import AgentError, StoreError

T = TypeVar("T")
_BATCH: Final = 512


@dataclass(slots=True, eq=False)
class _Job:
    """One change and who waits for it; `change` may be run again after a rollback."""

    change: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any] | None
    result: Any = None
    error: Exception | None = None


class Writer:
    """Runs changes on a connection that only this thread uses.

    Each change is a savepoint: one that raises leaves nothing behind and harms no other.
    `explain` turns SQLite's errors into those that callers meet. `guard` raises where nothing
    may be written any more. `failure` is the error of the last transaction, None if it went well.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        explain: Callable[[Exception], AgentError],
        log: logging.Logger,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection, self._explain, self._log = connection, explain, log
        self._guard = guard
        self.failure: Exception | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="agent-store-writer", daemon=True)
        self._thread.start()

    async def run(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run `change` and return its result once it is durable.

        Cancelled before its turn the change is left out, afterwards it is done in full.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._put(_Job(change, future))
        return await future

    def post(self, change: Callable[[sqlite3.Connection], object]) -> None:
        """Run `change` some time soon; a failure is logged."""
        self._put(_Job(change, None))

    def stop(self) -> None:
        """Write what waits, then end the thread. Blocks."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _put(self, job: _Job) -> None:
        with self._gate:
            if self._closed:
                raise StoreError("The session store is closed.", hint="Restart the server.")
            self._jobs.put(job)

    def _work(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs, ending = self._gather(first)
            jobs = [job for job in jobs if job.future is None or not job.future.cancelled()]
            self._write(jobs)
            self._settle(jobs)
            if ending:
                return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        jobs = [first]
        while len(jobs) < _BATCH:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _write(self, jobs: Sequence[_Job]) -> None:
        failure = self._commit(jobs)
        if failure is None:
            return
        code = getattr(failure, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL and len(jobs) > 1:
            for job in jobs:  # a large change must not take the small ones down with it
                self._write([job])
            return
        for job in jobs:
            job.error = failure

    def _commit(self, jobs: Sequence[_Job]) -> Exception | None:
        self.failure = None
        try:
            self._guard()
            self._connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                self._try(job)
            self._connection.execute("COMMIT")
        except Exception as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self.failure = error
        return self.failure

    def _try(self, job: _Job) -> None:
        job.result = job.error = None
        self._connection.execute("SAVEPOINT change")
        try:
            job.result = job.change(self._connection)
        except Exception as error:
            if not self._connection.in_transaction:
                raise  # SQLite gave up the whole transaction, not only this statement
            job.error = error
            self._connection.execute("ROLLBACK TO change")
        self._connection.execute("RELEASE change")

    def _settle(self, jobs: Sequence[_Job]) -> None:
        waiting: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        for job in jobs:
            if job.error is not None:
                job.error = self._explained(job.error)
            if job.future is not None:
                waiting.setdefault(job.future.get_loop(), []).append(job)
            elif job.error is not None:
                self._log.warning("The session store could not be kept up: %s", job.error)
        for loop, settled in waiting.items():
            try:
                loop.call_soon_threadsafe(_deliver, settled)
            except RuntimeError:  # the loop has closed: nobody waits any more
                self._log.debug("%d changes were written for a closed loop", len(settled))

    def _explained(self, error: Exception) -> Exception:
        explained = self._explain(error)
        if explained is not error:
            explained.__cause__ = error
        return explained


def _deliver(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        if job.future is None or job.future.done():
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error)

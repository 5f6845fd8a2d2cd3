"""The sessions in memory: at most one log object per session, one writer (floor 4)."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from weakref import WeakValueDictionary

from .agent.log import SessionLog, load_session
from .errors import AgentError, LeaseError, NotFoundError
from .events import Draft, SessionKey
from .fold import Session
from .metrics import observe
from .protocols import SessionStore

LINGER = 30.0  # seconds that a session that was put away stays in memory


class Shelf:
    """Opens, keeps and puts away logs; everything about one session is done one at a time."""

    def __init__(self, store: SessionStore, logger: logging.Logger) -> None:
        self._store = store
        self._logger = logger
        self._logs: dict[SessionKey, SessionLog] = {}
        self._locks: WeakValueDictionary[SessionKey, asyncio.Lock] = WeakValueDictionary()

    def all(self) -> list[SessionLog]:
        """Return the sessions in memory."""
        return list(self._logs.values())

    async def writable(self, key: SessionKey) -> tuple[SessionLog, bool]:
        """Return a session's log with the lease, and whether it was taken just now.

        Raises NotFoundError, LeaseError if another server writes it.
        """
        log = self._logs.get(key)
        if log is not None and log.lease is not None:
            return log, False
        async with self._lock(key):
            log = await self._readable(key)
            if log.lease is not None:
                return log, False
            lease = await self._store.acquire(key)
            try:
                await log.catch_up()
                if await self._store.card(key) is None:
                    raise unknown(key.session_id)
            except BaseException:
                await self._store.release(lease)
                raise
            log.lease, log.retake = lease, None
            self._logs[key] = log
            return log, True

    async def readable(self, key: SessionKey) -> SessionLog:
        """Return a session's log as it is now, for reading only. Raises NotFoundError."""
        log = self._logs.get(key)
        if log is not None and log.lease is not None:
            return log
        async with self._lock(key):
            return await self._readable(key)

    async def _readable(self, key: SessionKey) -> SessionLog:
        log = self._logs.get(key)
        if log is None:
            session = await load_session(self._store, key)
            if session is None:
                raise unknown(key.session_id)
            log = self._logs[key] = SessionLog(self._store, session, None, observe)
        elif log.lease is None:
            if await self._store.card(key) is None:  # deleted by another server
                self.forget(log)
                raise unknown(key.session_id)
            await log.catch_up()
        return log

    async def create(self, key: SessionKey, first: Draft, text: str) -> SessionLog:
        """Begin a session's log; where another request was first, return that one's."""
        async with self._lock(key):
            if (log := self._logs.get(key)) is not None:
                return log
            lease = await self._store.acquire(key)
            session = Session(session_id=key.session_id, owner=key.owner, root=key.root)
            log = SessionLog(self._store, session, lease, observe)
            try:
                await log.append(first, text=text)
            except BaseException:
                await self._store.release(lease)
                raise
            self._logs[key] = log
            return log

    async def put_away(self, log: SessionLog) -> None:
        """Give a session's lease back. Its viewers go on; `tidy` frees the memory later.

        Whoever got the log just before and writes to it takes the lease again.
        """
        await log.save_state()
        lease = log.give_up_lease()
        log.put_away_at, log.retake = time.time(), partial(self.writable, log.key)
        if lease is not None:
            await self._store.release(lease)

    def tidy(self) -> None:
        """Free the sessions without lease that nobody follows or may be about to write."""
        now = time.time()
        for key, log in list(self._logs.items()):
            lock = self._locks.get(key)
            in_use = log.watched or now - log.put_away_at < LINGER or (lock and lock.locked())
            if log.lease is None and not in_use:
                del self._logs[key]

    def forget(self, log: SessionLog) -> None:
        """Drop a session whose log failed: the store knows what is true."""
        if self._logs.get(log.key) is log:
            del self._logs[log.key]
        log.lease = log.retake = None
        log.close()

    async def remove(self, log: SessionLog) -> None:
        """Delete a session in which nothing runs any more. Raises LeaseError, StoreError."""
        async with self._lock(log.key):
            if log.lease is None:
                raise LeaseError("The session is written by another server.")
            await self._store.delete(log.lease)
            lease = log.give_up_lease()
            if self._logs.get(log.key) is log:
                del self._logs[log.key]
            log.close()
            if lease is not None:
                await self._store.release(lease)

    async def close(self) -> None:
        """End all viewers, keep the folded states."""
        for log in self.all():
            log.close()
            if log.lease is not None:
                try:
                    await log.save_state()
                except AgentError as error:
                    self._logger.warning("A folded state was not kept: %s", error)
        self._logs.clear()

    def _lock(self, key: SessionKey) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())


def unknown(session_id: str) -> NotFoundError:
    """Return the error for a session that is not there, or not the caller's."""
    return NotFoundError(f"There is no session {session_id!r}.")

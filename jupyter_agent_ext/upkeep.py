"""What happens to sessions by itself: resumed, archived, bound to what moved (floor 4)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from typing import Any, Protocol

from . import events as ev
from .agent.log import SessionLog
from .errors import LeaseError, NotFoundError, StoreError
from .events import Draft, SessionKey
from .records import Card

CULL_SECONDS = 60.0


class Sessions(Protocol):
    """What the upkeep needs of the session manager."""

    max_age_hours: float
    delete_after_days: float
    log: logging.Logger

    async def open(self, key: SessionKey) -> SessionLog: ...

    async def archive(self, key: SessionKey) -> bool: ...

    async def delete(self, key: SessionKey) -> None: ...

    async def all_cards(self, status: str | None = None) -> list[Card]: ...

    def logs(self) -> list[SessionLog]: ...

    def drop_unwatched(self) -> None: ...


class Upkeep:
    """The background work of one manager; it owns its tasks until `close`."""

    def __init__(self, manager: Sessions, *, resume: bool) -> None:
        self._manager = manager
        self._resume = resume
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Go on with interrupted turns, begin to cull."""
        if self._resume:
            self._spawn(self._resume_all())
        self._spawn(self._cull_for_ever())

    async def close(self) -> None:
        """End all of it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resume_all(self) -> None:
        for card in await self._manager.all_cards(status="running"):
            try:
                await self._manager.open(card.key)
            except (LeaseError, NotFoundError, StoreError) as error:
                self._warn("was not resumed", card.key, error)

    async def _cull_for_ever(self) -> None:
        while True:
            await asyncio.sleep(CULL_SECONDS)
            try:
                await self.cull()
            except StoreError as error:
                self._manager.log.warning("Old sessions could not be archived: %s", error)

    async def cull(self) -> None:
        """Archive sessions idle for `max_age_hours`; delete old archived ones if configured."""
        manager, now = self._manager, time.time()
        for card in await manager.all_cards(status="idle"):
            idle = now - card.last_activity
            with contextlib.suppress(LeaseError, NotFoundError):
                if manager.delete_after_days and idle > manager.delete_after_days * 86400:
                    await manager.delete(card.key)
                elif not card.archived and idle > manager.max_age_hours * 3600:
                    await manager.archive(card.key)
        manager.drop_unwatched()

    async def follow_rename(self, old: str, new: str) -> None:
        """Bind the sessions of a renamed notebook, or of a folder's notebooks, to the new path."""
        prefix = old.rstrip("/") + "/"
        for card in await self._manager.all_cards():
            path = card.notebook
            if path is not None and (path == old or path.startswith(prefix)):
                moved = new + path[len(old) :]
                await self._bind(card.key, {"notebook": moved, "notebook_id": moved})

    def kernel_restarted(self, kernel_id: str, epoch: str | None) -> None:
        """Note in the open sessions of a kernel that its variables are gone."""
        self._spawn(self._follow_restart(kernel_id, epoch))

    async def _follow_restart(self, kernel_id: str, epoch: str | None) -> None:
        for log in self._manager.logs():
            session = log.session
            if session.kernel_id == kernel_id and session.epoch not in (None, epoch):
                await self._bind(log.key, {"epoch": epoch})

    async def _bind(self, key: SessionKey, bound: dict[str, Any]) -> None:
        try:
            log = await self._manager.open(key)
            await log.append(Draft(ev.SESSION_BOUND, bound))
        except (LeaseError, StoreError, NotFoundError) as error:
            self._warn("could not follow", key, error)

    def _warn(self, what: str, key: SessionKey, error: Exception) -> None:
        self._manager.log.warning("Session %s %s: %s", key.session_id[:40], what, error)

"""What happens to sessions by itself: resumed, archived, bound to what moved (floor 4)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Iterator
from typing import Any, Protocol

from . import events as ev
from .agent.log import SessionLog
from .errors import AgentError, StoreError
from .events import Draft, SessionKey
from .records import Card
from .shelf import Shelf

CULL_SECONDS = 60.0
REVIVE_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class Sessions(Protocol):
    """What the upkeep needs of the session manager."""

    max_age_hours: float
    delete_after_days: float
    log: logging.Logger
    shelf: Shelf

    async def open(self, key: SessionKey) -> SessionLog: ...

    async def archive(self, key: SessionKey, idle_since: float = ...) -> bool: ...

    async def delete(self, key: SessionKey, idle_since: float | None = None) -> bool: ...

    async def all_cards(self, status: str | None = None) -> list[Card]: ...

    async def put_away_archived(self) -> None: ...


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

    def revive(self, key: SessionKey) -> None:
        """Open a session again as soon as the store works, so that its turn goes on."""
        self._spawn(self._revive(key))

    async def _revive(self, key: SessionKey) -> None:
        for delay in REVIVE_SECONDS:
            await asyncio.sleep(delay)
            try:
                await self._manager.open(key)
            except StoreError:
                continue
            except AgentError as error:  # deleted, or another server has it
                self._manager.log.info("Session %s: %s", key.session_id[:40], error)
            return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resume_all(self) -> None:
        for card in await self._manager.all_cards(status="running"):
            with self._noted("was not resumed", card.key):
                await self._manager.open(card.key)

    async def _cull_for_ever(self) -> None:
        while True:
            await asyncio.sleep(CULL_SECONDS)
            try:
                await self.cull()
            except Exception:
                self._manager.log.exception("Old sessions could not be archived")

    async def cull(self) -> None:
        """Archive sessions idle for `max_age_hours`; delete old archived ones if configured."""
        manager, now = self._manager, time.time()
        old = now - manager.max_age_hours * 3600
        ancient = now - manager.delete_after_days * 86400 if manager.delete_after_days else 0.0
        for card in await manager.all_cards(status="idle"):
            with self._noted("could not be put away", card.key):
                if card.archived and card.last_activity <= ancient:
                    await manager.delete(card.key, idle_since=ancient)
                elif not card.archived and card.last_activity <= old:
                    await manager.archive(card.key, idle_since=old)
        await manager.put_away_archived()

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
        for log in self._manager.shelf.all():
            session = log.session
            if session.kernel_id == kernel_id and session.epoch not in (None, epoch):
                await self._bind(log.key, {"epoch": epoch})

    async def _bind(self, key: SessionKey, bound: dict[str, Any]) -> None:
        with self._noted("could not follow", key):
            log = await self._manager.open(key)
            await log.append(Draft(ev.SESSION_BOUND, bound))

    @contextlib.contextmanager
    def _noted(self, what: str, key: SessionKey) -> Iterator[None]:
        """Log what goes wrong with one session, so that the others get their turn."""
        try:
            yield
        except AgentError as error:
            self._manager.log.warning("Session %s %s: %s", key.session_id[:40], what, error)
        except Exception:
            self._manager.log.exception("Session %s %s", key.session_id[:40], what)

"""SessionStore in SQLite: one file, or ":memory:" (floor 1)."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from ..errors import StoreError
from ..events import Event, SessionKey
from ..records import Card, Lease
from . import blobs as blob_rows
from . import cards as card_rows
from . import logs
from .database import MEMORY, Database
from .leases import Leases, session_of
from .readers import Readers
from .schema import MIGRATIONS
from .writer import Writer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Parts:
    """What an open store is made of; in memory the writer's connection is the only one."""

    connection: sqlite3.Connection
    leases: Leases
    writer: Writer
    readers: Readers | None


class SQLiteStore:
    """Keeps logs in the SQLite file `location`, or in memory where that is ":memory:".

    Several servers may share the file. `ttl` is how long in seconds a lease outlives its
    holder where nobody can see that it died, `busy_timeout` how long in seconds to wait for
    another program's lock, `max_pages` bounds the file in pages of 4 kB, `network` says that
    other machines may mount its folder (None: look), `migrations` are those of `schema.py`.
    All methods raise StoreError when storage fails, and work again as soon as it does.
    """

    def __init__(
        self,
        location: str | os.PathLike[str] = MEMORY,
        *,
        ttl: float = 15.0,
        busy_timeout: float = 5.0,
        max_pages: int | None = None,
        network: bool | None = None,
        migrations: Sequence[Sequence[str]] = MIGRATIONS,
        log: logging.Logger | None = None,
    ) -> None:
        self.log = log or logging.getLogger(__name__)
        self._database = Database(
            os.fspath(location),
            timeout=busy_timeout,
            max_pages=max_pages,
            network=network,
            log=self.log,
        )
        self._ttl, self._migrations = ttl, migrations
        self._parts: _Parts | None = None

    @property
    def location(self) -> str:
        """The absolute path of the file, or ":memory:"."""
        return self._database.name

    @property
    def journal_mode(self) -> str:
        """The journal mode in use: wal, delete or memory; empty before `open`."""
        return self._database.journal_mode

    async def open(self) -> None:
        """Open, migrating older files."""
        if self._parts is None:
            await asyncio.to_thread(self._open)

    async def close(self) -> None:
        """Write what is pending, give back all leases, close."""
        parts, self._parts = self._parts, None
        if parts is not None:
            await asyncio.to_thread(self._close, parts)

    async def check(self) -> None:
        """Raise StoreError if the file is gone or the last write failed."""
        parts = self._opened()
        await asyncio.to_thread(self._database.guard)
        if parts.writer.failure is not None:
            raise self._database.explain(parts.writer.failure)

    async def acquire(self, key: SessionKey) -> Lease:
        """Become the session's one writer. Raises LeaseError."""
        parts = self._opened()
        return await parts.writer.run(lambda connection: parts.leases.acquire(connection, key))

    async def release(self, lease: Lease) -> None:
        """Give the lease back; one that was lost already is passed over."""
        parts = self._opened()
        await parts.writer.run(lambda connection: parts.leases.release(connection, lease))

    async def append(
        self,
        lease: Lease,
        expected_seq: int,
        events: Sequence[Event],
        *,
        blobs: Mapping[str, bytes] | None = None,
        card: Card | None = None,
        text: str = "",
    ) -> None:
        """Append events, all or none, durably. Raises SequenceError, LeaseError."""
        if card is not None and card.key != lease.key:
            raise StoreError("The card is that of another session.")
        rows = logs.prepare(expected_seq, events)
        kept = dict(blobs or {})

        def change(connection: sqlite3.Connection) -> None:
            session = logs.begin(connection, lease, expected_seq)
            if rows:
                logs.add(connection, session, rows)
            if kept:
                blob_rows.keep(connection, session, kept)
            if card is not None:
                card_rows.write(connection, session, card)
            elif events and expected_seq == 0:
                card_rows.start(connection, session, events[0].time)
            if text:
                card_rows.add_text(connection, session, text)

        await self._opened().writer.run(change)

    async def save_state(self, key: SessionKey, seq: int, state: bytes) -> None:
        """Keep a folded state as a cache; an older one than is there is passed over."""
        await self._opened().writer.run(lambda c: logs.save_state(c, key, seq, state))

    async def load_state(self, key: SessionKey) -> tuple[int, bytes] | None:
        """Return the newest folded state and its seq, if there is one."""
        return await self._read(lambda c: logs.load_state(c, key))

    async def read(self, key: SessionKey, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return up to `limit` events with seq > `after`; empty if there are none."""
        return await self._read(lambda c: logs.read(c, key, after, limit))

    async def card(self, key: SessionKey) -> Card | None:
        """Return one card, None if the session does not exist."""
        return await self._read(lambda c: card_rows.get(c, key))

    async def cards(
        self,
        owner: str | None,
        root: str,
        *,
        notebook: str | None = None,
        kernel_id: str | None = None,
        status: str | None = None,
        archived: bool | None = None,
        q: str = "",
        limit: int = 1000,
    ) -> list[Card]:
        """List cards, most recently active first; None means any.

        `notebook` is a path or another notebook id. `q` is found anywhere in title, notebook
        and the texts given to `append`, in either case.
        """
        filters = {
            "owner": owner,
            "root": root,
            "notebook": notebook,
            "kernel_id": kernel_id,
            "status": status,
            "archived": archived,
            "q": q,
            "limit": limit,
        }
        return await self._read(lambda c: card_rows.find(c, filters))

    async def blob(self, key: SessionKey, digest: str) -> bytes | None:
        """Return a blob that this session holds."""
        return await self._read(lambda c: blob_rows.get(c, key, digest))

    async def delete(self, lease: Lease) -> None:
        """Delete a session, and the blobs nobody else holds. The lease stays."""
        await self._opened().writer.run(lambda c: logs.delete(c, lease))

    async def copy(self, source: SessionKey, digests: Sequence[str], lease: Lease) -> None:
        """Let the lease's session hold blobs of `source`. Raises NotFoundError, LeaseError."""

        def change(connection: sqlite3.Connection) -> None:
            session, _ = session_of(connection, lease)
            if session is None:
                session = logs.create(connection, lease.key)
            blob_rows.share(connection, source, digests, session)

        await self._opened().writer.run(change)

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        parts = self._opened()
        return await (parts.readers or parts.writer).run(query)

    def _opened(self) -> _Parts:
        if self._parts is None:
            raise StoreError("The session store is not open.", hint="Restart the server.")
        return self._parts

    def _open(self) -> None:
        database, log = self._database, self.log
        with ExitStack() as undo:
            try:
                connection = database.open(self._migrations)
                undo.callback(connection.close)
                leases = Leases(database.path, network=database.network, ttl=self._ttl, log=log)
                undo.callback(leases.drop)
                readers = Readers(database.connect, database.explain) if database.path else None
            except (sqlite3.Error, OSError) as error:
                raise database.explain(error) from error
            undo.pop_all()
        writer = Writer(connection, database.explain, log, database.guard)
        if database.path is not None:
            writer.post(leases.sweep)
            leases.start(writer)
        self._parts = _Parts(connection, leases, writer, readers)

    def _close(self, parts: _Parts) -> None:
        parts.leases.stop()
        parts.writer.post(parts.leases.release_all)
        parts.writer.stop()
        if parts.readers is not None:
            parts.readers.stop()
        parts.connection.close()
        parts.leases.drop()

"""One writer per session: who holds what, and whether the holder still lives (floor 1)."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import uuid
from pathlib import Path

from ..errors import LeaseError, StoreError
from ..events import SessionKey
from ..records import Lease
from .locks import LockFile, is_held, lock_files, lock_path, this_host
from .writer import Writer


class Leases:
    """The leases of one store object.

    Its lock file beside `database` (None: in memory, nobody to compete with) shows that it
    lives, so that a dead holder is known at once; where files cannot be locked, or the holder
    is on another machine, a lease ends `ttl` seconds after its last renewal.
    """

    def __init__(
        self, database: Path | None, *, network: bool, ttl: float, log: logging.Logger
    ) -> None:
        self.holder = uuid.uuid4().hex
        self._database, self._network, self._ttl, self._log = database, network, ttl, log
        self._host = this_host()
        self._lock = None if database is None else LockFile.take(lock_path(database, self.holder))
        if database is not None and self._lock is None:
            log.warning("Files beside %s cannot be locked: leases end by time only", database)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, writer: Writer) -> None:
        """Keep all leases alive from a thread of their own, also while the event loop is busy."""
        self._thread = threading.Thread(
            target=self._keep, args=(writer,), name="agent-store-leases", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing. Blocks for as long as one renewal is being posted."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def drop(self) -> None:
        """Give up the lock file."""
        if self._lock is not None:
            self._lock.drop()
            self._lock = None

    def acquire(self, connection: sqlite3.Connection, key: SessionKey) -> Lease:
        """Take or confirm the lease of a session. Raises LeaseError."""
        row = connection.execute(
            "SELECT fence, leases.holder, host, expires FROM leases JOIN holders USING (holder)"
            " WHERE owner=? AND root=? AND session_id=?",
            key,
        ).fetchone()
        if row is not None:
            fence, holder, host, expires = row
            if holder == self.holder:
                return Lease(key, holder, fence)
            if self._alive(holder, host, expires):
                raise LeaseError(f"Another server holds the session {key.session_id[:64]!r}.")
            self._log.info("Taking over session %s from %s", key.session_id[:64], holder)
            connection.execute("DELETE FROM leases WHERE fence=?", (fence,))
        host = None if self._lock is None else self._host
        connection.execute(
            "INSERT INTO holders VALUES (?, ?, ?)"
            " ON CONFLICT (holder) DO UPDATE SET expires=excluded.expires",
            (self.holder, host, time.time() + self._ttl),
        )
        added = connection.execute(
            "INSERT INTO leases (owner, root, session_id, holder) VALUES (?, ?, ?, ?)",
            (*key, self.holder),
        )
        if added.lastrowid is None:
            raise StoreError("SQLite gave the new lease no number.")
        return Lease(key, self.holder, added.lastrowid)

    def release(self, connection: sqlite3.Connection, lease: Lease) -> None:
        """Give one lease back; one that was lost is none of our business."""
        connection.execute(
            "DELETE FROM leases WHERE fence=? AND holder=?", (lease.fence, lease.holder)
        )

    def release_all(self, connection: sqlite3.Connection) -> None:
        """Give back every lease of this store object."""
        connection.execute("DELETE FROM holders WHERE holder=?", (self.holder,))

    def renew(self, connection: sqlite3.Connection) -> None:
        """Set all leases to end `ttl` seconds from now."""
        connection.execute(
            "UPDATE holders SET expires=? WHERE holder=?"
            " AND EXISTS (SELECT 1 FROM leases WHERE leases.holder=holders.holder)",
            (time.time() + self._ttl, self.holder),
        )

    def sweep(self, connection: sqlite3.Connection) -> None:
        """Forget the holders that are dead, and remove their lock files."""
        if self._database is None:
            return
        known = set()
        for holder, host, expires in connection.execute("SELECT * FROM holders").fetchall():
            known.add(holder)
            if not self._alive(holder, host, expires):
                connection.execute("DELETE FROM holders WHERE holder=?", (holder,))
        if self._network:
            return  # a lock of another machine may be invisible here
        for holder, path in lock_files(self._database):
            if holder not in known and holder != self.holder:
                is_held(path)

    def _alive(self, holder: str, host: str | None, expires: float) -> bool:
        if self._database is not None and host is not None:
            visible = not self._network or host == self._host
            held = is_held(lock_path(self._database, holder)) if visible else None
            if held is not None:
                return held
        return expires > time.time()

    def _keep(self, writer: Writer) -> None:
        while not self._stopping.wait(self._ttl / 3):
            writer.post(self.renew)


def session_of(connection: sqlite3.Connection, lease: Lease) -> tuple[int | None, int]:
    """Return the rowid (None: no log yet) and the last seq of a session held by `lease`.

    Raises LeaseError if somebody else holds it by now, or nobody.
    """
    row = connection.execute(
        "SELECT sessions.id, sessions.seq FROM leases LEFT JOIN sessions"
        " USING (owner, root, session_id)"
        " WHERE fence=? AND holder=? AND owner=? AND root=? AND session_id=?",
        (lease.fence, lease.holder, *lease.key),
    ).fetchone()
    if row is None:
        raise LeaseError(f"The session {lease.key.session_id[:64]!r} is no longer held here.")
    return row[0], row[1] or 0

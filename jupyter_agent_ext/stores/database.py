"""Opening the SQLite file, and what its errors mean to a caller (floor 1)."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..errors import AgentError, BadRequestError, StoreError
from .journal import is_network, set_journal_mode
from .schema import check, migrate

MEMORY: Final = ":memory:"
_JOURNAL_LIMIT: Final = 64 * 1024 * 1024

_RECOVER = (
    "Move it away together with its -wal and -shm files and start again, or rescue what is in it"
    " with `sqlite3 FILE .recover`. Nothing was overwritten."
)
_MEANINGS: Final[dict[int, tuple[str, str]]] = {
    sqlite3.SQLITE_FULL: (
        "could not grow: the disk, a quota or its own limit is full",
        "Free some space or delete old sessions; the store goes on by itself.",
    ),
    sqlite3.SQLITE_READONLY: (
        "may not be written",
        "Check who owns the file and its folder, and whether the disk is mounted read-only.",
    ),
    sqlite3.SQLITE_BUSY: (
        "is locked by another program",
        "Close the program that has it open, then try again.",
    ),
    sqlite3.SQLITE_LOCKED: (
        "is locked by another program",
        "Close the program that has it open, then try again.",
    ),
    sqlite3.SQLITE_CORRUPT: ("is damaged", _RECOVER),
    sqlite3.SQLITE_NOTADB: ("is no SQLite database, or is damaged", _RECOVER),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "Check that its folder exists and may be written, or configure another file.",
    ),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: the disk reports an error",
        "Check the disk (and free space); then try again.",
    ),
    sqlite3.SQLITE_TOOBIG: ("cannot hold a value that large", "Send less at once."),
}


class Database:
    """One SQLite file (or ":memory:"), private to its owner.

    `max_pages` bounds its size in pages of 4 kB, `timeout` is how long a connection waits
    for another program's lock, in seconds. `network` says whether the file system may be
    mounted elsewhere too; None finds it out.
    """

    def __init__(
        self,
        location: str,
        *,
        timeout: float,
        max_pages: int | None,
        network: bool | None,
        log: logging.Logger,
    ) -> None:
        self.path = None if location == MEMORY else Path(location).expanduser().absolute()
        self.name = location if self.path is None else str(self.path)
        self._timeout, self._max_pages, self._log = timeout, max_pages, log
        self.network = bool(network)
        self._look = network is None
        self.journal_mode = ""
        self._identity = (0, 0)

    def open(self, migrations: Sequence[Sequence[str]]) -> sqlite3.Connection:
        """Create or migrate the file and return the connection that writes.

        Raises StoreError; a file that cannot be used is left as it is.
        """
        if self.path is not None:
            _create(self.path, self._log)
            if self._look:
                self.network = is_network(self.path)
        connection = self.connect()
        try:
            if check(connection, self.name, len(migrations)) == 0:
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            self.journal_mode = set_journal_mode(
                connection, network=self.network, timeout=self._timeout, log=self._log
            )
            if self._max_pages is not None:
                connection.execute(f"PRAGMA max_page_count={self._max_pages:d}")
            migrate(connection, self.name, migrations)
            if self.path is not None:
                found = self.path.stat()
                self._identity = (found.st_dev, found.st_ino)
        except BaseException:
            connection.close()
            raise
        return connection

    def guard(self) -> None:
        """Raise StoreError if the file is not the one that was opened.

        SQLite goes on writing to a deleted file, and all of it is gone at the end.
        """
        if self.path is None:
            return
        try:
            found = self.path.stat()
        except OSError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._identity:
            raise StoreError(
                f"The session store {self.name} was deleted or replaced while it was open.",
                hint="Put the file back or restart the server; nothing is written until then.",
            )

    def connect(self) -> sqlite3.Connection:
        """Return a new connection; it may be used by one thread at a time."""
        connection = sqlite3.connect(
            MEMORY if self.path is None else self.path,
            timeout=self._timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA secure_delete=ON")  # deleted is deleted
            connection.execute(f"PRAGMA journal_size_limit={_JOURNAL_LIMIT}")
        except BaseException:
            connection.close()
            raise
        return connection

    def explain(self, error: Exception) -> AgentError:
        """Return what callers are told about an error met while using the database."""
        if isinstance(error, AgentError):
            return error
        if isinstance(error, UnicodeEncodeError):
            return BadRequestError("A name holds characters that are no valid Unicode.")
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        what, hint = _MEANINGS.get(code, (f"failed: {error}", StoreError.default_hint))
        return StoreError(f"The session store {self.name} {what}.", hint=hint)


def _create(path: Path, log: logging.Logger) -> None:
    """Create the file with mode 0600; SQLite gives its -wal and -shm files the same.

    An existing file is not opened: closing it would drop the locks that SQLite holds in
    this process.
    """
    missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        _make_private(path, log)
    else:
        _sync(path.parent)


def _make_private(path: Path, log: logging.Logger) -> None:
    mode = path.stat().st_mode
    if sys.platform == "win32" or not mode & 0o077:
        return
    try:
        path.chmod(mode & 0o700)
    except OSError as error:
        log.warning("The session store %s is open to others: %s", path, error)
    else:
        log.warning("The session store %s was open to others; it is private now", path)


def _sync(folder: Path) -> None:
    """Make the new file's name durable, where the system can do that."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

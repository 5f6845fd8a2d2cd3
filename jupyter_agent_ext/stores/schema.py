"""The tables of the SQLite store, and the way from older files to them (floor 1)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from ..errors import StoreError

APPLICATION_ID: Final = 0x4A414758  # "JAGX", in the file's header

VERSION_1: Final = (
    """CREATE TABLE sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        owner TEXT NOT NULL, root TEXT NOT NULL, session_id TEXT NOT NULL,
        seq INTEGER NOT NULL DEFAULT 0,
        title TEXT NOT NULL DEFAULT '',
        notebook_id TEXT NOT NULL DEFAULT '',
        notebook TEXT,
        kernel_id TEXT,
        status TEXT NOT NULL DEFAULT 'idle',
        archived INTEGER NOT NULL DEFAULT 0,
        turn_count INTEGER NOT NULL DEFAULT 0,
        created REAL NOT NULL DEFAULT 0,
        last_activity REAL NOT NULL DEFAULT 0,
        model TEXT NOT NULL DEFAULT '',
        mode TEXT NOT NULL DEFAULT 'ask',
        folded TEXT NOT NULL DEFAULT '',
        UNIQUE (owner, root, session_id))""",
    "CREATE INDEX sessions_by_activity ON sessions (root, last_activity DESC)",
    """CREATE TABLE events (
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        event TEXT NOT NULL,
        UNIQUE (session, seq))""",
    """CREATE TABLE texts (
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        folded TEXT NOT NULL)""",
    "CREATE INDEX texts_by_session ON texts (session)",
    """CREATE TABLE states (
        session INTEGER PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        state BLOB NOT NULL)""",
    """CREATE TABLE blobs (
        id INTEGER PRIMARY KEY,
        digest TEXT NOT NULL UNIQUE,
        data BLOB NOT NULL)""",
    """CREATE TABLE held_blobs (
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        blob INTEGER NOT NULL REFERENCES blobs,
        PRIMARY KEY (session, blob)) WITHOUT ROWID""",
    "CREATE INDEX held_blobs_by_blob ON held_blobs (blob)",
    """CREATE TABLE holders (
        holder TEXT PRIMARY KEY,
        host TEXT,
        expires REAL NOT NULL) WITHOUT ROWID""",
    # AUTOINCREMENT never gives a number twice, so the row's number is the fence
    """CREATE TABLE leases (
        fence INTEGER PRIMARY KEY AUTOINCREMENT,
        owner TEXT NOT NULL, root TEXT NOT NULL, session_id TEXT NOT NULL,
        holder TEXT NOT NULL REFERENCES holders ON DELETE CASCADE,
        UNIQUE (owner, root, session_id))""",
    "CREATE INDEX leases_by_holder ON leases (holder)",
)

MIGRATIONS: Final[tuple[Sequence[str], ...]] = (VERSION_1,)
"""Statements that lead from version n to n + 1. Append; never change what was released."""


def check(connection: sqlite3.Connection, name: str, newest: int) -> int:
    """Return the file's version, writing nothing.

    Raises StoreError if it is newer than `newest`, or some other program's database.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if application != APPLICATION_ID and (tables or version or application):
        raise StoreError(
            f"{name} is a database of another program, not a session store.",
            hint="Configure another file for the sessions. This one was not touched.",
        )
    if version > newest:
        raise StoreError(
            f"{name} has version {version}; this release reads up to version {newest}.",
            hint="Upgrade jupyter_agent_ext, or configure another file. It was not touched.",
        )
    return version


def migrate(connection: sqlite3.Connection, name: str, migrations: Sequence[Sequence[str]]) -> None:
    """Bring the file to the newest version, each step in one transaction.

    Raises StoreError as `check` does. Several servers may do it at once.
    """
    while check(connection, name, len(migrations)) < len(migrations):
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = check(connection, name, len(migrations))  # another server may have been here
            for statement in migrations[version] if version < len(migrations) else ():
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {min(version + 1, len(migrations))}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

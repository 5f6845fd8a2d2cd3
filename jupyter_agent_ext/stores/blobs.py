"""Content-addressed blobs, in the database so that they commit with their events (floor 1).

Images of up to some 10 MB are what is expected; one file is then also one backup.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence

from ..errors import NotFoundError, StoreError
from ..events import SessionKey


def keep(connection: sqlite3.Connection, session: int, blobs: Mapping[str, bytes]) -> None:
    """Store what is new of `blobs` and let the session hold all of them.

    Raises StoreError if a name is not the SHA-256 of its bytes.
    """
    for digest, data in blobs.items():
        if hashlib.sha256(data).hexdigest() != digest:
            raise StoreError(
                f"The blob {digest[:80]!r} is not named by its SHA-256.",
                hint="This is a mistake in the program that wrote it; please report it.",
            )
        connection.execute(
            "INSERT INTO blobs (digest, data) VALUES (?, ?) ON CONFLICT DO NOTHING", (digest, data)
        )
        _hold(connection, session, digest)


def share(
    connection: sqlite3.Connection, source: SessionKey, digests: Sequence[str], session: int
) -> None:
    """Let `session` hold blobs that `source` holds. Raises NotFoundError if it does not."""
    for digest in digests:
        if _find(connection, source, digest, "1") is None:
            raise NotFoundError(f"The session holds no blob {digest[:80]}.")
        _hold(connection, session, digest)


def get(connection: sqlite3.Connection, key: SessionKey, digest: str) -> bytes | None:
    """Return a blob that the session holds. Raises StoreError if its bytes were damaged."""
    row = _find(connection, key, digest, "blobs.data")
    if row is None:
        return None
    data = bytes(row[0])
    if hashlib.sha256(data).hexdigest() != digest:
        raise StoreError(
            f"The blob {digest} was damaged on the disk.",
            hint="Restore the session store from a backup.",
        )
    return data


def _hold(connection: sqlite3.Connection, session: int, digest: str) -> None:
    connection.execute(
        "INSERT INTO held_blobs (session, blob) SELECT ?, id FROM blobs WHERE digest=?"
        " ON CONFLICT DO NOTHING",
        (session, digest),
    )


def _find(
    connection: sqlite3.Connection, key: SessionKey, digest: str, column: str
) -> tuple[bytes] | None:
    row: tuple[bytes] | None = connection.execute(
        f"SELECT {column} FROM sessions JOIN held_blobs ON held_blobs.session=sessions.id"
        " JOIN blobs ON blobs.id=held_blobs.blob"
        " WHERE owner=? AND root=? AND session_id=? AND digest=?",
        (*key, digest),
    ).fetchone()
    return row

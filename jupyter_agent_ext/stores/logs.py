"""The rows of a session's log: events, folded states, and their deletion (floor 1)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ..errors import SequenceError
from ..events import Event, SessionKey
from ..records import Lease
from .leases import session_of

_VACUUM_PAGES: Final = 4096
_SESSION: Final = "(SELECT id FROM sessions WHERE owner=? AND root=? AND session_id=?)"


def encode(event: Event) -> str:
    """Return an event as JSON text. NaN and infinity become null."""
    try:
        return msgspec.json.encode(event.to_json()).decode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can only hold escaped
        return json.dumps(event.to_json())


def decode(text: str) -> Event:
    """Read what `encode` wrote."""
    try:
        wire: dict[str, Any] = msgspec.json.decode(text)
    except msgspec.DecodeError:
        wire = json.loads(text)
    return Event.from_json(wire)


def prepare(expected_seq: int, events: Sequence[Event]) -> list[tuple[int, str]]:
    """Return the rows of events that continue a log. Raises SequenceError at a gap."""
    rows = []
    for seq, event in enumerate(events, expected_seq + 1):
        if event.seq != seq:
            raise SequenceError(f"Event {event.seq} cannot be appended as event {seq}.")
        rows.append((seq, encode(event)))
    return rows


def begin(connection: sqlite3.Connection, lease: Lease, expected_seq: int) -> int:
    """Return the session's rowid, creating the session with its first event.

    Raises LeaseError, or SequenceError if the log does not end at `expected_seq`.
    """
    session, seq = session_of(connection, lease)
    if seq != expected_seq:
        raise SequenceError(f"The log ends at event {seq}, not {expected_seq}.", seq=seq)
    return create(connection, lease.key) if session is None else session


def create(connection: sqlite3.Connection, key: SessionKey) -> int:
    """Add a session without events, which nobody sees yet; return its rowid."""
    added = connection.execute(
        "INSERT INTO sessions (owner, root, session_id) VALUES (?, ?, ?) RETURNING id", key
    )
    return int(added.fetchone()[0])


def add(connection: sqlite3.Connection, session: int, rows: Sequence[tuple[int, str]]) -> None:
    """Append rows made by `prepare`."""
    connection.executemany(
        "INSERT INTO events (session, seq, event) VALUES (?, ?, ?)",
        [(session, seq, event) for seq, event in rows],
    )
    connection.execute("UPDATE sessions SET seq=? WHERE id=?", (rows[-1][0], session))


def read(connection: sqlite3.Connection, key: SessionKey, after: int, limit: int) -> list[Event]:
    """Return up to `limit` events with seq > `after`, in order."""
    rows = connection.execute(
        f"SELECT event FROM events WHERE session={_SESSION} AND seq>? ORDER BY seq LIMIT ?",
        (*key, after, max(limit, 0)),
    ).fetchall()  # an open cursor would keep the writer waiting
    return [decode(event) for (event,) in rows]


def save_state(connection: sqlite3.Connection, key: SessionKey, seq: int, state: bytes) -> None:
    """Keep `state` unless a newer one is there, or the log does not reach `seq`."""
    connection.execute(
        "INSERT INTO states (session, seq, state) SELECT id, :seq, :state FROM sessions"
        " WHERE owner=:owner AND root=:root AND session_id=:session_id AND seq>=:seq"
        " ON CONFLICT (session) DO UPDATE SET seq=excluded.seq, state=excluded.state"
        " WHERE excluded.seq>=states.seq",
        {"seq": seq, "state": state, **key._asdict()},
    )


def load_state(connection: sqlite3.Connection, key: SessionKey) -> tuple[int, bytes] | None:
    """Return the newest state and its seq."""
    row: tuple[int, bytes] | None = connection.execute(
        f"SELECT seq, state FROM states WHERE session={_SESSION}", key
    ).fetchone()
    return row


def delete(connection: sqlite3.Connection, lease: Lease) -> None:
    """Delete a session with all that hangs on it, and the blobs that only it held."""
    session, _ = session_of(connection, lease)
    if session is None:
        return
    held = connection.execute("SELECT blob FROM held_blobs WHERE session=?", (session,)).fetchall()
    connection.execute("DELETE FROM sessions WHERE id=?", (session,))
    connection.executemany(
        "DELETE FROM blobs WHERE id=?1"
        " AND NOT EXISTS (SELECT 1 FROM held_blobs WHERE held_blobs.blob=?1)",
        held,
    )
    _give_back(connection)


def _give_back(connection: sqlite3.Connection) -> None:
    """Cut free pages off the file, a bounded number of them."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    for _ in range(min(free, _VACUUM_PAGES)):
        connection.execute("PRAGMA incremental_vacuum(1)")  # the module steps a pragma only once

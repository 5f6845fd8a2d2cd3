"""The cards of sessions: what a list shows and a search finds (floor 1)."""

from __future__ import annotations

import sqlite3
import unicodedata
from typing import Any, Final

from ..events import SessionKey
from ..records import Card

_COLUMNS: Final = (
    "session_id, title, notebook_id, notebook, kernel_id, status, archived, turn_count, seq,"
    " created, last_activity, model, mode"
)
# a session is its log: one without events does not exist yet
_CARDS: Final = f"SELECT owner, root, {_COLUMNS} FROM sessions WHERE seq > 0"
_LIST: Final = f"""{_CARDS} AND root = :root
    AND (:owner IS NULL OR owner = :owner)
    AND (:notebook IS NULL OR :notebook IN (notebook, notebook_id))
    AND (:kernel_id IS NULL OR kernel_id = :kernel_id)
    AND (:status IS NULL OR status = :status)
    AND (:archived IS NULL OR archived = :archived)
    AND (:q = '' OR instr(folded, :q) OR EXISTS (
        SELECT 1 FROM texts WHERE texts.session = sessions.id AND instr(texts.folded, :q)))
    ORDER BY last_activity DESC, id DESC LIMIT :limit"""
_WRITE: Final = """UPDATE sessions SET title = :title, notebook_id = :notebook_id,
    notebook = :notebook, kernel_id = :kernel_id, status = :status, archived = :archived,
    turn_count = :turn_count, created = :created, last_activity = :last_activity,
    model = :model, mode = :mode, folded = :folded WHERE id = :session"""


def write(connection: sqlite3.Connection, session: int, card: Card) -> None:
    """Replace a session's card. Its `seq` is always that of the log."""
    values = {
        "session": session,
        "title": _clean(card.title),
        "notebook_id": card.notebook_id,
        "notebook": card.notebook,
        "kernel_id": card.kernel_id,
        "status": card.status,
        "archived": card.archived,
        "turn_count": card.turn_count,
        "created": card.created,
        "last_activity": card.last_activity,
        "model": card.model,
        "mode": card.mode,
        "folded": fold_text("\n".join((card.title, card.notebook or "", card.notebook_id))),
    }
    connection.execute(_WRITE, values)


def add_text(connection: sqlite3.Connection, session: int, text: str) -> None:
    """Let a search find `text`."""
    connection.execute("INSERT INTO texts VALUES (?, ?)", (session, fold_text(text)))


def start(connection: sqlite3.Connection, session: int, time: float) -> None:
    """Give a session that has no card yet its times."""
    connection.execute(
        "UPDATE sessions SET created=?1, last_activity=?1 WHERE id=?2", (time, session)
    )


def get(connection: sqlite3.Connection, key: SessionKey) -> Card | None:
    """Return one card."""
    row = connection.execute(
        f"{_CARDS} AND owner = ? AND root = ? AND session_id = ?", key
    ).fetchone()
    return None if row is None else _card(row)


def find(connection: sqlite3.Connection, filters: dict[str, Any]) -> list[Card]:
    """Return the cards that pass `filters` (the parameters of SessionStore.cards)."""
    values = {
        **filters,
        "q": fold_text(filters["q"]),
        "limit": max(filters["limit"], 0),
    }
    return [_card(row) for row in connection.execute(_LIST, values).fetchall()]


def fold_text(text: str) -> str:
    """Return text so that what looks alike, in either case, is alike."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", _clean(text)).casefold())


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _card(row: tuple[Any, ...]) -> Card:
    owner, root, session_id, title, notebook_id, notebook, kernel_id, status, archived, *rest = row
    key = SessionKey(owner, root, session_id)
    return Card(key, title, notebook_id, notebook, kernel_id, status, bool(archived), *rest)

"""Small records that the store tests write."""

from __future__ import annotations

import hashlib
from typing import Any

from jupyter_agent_ext.events import Event, SessionKey
from jupyter_agent_ext.records import Card


def key(session_id: str = "s1", owner: str = "ada", root: str = "/srv") -> SessionKey:
    return SessionKey(owner, root, session_id)


def event(seq: int, **data: Any) -> Event:
    return Event(seq, "message.completed", 1700000000.0 + seq, {"n": seq, **data}, f"t{seq}")


def events(first: int, last: int) -> list[Event]:
    return [event(seq) for seq in range(first, last + 1)]


def card(of: SessionKey, **changes: Any) -> Card:
    values: dict[str, Any] = {
        "title": "Load the sales",
        "notebook_id": "sales.ipynb",
        "notebook": "sales.ipynb",
        "kernel_id": "k1",
        "status": "idle",
        "archived": False,
        "turn_count": 1,
        "seq": 1,
        "created": 10.0,
        "last_activity": 20.0,
        "model": "embedded",
        "mode": "auto",
    }
    return Card(of, **{**values, **changes})


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

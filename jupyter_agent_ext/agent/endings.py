"""How a turn ends: once, with a result for every call (floor 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from .. import events as ev
from ..events import Draft
from ..fold import Session, Turn
from ..messages import Content, text_part
from ..records import Json

INTERRUPTED_UNKNOWN = (
    "Interrupted: this call had started, its outcome is unknown. It was not run again; look at "
    "the present state before you repeat it."
)
INTERRUPTED_BEFORE = "Interrupted: this call was never started."


def ending(turn_id: str, status: str, reason: str) -> Callable[[Session], list[Draft]]:
    """Return what to append to end a turn, decided when it is appended: nothing if it has ended."""

    def decide(session: Session) -> list[Draft]:
        turn = session.turns[turn_id]
        if turn.status != "running":
            return []
        data = ending_data(turn, status, reason)
        return [*interruption(turn), Draft(ev.TURN_ENDED, data, turn_id)]

    return decide


def ending_data(turn: Turn, status: str, reason: str) -> dict[str, Any]:
    """Return the data of `turn.ended`."""
    return {"status": status, "reason": reason, "usage": asdict(turn.usage)}


def interruption(turn: Turn) -> list[Draft]:
    """Return the events that give every open call of a turn its result."""
    drafts = []
    for part in turn.unanswered():
        known = turn.calls.get(part["call_id"])
        text = INTERRUPTED_UNKNOWN if known and known.state == "started" else INTERRUPTED_BEFORE
        data = result_data(part["call_id"], part["name"], "interrupted", [text_part(text)])
        drafts.append(Draft(ev.TOOL_COMPLETED, data, turn.turn_id))
    return drafts


def result_data(call_id: str, name: str, status: str, content: list[Content]) -> Json:
    """Return the data of `tool.completed`."""
    return {"call_id": call_id, "name": name, "status": status, "content": content}

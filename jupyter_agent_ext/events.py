"""The log's entries: one session is its sequence of events (floor 0).

docs/events.md lists what each type carries. `fold.py` turns them into a Session.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

SESSION_CREATED: Final = "session.created"
SESSION_BOUND: Final = "session.bound"
SESSION_UPDATED: Final = "session.updated"
TURN_QUEUED: Final = "turn.queued"
TURN_STARTED: Final = "turn.started"
TURN_RESUMED: Final = "turn.resumed"
TURN_ENDED: Final = "turn.ended"
VARIABLES_READ: Final = "variables.read"
NOTEBOOK_READ: Final = "notebook.read"
MESSAGE_COMPLETED: Final = "message.completed"
TOOL_CALLED: Final = "tool.called"
TOOL_STARTED: Final = "tool.started"
TOOL_COMPLETED: Final = "tool.completed"
REQUEST_OPENED: Final = "request.opened"
REQUEST_LEASED: Final = "request.leased"
REQUEST_STARTED: Final = "request.started"
REQUEST_ANSWERED: Final = "request.answered"
RETRY_SCHEDULED: Final = "retry.scheduled"
CONTEXT_COMPACTED: Final = "context.compacted"
HEAD_MOVED: Final = "head.moved"

# sent to viewers, never stored
MESSAGE_DELTA: Final = "message.delta"
REASONING_DELTA: Final = "reasoning.delta"
MESSAGE_PARTIAL: Final = "message.partial"
TOOL_OUTPUT: Final = "tool.output"
VARIABLES_CHANGED: Final = "variables.changed"
SYNCED: Final = "synced"
RESYNC: Final = "resync"


class SessionKey(NamedTuple):
    """What names a session: its owner, the server's canonical root, and its id."""

    owner: str
    root: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it has its number."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    turn_id: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a session's log; `seq` counts 1, 2, 3 … without gaps; `time` in Unix seconds.

    Ephemeral events have `seq` 0: they are sent to viewers and never stored.
    """

    seq: int
    type: str
    time: float
    data: dict[str, Any] = field(default_factory=dict)
    turn_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the event as it goes over the wire and into tests/events/*.json."""
        wire: dict[str, Any] = {"seq": self.seq, "type": self.type, "time": self.time}
        if self.turn_id is not None:
            wire["turn_id"] = self.turn_id
        wire["data"] = self.data
        return wire

    @classmethod
    def from_json(cls, wire: dict[str, Any]) -> Event:
        """Read what `to_json` wrote."""
        return cls(
            wire["seq"], wire["type"], wire["time"], wire.get("data", {}), wire.get("turn_id")
        )

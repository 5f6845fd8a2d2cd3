"""Session = fold(events): the state that every viewer, in any language, draws (floor 0).

The TypeScript reducer is the twin of this file; tests/events/*.json pins both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from . import events as ev
from .events import Event
from .messages import Message, Part, ToolCallPart, Usage, text_part

TurnStatus = Literal["running", "completed", "failed", "interrupted", "limit"]


@dataclass(slots=True)
class ToolCall:
    """What is known of one call: `arguments` as they are (or will be) executed."""

    call_id: str
    name: str
    effect: str
    arguments: dict[str, Any]
    state: Literal["called", "started", "completed"] = "called"
    status: str | None = None
    started: float | None = None
    ended: float | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Request:
    """A question to a person or a client: kind is approval, question, edit or run."""

    request_id: str
    turn_id: str
    kind: str
    call_id: str
    args_hash: str
    payload: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] | None = None
    lease: dict[str, Any] | None = None

    @property
    def is_errand(self) -> bool:
        """Whether an attached page carries it out, not a person."""
        return self.kind in ("edit", "run")


@dataclass(slots=True)
class QueuedTurn:
    """A turn that waits until the running one has ended; `data` as in turn.started."""

    turn_id: str
    data: dict[str, Any]


@dataclass(slots=True)
class Turn:
    """One query and everything done to answer it."""

    turn_id: str
    parent: str | None
    query: str
    surface: str
    model: str
    mode: str
    started: float
    status: TurnStatus = "running"
    reason: str = ""
    ended: float | None = None
    body_hash: str = ""
    steps: int = 0
    retries: int = 0
    resumed: int = 0
    messages: list[Message] = field(default_factory=list)
    calls: dict[str, ToolCall] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    changed: dict[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    def open_requests(self) -> list[Request]:
        """Return the requests that a person has not answered yet: the turn is paused."""
        return [r for r in self.requests.values() if r.answer is None and not r.is_errand]

    def open_errands(self) -> list[Request]:
        """Return the requests that an attached page has not carried out yet."""
        return [r for r in self.requests.values() if r.answer is None and r.is_errand]

    def unanswered(self) -> list[ToolCallPart]:
        """Return the tool calls without a result, in the order the model wrote them."""
        done = {p["call_id"] for m in self.messages for p in m.parts if p["type"] == "tool_result"}
        return [c for m in self.messages for c in m.tool_calls() if c["call_id"] not in done]

    def response(self) -> str:
        """Return the text of the last assistant message, or the empty string."""
        for message in reversed(self.messages):
            if message.role == "assistant":
                return message.text()
        return ""


@dataclass(slots=True)
class Session:
    """The folded log. `seq` is the number of the last event in it."""

    session_id: str = ""
    owner: str = ""
    root: str = ""
    notebook_id: str = ""
    notebook: str | None = None
    kernel_id: str | None = None
    epoch: str | None = None
    title: str = ""
    model: str = ""
    mode: str = "ask"
    archived: bool = False
    created: float = 0.0
    last_activity: float = 0.0
    seq: int = 0
    head: str | None = None
    turns: dict[str, Turn] = field(default_factory=dict)
    queue: list[QueuedTurn] = field(default_factory=list)
    redo: list[str] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    compactions: list[dict[str, Any]] = field(default_factory=list)
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    snapshot: dict[str, Any] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    cells: dict[str, str] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    def path(self, head: str | None = None) -> list[Turn]:
        """Return the turns from the first to `head` (the session's head if None)."""
        turns: list[Turn] = []
        at = head or self.head
        while at is not None:
            turns.append(self.turns[at])
            at = self.turns[at].parent
        turns.reverse()
        return turns

    def running(self) -> Turn | None:
        """Return the turn that has not ended, running or paused."""
        turn = self.turns.get(self.head) if self.head else None
        return turn if turn is not None and turn.status == "running" else None

    def paused(self) -> Turn | None:
        """Return the turn that waits for an answer, if one does."""
        turn = self.running()
        return turn if turn is not None and turn.open_requests() else None

    def status(self) -> Literal["idle", "running", "paused"]:
        """Return what the session is doing."""
        if self.paused():
            return "paused"
        return "running" if self.running() or self.queue else "idle"


def fold(events: Iterable[Event], session: Session | None = None) -> Session:
    """Apply `events` in order to `session` (a new one if None) and return it.

    Raises ValueError where a number is missing: a log has no gaps.
    """
    state = Session() if session is None else session
    for event in events:
        apply(state, event)
    return state


def apply(state: Session, event: Event) -> None:
    """Apply one durable event in place. Types this version does not know are passed over."""
    if event.seq != state.seq + 1:
        raise ValueError(f"event {event.seq} does not follow {state.seq}")
    step = _FOLDS.get(event.type)
    if step is not None:
        step(state, event, event.data)
    state.seq = event.seq
    if event.type not in _QUIET:
        state.last_activity = event.time


def _created(s: Session, e: Event, d: dict[str, Any]) -> None:
    s.session_id, s.owner, s.root = d["session_id"], d.get("owner", ""), d.get("root", "")
    s.notebook_id, s.notebook = d.get("notebook_id", ""), d.get("notebook")
    s.kernel_id, s.epoch = d.get("kernel_id"), d.get("epoch")
    s.title, s.model, s.mode = d.get("title", ""), d.get("model", ""), d.get("mode", "ask")
    s.created = e.time


def _bound(s: Session, e: Event, d: dict[str, Any]) -> None:
    if "notebook" in d:
        s.notebook = d["notebook"]
        s.notebook_id = d.get("notebook_id", d["notebook"] or s.notebook_id)
    fresh = ("kernel_id" in d and d["kernel_id"] != s.kernel_id) or (
        "epoch" in d and s.epoch is not None and d["epoch"] != s.epoch
    )
    s.kernel_id = d.get("kernel_id", s.kernel_id)
    s.epoch = d.get("epoch", None if fresh else s.epoch)
    if fresh:
        s.lost = [*s.lost, *(n for n in s.variables if n not in s.lost)]
        s.variables, s.snapshot = {}, {}


def _updated(s: Session, e: Event, d: dict[str, Any]) -> None:
    s.title = d.get("title", s.title)
    s.model = d.get("model", s.model)
    s.mode = d.get("mode", s.mode)
    s.archived = d.get("archived", s.archived)


def _queued(s: Session, e: Event, d: dict[str, Any]) -> None:
    s.queue.append(QueuedTurn(e.turn_id or "", d))


def _turn_started(s: Session, e: Event, d: dict[str, Any]) -> None:
    turn_id = e.turn_id or ""
    s.queue = [q for q in s.queue if q.turn_id != turn_id]
    parts: list[Part] = [text_part(d["query"]), *d.get("parts", [])]
    s.turns[turn_id] = Turn(
        turn_id,
        d.get("parent"),
        d["query"],
        d.get("surface", "rest"),
        d.get("model", s.model),
        d.get("mode", s.mode),
        e.time,
        body_hash=d.get("body_hash", ""),
        messages=[Message(turn_id, "user", parts)],
    )
    s.head, s.redo, s.archived = turn_id, [], False
    if not s.title:
        s.title = d["query"].strip().split("\n")[0][:80]


def _turn_resumed(s: Session, e: Event, d: dict[str, Any]) -> None:
    _turn(s, e).resumed += 1


def _turn_ended(s: Session, e: Event, d: dict[str, Any]) -> None:
    s.queue = [q for q in s.queue if q.turn_id != e.turn_id]
    turn = s.turns.get(e.turn_id or "")
    if turn is None:  # it was queued and never began
        return
    turn.status, turn.reason, turn.ended = d["status"], d.get("reason", ""), e.time
    for request in (*turn.open_requests(), *turn.open_errands()):
        request.answer = {"decision": "deny", "by": "", "reason": "the turn ended"}


def _variables_read(s: Session, e: Event, d: dict[str, Any]) -> None:
    if d.get("reset"):
        s.variables = {}
    for name in d.get("gone", []):
        s.variables.pop(name, None)
    for name, summary in d.get("set", {}).items():
        s.variables.pop(name, None)
        s.variables[name] = summary
    s.snapshot, s.lost = d.get("stamp", {}), []
    s.epoch = s.snapshot.get("epoch") or s.epoch
    turn = s.turns.get(e.turn_id or "")
    if turn is not None and not turn.changed:
        turn.changed = d.get("changed", {})


def _notebook_read(s: Session, e: Event, d: dict[str, Any]) -> None:
    gone = set(d.get("gone", []))
    s.cells = {**{i: h for i, h in s.cells.items() if i not in gone}, **d.get("set", {})}


def _message_completed(s: Session, e: Event, d: dict[str, Any]) -> None:
    turn = _turn(s, e)
    turn.messages.append(Message(d["message_id"], d["role"], list(d["parts"])))
    if d["role"] == "assistant":
        turn.steps += 1
    if d.get("usage"):
        usage = Usage(**d["usage"])
        turn.usage.add(usage)
        s.usage.add(usage)


def _tool_called(s: Session, e: Event, d: dict[str, Any]) -> None:
    _turn(s, e).calls[d["call_id"]] = ToolCall(
        d["call_id"], d["name"], d["effect"], d.get("arguments", {})
    )


def _tool_started(s: Session, e: Event, d: dict[str, Any]) -> None:
    call = _turn(s, e).calls[d["call_id"]]
    call.state, call.started = "started", e.time


def _tool_completed(s: Session, e: Event, d: dict[str, Any]) -> None:
    turn = _turn(s, e)
    call = turn.calls.get(d["call_id"])
    if call is None:  # a call that could not be understood was never `tool.called`
        call = turn.calls[d["call_id"]] = ToolCall(d["call_id"], d["name"], "read", {})
    call.state, call.status, call.ended = "completed", d["status"], e.time
    call.changes = d.get("changes", [])
    for change in call.changes:
        if change.get("kind") == "cell" and change.get("path") == s.notebook:
            _cell_changed(s, change)
    result: Part = {
        "type": "tool_result",
        "call_id": d["call_id"],
        "name": d["name"],
        "status": d["status"],
        "content": d.get("content", []),
    }
    turn.messages.append(Message(d["call_id"], "tool", [result]))


def _cell_changed(s: Session, change: dict[str, Any]) -> None:
    """Note what the agent itself made of a cell: it need not be told of that."""
    cells = {**s.cells, change["cell_id"]: change.get("hash")}
    s.cells = {cell_id: digest for cell_id, digest in cells.items() if digest is not None}


def _request_opened(s: Session, e: Event, d: dict[str, Any]) -> None:
    turn = _turn(s, e)
    turn.requests[d["request_id"]] = Request(
        d["request_id"],
        turn.turn_id,
        d["kind"],
        d["call_id"],
        d.get("args_hash", ""),
        d.get("payload", {}),
    )


def _request_leased(s: Session, e: Event, d: dict[str, Any]) -> None:
    request = _turn(s, e).requests[d["request_id"]]
    former = (request.lease or {}) if e.type == ev.REQUEST_STARTED else {}
    request.lease = {**former, **{k: v for k, v in d.items() if k != "request_id"}}


def _request_answered(s: Session, e: Event, d: dict[str, Any]) -> None:
    turn = _turn(s, e)
    request = turn.requests[d["request_id"]]
    request.answer = {k: v for k, v in d.items() if k != "request_id"}
    call = turn.calls.get(request.call_id)
    if call is not None and "arguments" in d:
        call.arguments = d["arguments"]
    if d.get("rule"):
        s.rules.append(d["rule"])


def _retry_scheduled(s: Session, e: Event, d: dict[str, Any]) -> None:
    _turn(s, e).retries += 1


def _context_compacted(s: Session, e: Event, d: dict[str, Any]) -> None:
    s.compactions.append({"turn_id": e.turn_id, **d})
    if d.get("usage"):
        usage = Usage(**d["usage"])
        s.usage.add(usage)
        if e.turn_id in s.turns:
            s.turns[e.turn_id].usage.add(usage)


def _head_moved(s: Session, e: Event, d: dict[str, Any]) -> None:
    if d.get("reason") == "undo" and s.head is not None:
        s.redo.append(s.head)
    elif d.get("reason") == "redo" and s.redo:
        s.redo.pop()
    else:  # another branch: what was undone here cannot be redone there
        s.redo = []
    s.head = d["head"]


def _turn(s: Session, e: Event) -> Turn:
    return s.turns[e.turn_id or ""]


_QUIET = {ev.SESSION_BOUND, ev.SESSION_UPDATED}
_FOLDS: dict[str, Callable[[Session, Event, dict[str, Any]], None]] = {
    ev.SESSION_CREATED: _created,
    ev.SESSION_BOUND: _bound,
    ev.SESSION_UPDATED: _updated,
    ev.TURN_QUEUED: _queued,
    ev.TURN_STARTED: _turn_started,
    ev.TURN_RESUMED: _turn_resumed,
    ev.TURN_ENDED: _turn_ended,
    ev.VARIABLES_READ: _variables_read,
    ev.NOTEBOOK_READ: _notebook_read,
    ev.MESSAGE_COMPLETED: _message_completed,
    ev.TOOL_CALLED: _tool_called,
    ev.TOOL_STARTED: _tool_started,
    ev.TOOL_COMPLETED: _tool_completed,
    ev.REQUEST_OPENED: _request_opened,
    ev.REQUEST_LEASED: _request_leased,
    ev.REQUEST_STARTED: _request_leased,
    ev.REQUEST_ANSWERED: _request_answered,
    ev.RETRY_SCHEDULED: _retry_scheduled,
    ev.CONTEXT_COMPACTED: _context_compacted,
    ev.HEAD_MOVED: _head_moved,
}

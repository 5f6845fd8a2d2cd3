"""The shapes of requests and answers; the OpenAPI document is made from them (floor 5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from msgspec import Meta

Mode = Literal["read-only", "ask", "auto"]
TurnId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$(?!\n)")]


Title = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]


@dataclass(slots=True)
class QuickContext:
    """Where the query comes from. `variables` and `cell_count` are accepted and ignored."""

    notebook_id: str = ""
    session_id: str | None = None
    kernel_id: str | None = None
    variables: Any = None
    cell_count: Any = None


@dataclass(slots=True)
class Attachment:
    """A file given with a query: an image in base64, or a text."""

    type: Literal["image", "text"]
    name: str = ""
    mime: str = "image/png"
    data: str = ""
    text: str = ""


Attachments = Annotated[list[Attachment], Meta(max_length=50)]


@dataclass(slots=True)
class QuickBody:
    """A query and where it comes from; `timeout` in seconds."""

    query: str
    context: QuickContext = field(default_factory=QuickContext)
    id: TurnId | None = None
    model: str | None = None
    mode: Mode | None = None
    when: Literal["queue", "reject"] = "queue"
    timeout: Annotated[float, Meta(ge=0, le=3600)] = 50.0
    parts: Attachments = field(default_factory=list)


@dataclass(slots=True)
class TurnBody:
    """A query to a session that exists; `parent` grows a branch from another turn."""

    query: str
    kernel_id: str | None = None
    id: TurnId | None = None
    parent: str | None = None
    model: str | None = None
    mode: Mode | None = None
    when: Literal["queue", "reject"] = "queue"
    parts: Attachments = field(default_factory=list)


@dataclass(slots=True)
class OpenBody:
    """Open or resume the session of a notebook and a kernel."""

    notebook: str = ""
    kernel_id: str | None = None
    session_id: str | None = None
    model: str | None = None


@dataclass(slots=True)
class SessionPatch:
    """What may be changed of a session."""

    title: Title | None = None
    model: str | None = None
    mode: Mode | None = None


@dataclass(slots=True)
class ErrandError:
    """Why a page could not carry out an edit or a run; `source` and `hash` are the present ones."""

    code: Literal["stale_cell", "not_found", "not_open", "kernel", "failed"] = "failed"
    message: str = ""
    cell_id: str | None = None
    source: str | None = None
    hash: str | None = None


@dataclass(slots=True)
class AnswerBody:
    """The answer to a request; `args_hash` makes sure that it is for what was shown.

    `done`, `failed` and `started` are those of a page, named by `client_id` (docs/socket.md).
    """

    decision: Literal["approve", "deny", "always", "answer", "done", "failed", "started"]
    answer: str | None = None
    reason: str | None = None
    arguments: dict[str, Any] | None = None
    args_hash: str | None = None
    client_id: str | None = None
    result: dict[str, Any] | None = None
    error: ErrandError | None = None


@dataclass(slots=True)
class KeyBody:
    """A provider's key; it is kept on the server and never read back."""

    key: Annotated[str, Meta(min_length=1, max_length=4096)]


@dataclass(slots=True)
class UsageInfo:
    """Tokens, and US dollars where a price is known."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost: float | None


@dataclass(slots=True)
class RequestInfo:
    """A question that waits for an answer."""

    request_id: str
    turn_id: str
    kind: str
    call_id: str
    args_hash: str
    payload: dict[str, Any]


@dataclass(slots=True)
class CallInfo:
    """A tool call and what it gave; images in `content` carry the `url` of their bytes."""

    call_id: str
    name: str
    arguments: dict[str, Any]
    status: str | None
    content: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    duration: float | None


@dataclass(slots=True)
class StepInfo:
    """One model call: what it said and the tool calls it asked for."""

    text: str
    calls: list[CallInfo]


@dataclass(slots=True)
class TurnAnswer:
    """A turn as it stands: completed, failed, interrupted, limit, paused or running."""

    session_id: str
    turn_id: str
    status: str
    reason: str
    response: str
    steps: list[StepInfo]
    variables: list[str]
    changed: dict[str, Any]
    usage: UsageInfo
    requests: list[RequestInfo]
    notes: list[str]


@dataclass(slots=True)
class TurnAccepted:
    """A turn that was started or queued; follow the events after `seq`."""

    session_id: str
    turn_id: str
    seq: int


@dataclass(slots=True)
class SessionInfo:
    """One session; `variables` are names as of the last reading; times in ISO 8601."""

    session_id: str
    notebook_id: str
    notebook: str | None
    kernel_id: str | None
    title: str
    status: str
    turn_count: int
    created: str
    last_activity: str
    variables: list[str]
    snapshot: dict[str, Any]
    model: str
    mode: str
    archived: bool
    head: str | None
    seq: int
    requests: list[RequestInfo]
    queued: list[str]
    rules: list[dict[str, Any]]
    usage: UsageInfo


@dataclass(slots=True)
class SessionLine:
    """One session in a list."""

    session_id: str
    title: str
    notebook_id: str
    kernel_id: str | None
    status: str
    archived: bool
    turn_count: int
    created: str
    last_activity: str


@dataclass(slots=True)
class SessionList:
    """Sessions, most recently active first."""

    sessions: list[SessionLine]


@dataclass(slots=True)
class HistoryEntry:
    """One message; `content` is its text, `parts` all of it where asked for."""

    role: str
    content: str
    turn_id: str
    message_id: str
    parts: list[dict[str, Any]] | None = None


@dataclass(slots=True)
class History:
    """The messages of the last turns, oldest first."""

    session_id: str
    turn_count: int
    history: list[HistoryEntry]


@dataclass(slots=True)
class RequestAnswered:
    """A request with its answer."""

    request_id: str
    turn_id: str
    answer: dict[str, Any]


@dataclass(slots=True)
class Done:
    """Whether the call changed anything."""

    done: bool


@dataclass(slots=True)
class VariablesInfo:
    """The live variables; see docs/variables.md for a summary's keys. `age` in seconds."""

    kernel_id: str
    epoch: str | None
    execution_count: int
    source: str
    state: str
    age: float
    total: int
    skipped: int
    note: str
    variables: dict[str, dict[str, Any]]


@dataclass(slots=True)
class VariableInfo:
    """One variable in detail."""

    kernel_id: str
    name: str
    variable: dict[str, Any]


@dataclass(slots=True)
class ModelLine:
    """A model that can be chosen; `local`: no data leaves this machine."""

    name: str
    provider: str
    local: bool
    ready: bool
    description: str
    context_window: int | None
    images: bool


@dataclass(slots=True)
class ModelList:
    """What can be chosen, what is chosen by default, and which providers have a key."""

    default: str
    models: list[ModelLine]
    keys: list[str]


@dataclass(slots=True)
class Health:
    """Whether it works: `ok`, or what does not."""

    status: str
    version: str
    model: str
    store: str
    sessions: int


@dataclass(slots=True)
class ErrorBody:
    """Every error."""

    message: str
    code: str
    hint: str

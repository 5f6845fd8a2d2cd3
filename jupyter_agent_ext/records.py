"""The data that crosses the seams of `protocols.py` (floor 0)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .events import SessionKey
from .messages import Content, Message, Part, ToolStatus, Usage

Json = dict[str, Any]
Effect = Literal["read", "edit", "execute", "external"]
KernelState = Literal["starting", "idle", "busy", "native", "dead", "unknown"]

# ---------------------------------------------------------------- models


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model is told of it; `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Json


@dataclass(slots=True)
class ModelRequest:
    """One model call. `blob` reads an image's bytes by its hash."""

    model: str
    system: str
    messages: list[Message]
    tools: Sequence[ToolSpec] = ()
    max_tokens: int | None = None
    blob: Callable[[str], Awaitable[bytes]] | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of the reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class ModelDone:
    """The end of a model call: the whole message. Always the last event.

    `finish_reason` is stop, tool_calls, length or content_filter.
    """

    parts: list[Part]
    finish_reason: str
    usage: Usage = field(default_factory=Usage)


ModelEvent = TextDelta | ReasoningDelta | ModelDone


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that can be chosen; `local` means that no data leaves this machine."""

    name: str
    provider: str
    local: bool
    ready: bool
    description: str = ""
    context_window: int | None = None
    images: bool = False


# ---------------------------------------------------------------- kernels


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The variables as read at one moment, newest first.

    `source` says how: main (kernel idle, full summaries), control (a cell was running,
    structural summaries), snippet (another language), last (an older reading, `time` says
    how old), none (could not be read). `diff` is relative to the token given to `pull`, with
    the lists new, removed, rebound, mutated and maybe; None where there is nothing to
    compare with. `total` counts the user's variables, `skipped` those that the budget left
    without a summary. A summary is `{"type": str, …}`; docs/variables.md lists its keys.
    """

    epoch: str | None
    execution_count: int
    time: float
    source: Literal["main", "control", "snippet", "last", "none"]
    state: KernelState
    variables: dict[str, Json]
    total: int = 0
    skipped: int = 0
    token: str | None = None
    diff: dict[str, list[str]] | None = None
    note: str = ""


@dataclass(slots=True)
class ExecutionResult:
    """What an execution gave; `outputs` are nbformat 4 output dicts.

    `started` is False where the kernel never took it up (status aborted, or died before).
    `written`: whoever ran it has written the outputs into the notebook.
    """

    status: Literal["ok", "error", "aborted", "interrupted", "timeout", "died"]
    outputs: list[Json]
    execution_count: int | None = None
    error: Json | None = None
    started: bool = True
    duration: float = 0.0
    written: bool = False


# ---------------------------------------------------------------- notebooks


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; `hash` is that of its source, and is what a write must name."""

    cell_id: str
    type: str
    source: str
    hash: str
    index: int
    execution_count: int | None = None
    outputs: list[Json] = field(default_factory=list)


# ---------------------------------------------------------------- stores


@dataclass(frozen=True, slots=True)
class Card:
    """What a list of sessions shows of one; kept beside its log. Times in Unix seconds."""

    key: SessionKey
    title: str
    notebook_id: str
    notebook: str | None
    kernel_id: str | None
    status: str
    archived: bool
    turn_count: int
    seq: int
    created: float
    last_activity: float
    model: str = ""
    mode: str = "ask"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write one session. `fence` grows with every new holder."""

    key: SessionKey
    holder: str
    fence: int


# ---------------------------------------------------------------- tools


@dataclass(slots=True)
class ToolResult:
    """What a tool gives back; `changes` are pre- and post-images for undo."""

    content: list[Content]
    status: ToolStatus = "ok"
    changes: list[Json] = field(default_factory=list)

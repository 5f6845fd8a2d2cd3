"""The five seams: Model, Kernel, Notebook, SessionStore and Tool (floor 0).

Everything above floor 1 knows its neighbours only through this file; `app.py` alone names
the classes that implement it. `records.py` holds the data that crosses them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .events import Event, SessionKey
from .records import (
    Card,
    Cell,
    Effect,
    ExecutionResult,
    Json,
    KernelState,
    Lease,
    ModelEvent,
    ModelInfo,
    ModelRequest,
    Snapshot,
    ToolResult,
    ToolSpec,
)

# ---------------------------------------------------------------- models


@runtime_checkable
class Model(Protocol):
    """Answers model requests."""

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Yield deltas, then one ModelDone. Raises ModelError."""
        ...

    def info(self, model: str) -> ModelInfo:
        """Describe `model`. Cheap: no network, no heavy import."""
        ...

    def available(self) -> list[ModelInfo]:
        """List what could be chosen here. Cheap: no network, no heavy import."""
        ...


# ---------------------------------------------------------------- kernels


@runtime_checkable
class Kernel(Protocol):
    """One live kernel, shared by all sessions bound to it."""

    @property
    def kernel_id(self) -> str: ...

    @property
    def language(self) -> str: ...

    @property
    def state(self) -> KernelState: ...

    @property
    def epoch(self) -> str | None:
        """What changes whenever the process is new; None until it is known."""
        ...

    async def pull(
        self,
        *,
        since: str | None = None,
        mentioned: Sequence[str] = (),
        limit: int = 200,
        timeout: float = 2.0,
    ) -> Snapshot:
        """Read the variables, also while a cell is running. Never raises for a slow kernel.

        `since` is the token of an earlier snapshot to compare with, `mentioned` are names to
        summarise first, `limit` bounds the summaries, `timeout` is in seconds; after it the
        last snapshot is given. Raises KernelError if the kernel is dead.
        """
        ...

    async def inspect(self, name: str, *, timeout: float = 2.0) -> Json:
        """Read one variable in detail (with source where it is a function of the notebook).

        Raises NotFoundError if there is no such variable, KernelError if it cannot be read.
        """
        ...

    async def execute(
        self,
        code: str,
        *,
        timeout: float | None,
        store_history: bool = False,
        on_output: Callable[[Json], None] | None = None,
        on_start: Callable[[], Awaitable[None]] | None = None,
    ) -> ExecutionResult:
        """Run code when the kernel is idle; cancelling the call interrupts it.

        `timeout` in seconds counts from the execution's own `busy`. `on_output` gets each
        output as it arrives. `on_start` is awaited before the request is sent.
        Raises KernelError if the kernel is dead.
        """
        ...

    async def interrupt(self) -> None:
        """Interrupt the kernel, whoever's code it runs."""
        ...


class Kernels(Protocol):
    """The kernels of this server."""

    async def get(self, kernel_id: str) -> Kernel:
        """Raises NotFoundError if no such kernel runs."""
        ...

    async def of_notebook(self, path: str) -> list[str]:
        """Return the ids of the live kernels of a notebook, newest first."""
        ...

    async def start(self, path: str) -> str:
        """Start the notebook's kernel as opening the notebook would; return its id.

        A path that is no notebook is a label: its kernel is a console's, in the root folder.
        """
        ...

    async def notebook_of(self, kernel_id: str) -> str | None:
        """Return the path of the notebook that a kernel runs for, None if there is none."""
        ...


# ---------------------------------------------------------------- notebooks


@runtime_checkable
class Notebook(Protocol):
    """The cells of one notebook, however they are reached.

    Every writer returns a change: `{"kind": "cell", "path", "cell_id", "hash", "before",
    "after"}` with the cell's nbformat dict and its index (`{"index", "cell"}`) or None on
    either side. `cell_id` and `hash` address the cell as it is after the change (`hash` is
    None where it was deleted).
    They raise NotFoundError for an unknown cell, StaleCellError where `expected` is not the
    hash of the present source, ConflictError where the file changed underneath.
    """

    @property
    def path(self) -> str: ...

    async def cells(self) -> list[Cell]:
        """Return all cells in order."""
        ...

    async def trusted(self) -> bool:
        """Say whether the server trusts the notebook's outputs."""
        ...

    async def insert(self, source: str, *, cell_type: str, after: str | None) -> Json:
        """Insert a cell after the cell with id `after` (None: at the top)."""
        ...

    async def edit(self, cell_id: str, expected: str, source: str) -> Json:
        """Replace a cell's source."""
        ...

    async def delete(self, cell_id: str, expected: str) -> Json:
        """Delete a cell."""
        ...

    async def write_outputs(
        self, cell_id: str, expected: str, outputs: list[Json], execution_count: int | None
    ) -> Json:
        """Replace a code cell's outputs after it ran."""
        ...


# ---------------------------------------------------------------- stores


@runtime_checkable
class SessionStore(Protocol):
    """Keeps logs. Its one write is `append`; all raise StoreError when storage fails."""

    async def open(self) -> None:
        """Open, migrating older files."""
        ...

    async def close(self) -> None:
        """Write what is pending, give back all leases, close."""
        ...

    async def check(self) -> None:
        """Raise StoreError if it could not write now, as far as it knows."""
        ...

    async def acquire(self, key: SessionKey) -> Lease:
        """Become the session's one writer; `renew` keeps it so. Raises LeaseError.

        Acquiring twice from one store object gives the same lease.
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Give the lease back."""
        ...

    async def append(
        self,
        lease: Lease,
        expected_seq: int,
        events: Sequence[Event],
        *,
        blobs: Mapping[str, bytes] | None = None,
        card: Card | None = None,
        text: str = "",
    ) -> None:
        """Append events `expected_seq + 1 …`, all or none, durably before returning.

        `blobs` maps SHA-256 hex digests to bytes, `card` replaces the session's card, `text`
        is added to what a search finds. Raises SequenceError, LeaseError.
        """
        ...

    async def save_state(self, key: SessionKey, seq: int, state: bytes) -> None:
        """Keep a folded state as a cache, so that reading starts after it."""
        ...

    async def load_state(self, key: SessionKey) -> tuple[int, bytes] | None:
        """Return the newest folded state and its seq, if there is one."""
        ...

    async def read(self, key: SessionKey, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return up to `limit` events with seq > `after`; empty if there are none."""
        ...

    async def card(self, key: SessionKey) -> Card | None:
        """Return one card, None if the session does not exist."""
        ...

    async def cards(
        self,
        owner: str | None,
        root: str,
        *,
        notebook: str | None = None,
        kernel_id: str | None = None,
        status: str | None = None,
        archived: bool | None = None,
        q: str = "",
        limit: int = 1000,
    ) -> list[Card]:
        """List cards, most recently active first; None means any. `q` searches text."""
        ...

    async def blob(self, key: SessionKey, digest: str) -> bytes | None:
        """Return a blob that this session holds."""
        ...

    async def delete(self, lease: Lease) -> None:
        """Delete a session, and the blobs nobody else holds."""
        ...

    async def copy(self, source: SessionKey, digests: Sequence[str], lease: Lease) -> None:
        """Let the lease's session hold blobs of `source` (a fork shares them)."""
        ...


# ---------------------------------------------------------------- tools


class Files(Protocol):
    """Files under the server's root, and nowhere else. Raises NotFoundError, ForbiddenError."""

    async def list(self, path: str) -> list[Json]:
        """Return `{name, path, type, size, modified}` of a folder's entries."""
        ...

    async def read(self, path: str) -> str:
        """Return a text file. Raises ToolError if it is not text or larger than the limit."""
        ...


class ToolContext(Protocol):
    """What a running tool may touch."""

    @property
    def call_id(self) -> str: ...

    @property
    def answer(self) -> str | None:
        """The person's answer, for a tool that asks (`Tool.asks`)."""
        ...

    @property
    def files(self) -> Files: ...

    async def kernel(self, *, start: bool = False) -> Kernel:
        """Return the session's kernel; `start` starts one where none runs. Raises KernelError."""
        ...

    async def notebook(self) -> Notebook:
        """Return the session's notebook. Raises ToolError if it has none."""
        ...

    async def started(self) -> None:
        """Note durably that the effect begins now (only for a Tool that `starts` itself)."""
        ...

    def output(self, output: Json) -> None:
        """Show viewers a partial output (an nbformat output dict)."""
        ...

    def keep(self, data: bytes) -> str:
        """Keep bytes as a blob, written with the result; return their SHA-256 hex digest."""
        ...

    async def blob(self, digest: str) -> bytes:
        """Read a blob of this session. Raises ToolError if there is none."""
        ...

    async def variables_changed(self) -> str:
        """Read the variables after an execution and say what changed.

        Returns the empty string if nothing did, else one line: `variables changed: ` and a
        JSON object with new, changed (name to summary) and removed (names).
        """
        ...


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool. `run` gets arguments that `validate` has passed (it raises ToolError).

    `asks`: a person answers first (ToolContext.answer). `starts`: `run` itself calls
    ToolContext.started when the effect begins. `needs`: kernel, notebook or both; a session
    without them is not told of the tool. `bind` completes arguments that name something which
    may change (an approval is for what it is now), and returns what to show beside them.
    """

    spec: ToolSpec
    effect: Effect
    run: Callable[[ToolContext, Json], Awaitable[ToolResult]]
    validate: Callable[[Json], Json]
    asks: bool = False
    starts: bool = False
    needs: frozenset[str] = frozenset()
    bind: Callable[[ToolContext, Json], Awaitable[tuple[Json, Json]]] | None = None

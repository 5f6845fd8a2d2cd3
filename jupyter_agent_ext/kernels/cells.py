"""Cells that ask for a turn while they run, and the code that runs in them (floor 1)."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from ..errors import KernelError
from ..records import ExecutionResult, Json, KernelState, Snapshot
from .execution import GRACE, OnOutput, OnStart
from .outputs import Outputs

REQUEST = "application/vnd.jupyter-agent.request+json"
OP = "cell"
MAX_WAITING = 256
STOPPED = "interrupted in the cell"
GAVE_UP = "the cell gave up"
_OUTPUTS = frozenset(
    {"stream", "display_data", "execute_result", "error", "update_display_data", "clear_output"}
)
_ENDED = "The cell that asked has ended."
_RESTARTED = "the kernel was restarted or died"


class Connection(Protocol):
    """What is needed of the connection to the cell's kernel."""

    on_restart: list[Callable[[str], None]]
    on_death: list[Callable[[str], None]]

    @property
    def kernel_id(self) -> str: ...

    @property
    def language(self) -> str: ...

    @property
    def state(self) -> KernelState: ...

    @property
    def epoch(self) -> str | None: ...

    @property
    def last_error(self) -> Json | None: ...

    async def pull(
        self, *, since: str | None, mentioned: Sequence[str], limit: int, timeout: float
    ) -> Snapshot: ...

    async def inspect(self, name: str, *, timeout: float) -> Json: ...

    async def interrupt(self) -> None: ...

    async def ask_probe(self, arguments: Json) -> Json | None: ...

    def note_code(self, code: str) -> None: ...

    def watch(self, callback: Callable[[Json], None]) -> Callable[[], None]: ...


class Cells:
    """Hears the cells of one kernel that ask, one after another, and what they tell later.

    `on_ask` gets each. Whatever code runs in the kernel can say that it is such a cell.
    """

    def __init__(self, connection: Connection, on_ask: Callable[[CallingCell], None]) -> None:
        self._connection, self._on_ask = connection, on_ask
        self._cell: CallingCell | None = None
        connection.watch(self._on_iopub)
        connection.on_restart.append(lambda _: self._end(_RESTARTED))
        connection.on_death.append(lambda _: self._end(_RESTARTED))

    def _on_iopub(self, msg: Json) -> None:
        msg_type, parent = msg["header"]["msg_type"], msg.get("parent_header") or {}
        if msg_type == "update_display_data":
            told = (msg["content"].get("data") or {}).get(REQUEST)
            if told is not None:
                self._on_told(told, str(parent.get("msg_id")), parent.get("msg_type"))
                return
        cell = self._cell
        if cell is None or parent.get("msg_id") != cell.msg_id:
            return
        if msg_type in _OUTPUTS:
            cell.kernel.on_output(msg)
        elif msg_type == "status" and msg["content"].get("execution_state") == "idle":
            self._end("the cell ended")

    def _on_told(self, told: Any, msg_id: str, parent_type: Any) -> None:
        if not isinstance(told, dict) or parent_type != "execute_request":
            return
        if told.get("kind") != "turn":
            if self._cell is not None and told.get("cell") == self._cell.cell_id:
                self._cell.hear(told)
        elif isinstance(told.get("cell"), str):
            self._end("another turn was asked for")
            self._cell = CallingCell(self._connection, msg_id, told)
            self._on_ask(self._cell)

    def _end(self, reason: str) -> None:
        cell, self._cell = self._cell, None
        if cell is not None:
            cell.end(reason)


class CallingCell:
    """A cell that asked for a turn and waits for its end (cell_messages.AskingCell)."""

    def __init__(self, connection: Connection, msg_id: str, asked: Json) -> None:
        self.msg_id, self.asked = msg_id, asked
        self.cell_id: str = asked["cell"]
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.kernel = CellKernel(connection, self)
        self._connection = connection
        self._heard: deque[Json] = deque(maxlen=MAX_WAITING)
        self._news = asyncio.Event()

    async def tell(self, messages: Sequence[Json]) -> bool:
        """Tell the cell something; False where it does not wait any more.

        Waits as long as native code keeps the kernel from answering.
        """
        if self.ended.done():
            return False
        arguments = {"op": OP, "cell": self.cell_id, "messages": list(messages)}
        told = asyncio.ensure_future(self._connection.ask_probe(arguments))
        try:
            either: set[asyncio.Future[Any]] = {told, self.ended}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not told.done():
                return False
            body = told.result()
        except KernelError:
            return False
        finally:
            told.cancel()
            await asyncio.gather(told, return_exceptions=True)
        return body is not None and "error" not in body

    async def messages(self) -> AsyncIterator[Json]:
        """Yield what the cell tells, until it has ended."""
        while True:
            while self._heard:
                yield self._heard.popleft()
            if self.ended.done():
                return
            self._news.clear()
            await self._news.wait()

    def hear(self, told: Json) -> None:
        """Take in what the cell tells."""
        kind = told.get("kind")
        if kind == "ran":
            self.kernel.on_ran(told)
        elif kind == "stop":
            self.end(STOPPED if told.get("reason") == STOPPED else GAVE_UP)
        else:
            self._heard.append(told)
            self._news.set()

    def end(self, reason: str) -> None:
        """Note that the cell waits no more."""
        if not self.ended.done():
            self.ended.set_result(reason)
        self._news.set()


class _Run:
    """Code on its way through the cell."""

    def __init__(self, on_output: OnOutput | None) -> None:
        self.call_id = uuid.uuid4().hex
        self.outputs = Outputs()
        self.error: Json | None = None
        self.done: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self.on_output = on_output


class CellKernel:
    """The kernel of a cell that asked: what runs here runs in that cell, shown below it.

    It does not wait until the kernel is idle, for the cell holds it. `store_history` is
    ignored: it is the cell that has a number.
    """

    def __init__(self, connection: Connection, cell: CallingCell) -> None:
        self._connection, self._cell = connection, cell
        self._turn = asyncio.Lock()
        self._run: _Run | None = None

    @property
    def kernel_id(self) -> str:
        return self._connection.kernel_id

    @property
    def language(self) -> str:
        return self._connection.language

    @property
    def state(self) -> KernelState:
        """The kernel's state as the turn meets it: the cell lends it."""
        state = self._connection.state
        return "idle" if state == "busy" and self._run is None else state

    @property
    def epoch(self) -> str | None:
        return self._connection.epoch

    @property
    def last_error(self) -> Json | None:
        """The error that the cell may ask about (abilities.RemembersErrors)."""
        return self._connection.last_error

    async def pull(
        self,
        *,
        since: str | None = None,
        mentioned: Sequence[str] = (),
        limit: int = 200,
        timeout: float = 2.0,
    ) -> Snapshot:
        snapshot = await self._connection.pull(
            since=since, mentioned=mentioned, limit=limit, timeout=timeout
        )
        return replace(snapshot, state=self.state) if snapshot.state == "busy" else snapshot

    async def inspect(self, name: str, *, timeout: float = 2.0) -> Json:
        return await self._connection.inspect(name, timeout=timeout)

    async def interrupt(self) -> None:
        """Interrupt the cell: the turn ends with it."""
        await self._connection.interrupt()

    async def execute(
        self,
        code: str,
        *,
        timeout: float | None,
        store_history: bool = False,
        on_output: OnOutput | None = None,
        on_start: OnStart | None = None,
    ) -> ExecutionResult:
        """Run code in the cell, as Kernel.execute says."""
        async with self._turn:
            if self._cell.ended.done():
                raise KernelError(_ENDED, hint="Ask again in another cell.")
            if on_start is not None:
                await on_start()
            self._run = run = _Run(on_output)
            try:
                return await self._execute(run, code, timeout)
            finally:
                self._run = None

    async def _execute(self, run: _Run, code: str, timeout: float | None) -> ExecutionResult:
        began = time.monotonic()
        self._connection.note_code(code)
        message = {"kind": "run", "call": run.call_id, "code": code}
        if not await self._cell.tell([message]):
            return ExecutionResult("aborted", [], started=False)
        try:
            in_time = await self._wait(run, timeout)
            if not in_time:
                await self._stop(run)
        except asyncio.CancelledError:
            run.on_output = None
            if not self._cell.ended.done():
                await self._stop(run)
            raise
        result = self._result(run, in_time)
        result.duration = time.monotonic() - began
        return result

    async def _wait(self, run: _Run, timeout: float | None) -> bool:
        """Wait until the code or the cell has ended; False if neither within `timeout`."""
        both: set[asyncio.Future[Any]] = {run.done, self._cell.ended}
        done, _ = await asyncio.wait(both, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)

    async def _stop(self, run: _Run) -> None:
        """End the code and let the cell wait on."""
        if await self._cell.tell([{"kind": "stop", "call": run.call_id}]):
            await self._wait(run, GRACE)

    def _result(self, run: _Run, in_time: bool) -> ExecutionResult:
        result = ExecutionResult("ok", run.outputs.to_json(), error=run.error)
        if not run.done.done():
            result.status = "timeout" if not in_time else "interrupted"
            if self._cell.ended.done() and self._cell.ended.result() == _RESTARTED:
                result.status = "died"
            return result
        told = run.done.result()
        count = told.get("execution_count")
        result.execution_count = count if isinstance(count, int) else None
        if told.get("status") != "ok":
            result.error = run.error or _error(told.get("error"))
            result.status = "interrupted" if told.get("status") == "interrupted" else "error"
        if not in_time:
            result.status = "timeout"
        return result

    def on_output(self, msg: Json) -> None:
        """Take in an output of the cell: it is the running code's, if there is one."""
        run = self._run
        output = run.outputs.add(msg) if run is not None and not run.done.done() else None
        if run is None or output is None:
            return
        if output["output_type"] == "error":
            run.error = {k: output[k] for k in ("ename", "evalue", "traceback")}
        if run.on_output is not None:
            run.on_output(output)

    def on_ran(self, told: Json) -> None:
        """Take in that the code has run."""
        run = self._run
        if run is not None and told.get("call") == run.call_id and not run.done.done():
            run.done.set_result(told)


def _error(told: Any) -> Json:
    """Return an error as an output has it, whatever the cell told."""
    given = told if isinstance(told, dict) else {}
    return {
        "ename": str(given.get("ename", "Error")),
        "evalue": str(given.get("evalue", "")),
        "traceback": [],
    }

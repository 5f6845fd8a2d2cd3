"""Running code in a kernel: wait, send, collect, limit, interrupt (floor 1)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ..errors import KernelError
from ..records import ExecutionResult, Json
from .activity import Activity
from .outputs import Outputs

OnOutput = Callable[[Json], None]
OnStart = Callable[[], Awaitable[None]]

GRACE = 5.0
START = 60.0
STEP = 1.0  # between two interrupts
LATE = 2.0  # seconds of silence to wait for the other of shell reply and iopub idle
LATEST = 15.0  # the same while outputs that were printed before still come in
POKE = 10.0  # seconds between two questions to a kernel that seems busy
SETTLE = 0.01
_INTERRUPTS = frozenset({"KeyboardInterrupt", "InterruptException"})


class Link(Protocol):
    """What an execution needs of the connection."""

    @property
    def activity(self) -> Activity: ...

    def post(
        self, msg_type: str, content: Json, listen: Callable[[Json], None]
    ) -> tuple[str, asyncio.Future[Json]]:
        """Send on shell; `listen` gets the iopub messages whose parent it is.

        The future is the reply; it fails with KernelError when the process ends.
        """
        ...

    def forget(self, msg_id: str) -> None:
        """Stop listening for a posted message."""
        ...

    def poke(self) -> None:
        """Ask on shell for a sign of life, without waiting."""
        ...

    async def interrupt(self) -> None: ...


class _Run:
    """One request on its way: what came back so far."""

    def __init__(self, on_output: OnOutput | None, log: logging.Logger) -> None:
        self.outputs = Outputs()
        self.msg_id = ""
        loop = asyncio.get_running_loop()
        self.reply: asyncio.Future[Json] = loop.create_future()
        self.idle: asyncio.Future[None] = loop.create_future()
        self.busy: asyncio.Future[float] = loop.create_future()
        self.execution_count: int | None = None
        self.error: Json | None = None
        self._heard = 0
        self._on_output, self._log = on_output, log

    def listen(self, msg: Json) -> None:
        """Take in one iopub message."""
        self._heard += 1
        msg_type, content = msg["header"]["msg_type"], msg["content"]
        if msg_type == "status":
            self._status(content.get("execution_state"))
            return
        if msg_type == "execute_input":
            self.execution_count = content.get("execution_count")
            return
        output = self.outputs.add(msg)
        if output is None:
            return
        if output["output_type"] == "error":
            self.error = {k: output[k] for k in ("ename", "evalue", "traceback")}
        if self._on_output is not None:
            try:
                self._on_output(output)
            except Exception:  # a viewer's failure must not stop the execution
                self._log.exception("A viewer failed on an output")

    def mute(self) -> None:
        """Call back no more."""
        self._on_output = None

    def _status(self, state: str | None) -> None:
        if state == "busy" and not self.busy.done():
            self.busy.set_result(time.monotonic())
        elif state == "idle" and not self.idle.done():
            self.idle.set_result(None)

    @property
    def died(self) -> bool:
        return self.reply.done() and self.reply.exception() is not None

    @property
    def ended(self) -> bool:
        return self.reply.done() or self.idle.done()

    async def begin(self) -> None:
        """Wait until the kernel takes it up, refuses it or dies."""
        either: set[asyncio.Future[Any]] = {self.busy, self.reply}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)

    async def end(self, timeout: float | None = None) -> bool:
        """Wait for shell reply and iopub idle; False if neither came within `timeout`."""
        both: set[asyncio.Future[Any]] = {self.reply, self.idle}
        await asyncio.wait(both, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not self.ended:
            return False
        latest = time.monotonic() + LATEST
        while not self.died and not (self.reply.done() and self.idle.done()):
            before = self._heard
            await asyncio.wait(both, timeout=LATE)
            if self._heard == before or time.monotonic() > latest:
                break
        return True


class Executor:
    """Runs the agent's code in one kernel, one request at a time.

    `grace` is how many seconds code gets to end after the first interrupt, `start` how many a
    new process gets to answer.
    Our failing code aborts nobody's queued cells (`stop_on_error` is off). A signal cannot be
    aimed at a request: where our code ends in the very moment of an interrupt, the cell that
    follows may get it.
    """

    def __init__(
        self, link: Link, log: logging.Logger, grace: float = GRACE, start: float = START
    ) -> None:
        self._link = link
        self._grace, self._start = grace, start
        self._log = log
        self._turn = asyncio.Lock()
        self._withdrawn: set[asyncio.Task[None]] = set()

    async def execute(
        self,
        code: str,
        *,
        timeout: float | None,
        store_history: bool = False,
        on_output: OnOutput | None = None,
        on_start: OnStart | None = None,
    ) -> ExecutionResult:
        """Run `code` as `protocols.Kernel.execute` says.

        A cancelled request that waits in the kernel behind somebody's cell cannot be taken
        back: it is interrupted as soon as it starts.
        """
        async with self._turn:
            generation = self._link.activity.generation
            await self._until_idle()
            if generation == self._link.activity.generation and on_start is not None:
                await on_start()
            if generation != self._link.activity.generation:
                return ExecutionResult("died", [], error=_DIED, started=False)
            run = self._send(code, store_history, on_output)
            try:
                result = await self._follow(run, timeout)
            except asyncio.CancelledError:
                await self._withdraw(run)
                raise
            self._link.forget(run.msg_id)
            return result

    async def close(self) -> None:
        """Stop looking after withdrawn requests."""
        for task in self._withdrawn:
            task.cancel()
        await asyncio.gather(*self._withdrawn, return_exceptions=True)

    async def _until_idle(self) -> None:
        activity = self._link.activity
        begun = time.monotonic()
        while not await activity.until_idle(min(POKE, self._start)):
            if activity.state == "busy":
                self._link.poke()
            elif time.monotonic() - begun >= self._start:
                raise KernelError(f"The kernel has not answered for {self._start:g} s.")
        if activity.state == "dead":
            raise KernelError("The kernel is dead.")

    def _send(self, code: str, store_history: bool, on_output: OnOutput | None) -> _Run:
        run = _Run(on_output, self._log)
        content = {
            "code": code,
            "silent": False,
            "store_history": store_history,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        run.msg_id, run.reply = self._link.post("execute_request", content, run.listen)
        return run

    async def _follow(self, run: _Run, timeout: float | None) -> ExecutionResult:
        await run.begin()
        since = run.busy.result() if run.busy.done() else time.monotonic()
        left = None if timeout is None else max(0.0, since + timeout - time.monotonic())
        in_time = await run.end(left)
        if not in_time:
            await self._stop(run)
        result = _result(run, in_time)
        if not run.ended:
            result.error = _still_running(self._grace)
        result.duration = time.monotonic() - since
        return result

    async def _stop(self, run: _Run) -> None:
        deadline = time.monotonic() + self._grace
        while not run.ended and time.monotonic() < deadline:
            if run.msg_id in self._link.activity.running:
                await self._interrupt()
            await run.end(min(STEP, self._grace))

    async def _interrupt(self) -> None:
        try:
            await self._link.interrupt()
        except KernelError as error:  # it died meanwhile: the reply tells
            self._log.info("Could not interrupt: %s", error)

    async def _withdraw(self, run: _Run) -> None:
        run.mute()
        task = asyncio.create_task(self._put_down(run), name="agent-withdraw")
        self._withdrawn.add(task)
        task.add_done_callback(self._withdrawn.discard)
        if not self._link.activity.running - {run.msg_id}:
            await asyncio.wait({task}, timeout=self._grace)

    async def _put_down(self, run: _Run) -> None:
        try:
            await run.begin()
            if not await run.end(SETTLE):  # code that ends by itself needs no signal
                await self._stop(run)
        finally:
            self._link.forget(run.msg_id)


def _result(run: _Run, in_time: bool) -> ExecutionResult:
    outputs = run.outputs.to_json()
    result = ExecutionResult("ok", outputs, run.execution_count, run.error)
    if run.died:
        result.status, result.started = "died", run.busy.done()
        result.error = _DIED
        return result
    reply = run.reply.result()["content"] if run.reply.done() else _CUT
    status = reply["status"]
    result.execution_count = reply.get("execution_count", run.execution_count)
    if not in_time:
        result.status = "timeout"
    elif status == "aborted":
        result.status, result.started = "aborted", False
    elif status == "error":
        result.error = {k: reply[k] for k in ("ename", "evalue", "traceback") if k in reply}
        result.error = result.error or run.error
        interrupted = reply.get("ename") in _INTERRUPTS
        result.status = "interrupted" if interrupted else "error"
    return result


# ipykernel sends no reply where an interrupt hits its own code before or after the user's
_CUT: Json = {"status": "error", "ename": "KeyboardInterrupt", "evalue": "", "traceback": []}
_DIED: Json = {"ename": "KernelDied", "evalue": "The kernel died or restarted.", "traceback": []}


def _still_running(grace: float) -> Json:
    evalue = f"The code went on for {grace:g} s after it was interrupted and is still running."
    return {"ename": "StillRunning", "evalue": evalue, "traceback": []}

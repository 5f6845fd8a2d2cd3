"""Following code that another client sends to the kernel: a cell run by its page (floor 1)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

from ..errors import KernelError, LapsedError
from ..records import ExecutionResult, Json
from .activity import Activity
from .execution import GRACE, STEP
from .outputs import Outputs

LOOK: Final = 0.5  # seconds between two looks whether the kernel lives
LOST: Final = 5.0  # seconds of an idle kernel after which code that nobody saw will not come
_INTERRUPTS: Final = frozenset({"KeyboardInterrupt", "InterruptException"})


class Watched(Protocol):
    """What following needs of a connection."""

    @property
    def activity(self) -> Activity: ...

    def watch(self, callback: Callable[[Json], None]) -> Callable[[], None]: ...

    async def interrupt(self) -> None: ...


class _Seen:
    """One request as iopub shows it."""

    def __init__(self, code: str, count: int | None) -> None:
        self.code, self.execution_count = code, count
        self.outputs = Outputs()
        self.error: Json | None = None
        self.since = time.monotonic()


class FollowedCode:
    """A `abilities.Following` of the first execution of `code` seen, or of a chosen request."""

    def __init__(self, kernel: Watched, code: str, on_output: Callable[[Json], None]) -> None:
        self._kernel, self._code, self._on_output = kernel, code.strip(), on_output
        self._generation = kernel.activity.generation
        self._seen: dict[str, _Seen] = {}
        self._idle: set[str] = set()
        self._chosen: str | None = None
        self._changed = asyncio.Event()
        self._unwatch: Callable[[], None] | None = kernel.watch(self._on_iopub)

    @property
    def msg_id(self) -> str | None:
        """The request that is followed; None while none is known."""
        if self._chosen is not None:
            return self._chosen
        return next((m for m, seen in self._seen.items() if seen.code == self._code), None)

    def choose(self, msg_id: str) -> None:
        """Follow just this request."""
        self._chosen = msg_id
        self._changed.set()

    async def begun(self, timeout: float) -> bool:
        """Wait until the code was seen to run; False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while self._run() is None and not self._dead() and time.monotonic() < deadline:
            await self._change(deadline)
        return self._run() is not None

    async def end(
        self, timeout: float | None, *, gone: Callable[[], bool] | None = None
    ) -> ExecutionResult:
        """Wait for the end, interrupt after `timeout` seconds of running. See `Following`."""
        waiting = time.monotonic()
        try:
            while not self._ended():
                run = self._run()
                alone = gone is not None and gone() and self._kernel.activity.state == "idle"
                if run is not None or not alone:
                    waiting = time.monotonic()
                elif time.monotonic() - waiting >= LOST:
                    raise LapsedError(
                        "The page that was to run the cell is gone, and the kernel has not begun "
                        "it: whether it ran is unknown. It is not run again."
                    )
                deadline = None
                if run is not None and timeout is not None:
                    deadline = run.since + timeout
                    if time.monotonic() >= deadline:
                        await self._stop()
                        return self._result(in_time=False)
                await self._change(deadline)
            return self._result()
        except asyncio.CancelledError:
            await self._stop()
            raise

    def close(self) -> None:
        """Follow no more."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    # ------------------------------------------------------------ inside

    def _run(self) -> _Seen | None:
        return self._seen.get(self.msg_id or "")

    def _dead(self) -> bool:
        activity = self._kernel.activity
        return activity.state == "dead" or activity.generation != self._generation

    def _ended(self) -> bool:
        return self.msg_id in self._idle or self._dead()

    async def _change(self, deadline: float | None) -> None:
        self._changed.clear()
        left = LOOK if deadline is None else min(LOOK, max(0.0, deadline - time.monotonic()))
        try:
            async with asyncio.timeout(left):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _stop(self) -> None:
        """Interrupt the code while it is what the kernel runs."""
        deadline = time.monotonic() + GRACE
        while not self._ended() and time.monotonic() < deadline:
            if self.msg_id not in self._kernel.activity.running:
                return
            try:
                await self._kernel.interrupt()
            except KernelError:
                return
            await self._change(time.monotonic() + STEP)

    def _result(self, *, in_time: bool = True) -> ExecutionResult:
        run = self._run()
        if run is None:
            status = "died" if self._dead() else "aborted"
            return ExecutionResult(status, [], started=False)  # type: ignore[arg-type]
        result = ExecutionResult("ok", run.outputs.to_json(), run.execution_count, run.error)
        result.duration = time.monotonic() - run.since
        if not in_time:
            result.status = "timeout"
        elif self._dead() and self.msg_id not in self._idle:
            result.status = "died"
        elif run.error is not None:
            interrupted = run.error.get("ename") in _INTERRUPTS
            result.status = "interrupted" if interrupted else "error"
        return result

    def _on_iopub(self, msg: Json) -> None:
        msg_id = (msg.get("parent_header") or {}).get("msg_id")
        if msg_id is None:
            return
        msg_type, content = msg["header"]["msg_type"], msg["content"]
        if msg_type == "execute_input":
            code = str(content.get("code", "")).strip()
            self._seen.setdefault(msg_id, _Seen(code, content.get("execution_count")))
        elif msg_type == "status":
            if content.get("execution_state") == "idle":
                self._idle.add(msg_id)
        elif (seen := self._seen.get(msg_id)) is not None:
            self._collect(seen, msg, msg_id)
            return
        self._changed.set()

    def _collect(self, seen: _Seen, msg: Json, msg_id: str) -> None:
        output = seen.outputs.add(msg)
        if output is None:
            return
        if output["output_type"] == "error":
            seen.error = {k: output[k] for k in ("ename", "evalue", "traceback")}
        if msg_id == self.msg_id:
            self._on_output(output)

"""Where a cell waits for the agent and runs its code: awaiting, or blocking (guest)."""

from __future__ import annotations

import asyncio
import collections
import queue
import signal
import sys
import threading
import time
import types
from typing import Any

from .magics import runs_code


class AwaitingSeat:
    """The cell awaits: the kernel's loop turns meanwhile, and code may use `await`."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.loop = asyncio.get_running_loop()
        self.task = asyncio.current_task()
        self._messages: collections.deque[Any] = collections.deque()
        self._woken: asyncio.Future[None] | None = None
        self._cancelling = False

    def put(self, message: Any) -> None:
        """Hand a message over, from any thread."""
        self.loop.call_soon_threadsafe(self._arrive, message)

    def _arrive(self, message: Any) -> None:
        self._messages.append(message)
        self._wake()

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def next(self, seconds: float) -> Any:
        """Return the next message, None if there is none for so long.

        Not by asyncio.wait_for, which before Python 3.12 may swallow a cancellation.
        """
        if not self._messages:
            self._woken = self.loop.create_future()
            timer = self.loop.call_later(seconds, self._wake)
            try:
                await self._woken
            finally:
                timer.cancel()
        return self._messages.popleft() if self._messages else None

    async def pause(self, seconds: float) -> None:
        """Wait a moment."""
        await asyncio.sleep(seconds)

    async def run(self, code: str) -> Any:
        """Run code as a part of the cell; return IPython's result."""
        shell, failed = self.shell, None
        try:
            transformed = shell.transform_cell(code)
        except Exception:
            transformed, failed = code, sys.exc_info()
        result = await shell.run_cell_async(
            code, store_history=False, transformed_cell=transformed, preprocessing_exc_tuple=failed
        )
        shell.events.trigger("post_execute")  # figures are shown here, not at the cell's end
        shell.events.trigger("post_run_cell", result)
        return result

    def close(self) -> None:
        """Do nothing: the loop was never ours."""

    def cancel(self) -> None:
        """End what is awaited, from a signal handler."""
        self._cancelling = True
        self.loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._cancelling and self.task is not None:
            self.task.cancel()

    def recover(self) -> None:
        """Forget a cancellation that has done its work, or has come too late for it."""
        self._cancelling = False
        if self.task is not None and hasattr(self.task, "uncancel"):
            self.task.uncancel()


class BlockingSeat:
    """The cell blocks, inside a function or a loop; it lends its thread to the probe."""

    def __init__(self, shell: Any, probe: Any) -> None:
        self.shell, self.probe = shell, probe
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        probe.lend = self._messages.put

    def put(self, message: Any) -> None:
        """Hand a message over, from any thread."""
        self._messages.put(message)

    async def next(self, seconds: float) -> Any:
        """Return the next message, None if there is none for so long. Never suspends."""
        try:
            message = self._messages.get(timeout=max(seconds, 0.001))
        except queue.Empty:
            return None
        if callable(message):
            message()
            return None
        return message

    async def pause(self, seconds: float) -> None:
        """Wait a moment. Never suspends."""
        time.sleep(seconds)  # noqa: ASYNC251

    async def run(self, code: str) -> Any:
        """Run code as a part of the cell; return IPython's result. Never suspends."""
        self.probe.lend = None
        try:
            return self.shell.run_cell(code, store_history=False)
        finally:
            self.probe.lend = self._messages.put

    def close(self) -> None:
        """Lend the thread no more."""
        self.probe.lend = None

    def cancel(self) -> None:
        """Do nothing: the signal itself ends a blocking wait."""

    def recover(self) -> None:
        """Do nothing: nothing was cancelled."""


class Interrupts:
    """What SIGINT does while the agent has the cell.

    ipykernel lets a cell that awaits go on with blocking code, and a wait sleep on; here both
    end at once. `pressed` says that the person interrupted; `stop` ends only the code that runs.
    """

    def __init__(self, shell: Any, seat: Any) -> None:
        self.shell, self.seat = shell, seat
        self.pressed = self.stopped = self.in_code = False
        self._stopping = self._left = False
        self._saved: Any = None

    def __enter__(self) -> Interrupts:
        self._saved = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        self._left = True
        if isinstance(self.seat, BlockingSeat):  # else ipykernel does it when the cell ends:
            signal.signal(signal.SIGINT, self._saved)  # what follows in it wants the same help

    def stop(self) -> None:
        """End the code that runs now, from another thread."""
        if not self.in_code:
            return
        self._stopping = True
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        else:
            signal.raise_signal(signal.SIGINT)

    def _handle(self, number: int, frame: types.FrameType | None) -> None:
        if self._stopping:
            self._stopping = False
            if not self.in_code:  # it ended by itself meanwhile
                return
            self.stopped = True
        elif not self._left:
            self.pressed = True
        if runs_code(self.shell, frame):
            raise KeyboardInterrupt
        if not self._left:
            self.seat.cancel()
        elif callable(self._saved):
            self._saved(number, frame)
            self.seat.loop.call_soon_threadsafe(lambda: None)  # ipykernel's own does not wake it

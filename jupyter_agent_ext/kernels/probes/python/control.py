"""Answer `agentInspect` on the control channel, on the main thread if it is free (guest).

What else comes as a `debug_request` is handed on unchanged.
"""

from __future__ import annotations

import asyncio
import base64
import builtins
import contextlib
import inspect
import json
import os
import sys
import threading
import time
import types
import uuid
import zlib
from collections.abc import Callable
from typing import Any

from .reading import Variables
from .safety import Json
from .scope import Scope, Steps

PROBE_NAME = "_jupyter_agent_probe_"
COMMAND = "agentInspect"
SLICE = 0.005
PAUSE = 0.001
PATIENCE = 0.025
GRACE = 0.003
OWNER_SECONDS = 30.0
"""An owner not heard of for so long has lost the kernel to the next who asks."""


class Job:
    """Work in steps that one thread at a time may advance."""

    def __init__(self, steps: Steps, scope: Scope) -> None:
        self.steps, self.scope = steps, scope
        self.lock = threading.Lock()
        self.done = self.taken = False
        self.result: Json = {}
        self.progress = time.perf_counter()
        self.wake: Callable[[], Any] = _no_wake
        self.in_cell = False

    def advance(self, seconds: float, *, full: bool) -> None:
        """Run steps for about `seconds`; the caller holds the lock or is alone."""
        self.scope.full = full
        end = time.perf_counter() + seconds
        try:
            while time.perf_counter() < end:
                next(self.steps)
        except StopIteration as stop:
            self.result, self.done = {**stop.value, "full": full}, True
        except Exception as error:
            self.result, self.done = {"error": "failed", "message": type(error).__name__}, True
        self.progress = time.perf_counter()


def _no_wake() -> None:
    return None


class Probe:
    """What the kernel keeps: the handlers by op, the owner, the hook. One in a process."""

    def __init__(self, shell: Any, version: int, owner: str, older: Any) -> None:
        self.version = version
        self.epoch: str = getattr(older, "epoch", None) or uuid.uuid4().hex
        self.owner: str = getattr(older, "owner", None) or owner
        self.heard: float = getattr(older, "heard", None) or time.monotonic()
        self.kernel: Any = getattr(shell, "kernel", None)
        self.original: Any = None
        self.shell = shell
        self.variables: Any = None
        self.lend: Callable[[Callable[[], None]], None] | None = None
        self.handlers: dict[str, Callable[[Json], Any]] = {
            "hello": self._hello,
            "snapshot": self._snapshot,
            "inspect": self._inspect,
        }

    def hook(self, older: Any) -> None:
        """Put our handler before the kernel's own, or in the place of an older probe's."""
        handlers = self.kernel.control_handlers
        original = getattr(older, "original", None) or handlers.get("debug_request")
        handlers["debug_request"] = self.debug_request
        self.original = original

    async def debug_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Answer our command, hand on every other."""
        content = parent["content"]
        if content.get("command") != COMMAND:
            if self.original is not None:
                handled = self.original(stream, ident, parent)
                if inspect.isawaitable(handled):
                    await handled
            return
        body = await self.answer(content.get("arguments") or {})
        reply = {
            "type": "response",
            "request_seq": content.get("seq", 0),
            "success": "error" not in body,
            "command": COMMAND,
            "body": body,
        }
        self.kernel.session.send(stream, "debug_reply", reply, parent, ident=ident)

    async def answer(self, arguments: Json) -> Json:
        """Return the body of the reply to a request."""
        try:
            made = self._call(arguments)
            if isinstance(made, Job):
                await self._complete(made)
                made = made.result
            elif inspect.isawaitable(made):
                made = await made
        except Exception as error:
            made = {"error": "failed", "message": type(error).__name__}
        return self._signed(made)

    def ask(self, text: str) -> Any:
        """Ask the agent from a cell that awaits this (`%agent`)."""
        return ask_in_cell(self.shell, text)  # type: ignore[name-defined]  # noqa: F821

    def add_magics(self) -> None:
        """Register `%agent` in the shell, again if need be."""
        add_magics(self.shell)  # type: ignore[name-defined]  # noqa: F821 (packed beside this)

    def json(self, arguments: str) -> str:
        """Answer from inside an execution, where there is no control channel to ask on."""
        made = self._call(json.loads(arguments))
        if isinstance(made, Job):
            while not made.done:
                made.advance(1.0, full=True)
            made = made.result
        return json.dumps(self._signed(made), allow_nan=False)

    def _call(self, arguments: Json) -> Any:
        refusal = self._refusal(arguments.get("owner"))
        if refusal is not None:
            return refusal
        handler = self.handlers.get(arguments.get("op", "snapshot"))
        if handler is None:
            return {"error": "unknown_op", "message": "this probe does not know the op"}
        return handler(arguments)

    def _signed(self, body: Json) -> Json:
        return {**body, "epoch": self.epoch, "pid": os.getpid(), "version": self.version}

    def _refusal(self, asking: Any) -> Json | None:
        silent = time.monotonic() - self.heard
        if asking != self.owner and silent < OWNER_SECONDS:
            message = "another Jupyter server owns the probe of this kernel"
            return {"error": "owned", "message": message, "silent_seconds": round(silent, 1)}
        self.owner, self.heard = asking, time.monotonic()
        return None

    def _hello(self, arguments: Json) -> Json:
        return {"execution_count": int(getattr(self.shell, "execution_count", 1)) - 1}

    def _loaded(self) -> Variables:
        if self.variables is None:
            load_pack("REST")
            self.variables = Variables(self.shell, self._bury)
        variables: Variables = self.variables
        return variables

    def _snapshot(self, arguments: Json) -> Job:
        variables = self._loaded()
        scope = Scope(float(arguments.get("ms", 150)), int(arguments.get("bytes", 60_000)))
        return Job(variables.snapshot(arguments, scope), scope)

    def _inspect(self, arguments: Json) -> Job:
        variables = self._loaded()
        scope = Scope(float(arguments.get("ms", 400)), 200_000, detail=True)
        return Job(variables.inspect(arguments, scope), scope)

    async def _complete(self, job: Job) -> None:
        """Finish a job: on the main thread while it is free, else structurally here."""
        full = threading.current_thread() is threading.main_thread()
        if not full and await self._main_is_free():
            await self._offer(job)
        while not job.done:
            job.advance(2 * SLICE, full=full)
            await asyncio.sleep(0)

    async def _main_is_free(self) -> bool:
        """Say whether the main thread turns its loop; a cell just ending gets a moment."""
        if not self._busy():
            return True
        await asyncio.sleep(GRACE)
        return not self._busy()

    async def _offer(self, job: Job) -> None:
        """Let the main loop advance the job; take it back when that stalls."""
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        job.wake = lambda: loop.call_soon_threadsafe(ready.set)
        job.in_cell = self._cell_runs()
        job.progress = time.perf_counter()
        self._on_main(job)
        while not job.done:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(ready.wait(), 0.01)
            late = time.perf_counter() - job.progress > PATIENCE
            if not job.done and late and job.lock.acquire(blocking=False):
                job.taken = True
                job.lock.release()
                return

    def _slice(self, job: Job) -> None:
        """Advance a job on the main thread for one slice, after whatever else waits there."""
        if job.taken or not job.lock.acquire(blocking=False):
            return
        try:
            if job.taken or job.done:
                return
            if not self._others_wait(job):
                job.advance(SLICE, full=True)
        finally:
            job.lock.release()
        if job.done:
            job.wake()
        else:  # the pause lets the thread that brings a cell's message have the GIL
            self._on_main(job, PAUSE)

    def _on_main(self, job: Job, pause: float = 0.0) -> None:
        """Have the main thread run a slice: from its loop, or from a cell that lends itself."""
        if self.lend is not None:
            self.lend(lambda: self._slice(job))
        elif pause:
            self.kernel.io_loop.call_later(pause, self._slice, job)
        else:
            self.kernel.io_loop.add_callback(self._slice, job)

    def _others_wait(self, job: Job) -> bool:
        """Say whether the main loop has something else to do, above all a cell's message."""
        if self._cell_runs() and not job.in_cell:
            return True
        if self.lend is not None:
            return False
        loop = getattr(self.kernel.io_loop, "asyncio_loop", None)
        return bool(getattr(loop, "_ready", ()))

    def _cell_runs(self) -> bool:
        """Say whether a shell message is being handled (not known before ipykernel 7)."""
        lock = getattr(self.kernel, "_main_asyncio_lock", None)
        return lock is not None and bool(lock.locked())

    def _busy(self) -> bool:
        """Say whether the main thread is in a cell's code and will not turn its loop."""
        if self.lend is not None:
            return False
        if getattr(self.kernel, "_main_asyncio_lock", None) is not None and not self._cell_runs():
            return False
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        return frame is not None and not _turns_its_loop(frame)

    def _bury(self, values: list[Any]) -> None:
        """Drop values on the main thread, where their finalizers belong."""
        if self.kernel is not None:
            self.kernel.io_loop.add_callback(values.clear)


def _turns_its_loop(frame: types.FrameType) -> bool:
    caller = frame.f_back
    return (
        frame.f_code.co_name == "select"
        and caller is not None
        and caller.f_code.co_name == "_run_once"
    )


_loading = threading.RLock()


def load_pack(name: str) -> None:
    """Load parts that came packed with this one, once: a kernel's start is not for that."""
    with _loading:
        packed = globals().pop(name, None)
        if packed is not None:
            source = zlib.decompress(base64.b64decode(packed))
            exec(compile(source, "<jupyter_agent_probe>", "exec"), globals())


def install_probe(version: int, owner: str) -> None:
    """Put the probe into `builtins`, where it survives %reset; older ones give way."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    older = getattr(builtins, PROBE_NAME, None)
    probe = Probe(shell, version, owner, older)
    setattr(builtins, PROBE_NAME, probe)
    if isinstance(getattr(probe.kernel, "control_handlers", None), dict):
        probe.hook(older)  # else the probe is asked by user expressions
        probe.add_magics()

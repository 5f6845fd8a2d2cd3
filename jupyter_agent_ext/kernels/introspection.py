"""Pull the variables of one live kernel in bounded time (floor 1)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, Literal

from ..errors import KernelError, NotFoundError
from ..records import Json, KernelState, Snapshot
from . import probes
from .fallback import by_snippet
from .hook import Hook, Unreadable
from .loaded import LoadedNames
from .transport import Transport

LONGEST_BACKOFF = 8.0
READ_MS = 150
INSPECT_MS = 400

NATIVE = "The kernel runs native code and does not answer."
GONE = "The kernel does not answer any more."
FORGOTTEN = "Nothing to compare with: the earlier reading is too old or of another process."


class Introspection:
    """Reads the variables of the kernel behind `transport`, whatever it can do.

    `owner` names this server and its incarnation: of two servers on one kernel the probe
    answers only the first, until that one has not been heard of for half a minute.
    Everything runs on one event loop; end it with `close`.
    """

    def __init__(self, transport: Transport, *, owner: str, log: logging.Logger) -> None:
        self._transport, self._owner, self._log = transport, owner, log
        self._tasks: set[asyncio.Task[Any]] = set()
        self._shared: dict[tuple[Any, ...], asyncio.Task[Any]] = {}
        self._loaded = LoadedNames()
        self._closed = False
        self._hook = Hook(transport, owner, log, self._spawn)
        self._last: Snapshot | None = None
        self._one_at_a_time = asyncio.Lock()
        self._failures, self._quiet_until = 0, 0.0
        self._trouble: KernelState = "unknown"

    @property
    def epoch(self) -> str | None:
        """What changes whenever the process is new; None until the probe has told it."""
        return self._hook.epoch

    # ------------------------------------------------------------ life

    def install(self) -> None:
        """Send the probe now, before anybody's cell; what comes of it is checked later.

        At most one injection is pending. One that was aborted behind a failing cell, or lost, is
        sent again.
        """
        if not self._closed:
            self._hook.install()

    def reset(self) -> None:
        """Note that the process is new: its variables are gone, and the probe with them."""
        self._cancel()
        self._loaded.clear()
        self._hook = Hook(self._transport, self._owner, self._log, self._spawn)
        self._last, self._one_at_a_time = None, asyncio.Lock()
        self._failures, self._quiet_until = 0, 0.0

    def close(self) -> None:
        """Stop; whoever waits for a reading gets a KernelError."""
        self._closed = True
        self._cancel()

    def on_iopub(self, msg: Json) -> None:
        """Hear what the kernel tells everybody. Cheap: code is parsed when it is asked for."""
        msg_type = msg["header"]["msg_type"]
        if msg_type == "execute_input":
            code = str(msg["content"].get("code", ""))
            if not code.startswith(("%agent", "%%agent")):  # words, not names
                self._loaded.ran(code)
        elif msg_type == "status":
            self._failures, self._quiet_until = 0, 0.0
            if msg["content"].get("execution_state") == "idle":
                self._hook.on_idle((msg.get("parent_header") or {}).get("msg_id"))

    async def ask(self, arguments: Json) -> Json | None:
        """Send the probe one command of the cells' and wait for its answer, however long.

        None where nobody knows the command. Raises KernelError when the process ends.
        """
        return await self._hook.command(arguments, None)

    def note_code(self, code: str) -> None:
        """Hear that code runs which no message tells of: it runs within another cell."""
        self._loaded.ran(code)

    # ------------------------------------------------------------ reading

    async def pull(
        self,
        *,
        since: str | None = None,
        mentioned: Sequence[str] = (),
        limit: int = 200,
        timeout: float = 2.0,
    ) -> Snapshot:
        """Read the variables within about `timeout` seconds, as `Kernel.pull` says.

        Callers with the same question at the same time share one request.
        """
        key = ("pull", since, tuple(mentioned), limit)
        work = self._pull(since, list(mentioned), limit, time.monotonic() + timeout)
        snapshot: Snapshot | None = await self._share(key, work, timeout + 1.0)
        return snapshot if snapshot is not None else self._stale(self._transport.state, NATIVE)

    async def inspect(self, name: str, *, timeout: float = 2.0) -> Json:
        """Read one variable in detail. Raises NotFoundError, KernelError."""
        work = self._inspect(name, time.monotonic() + timeout)
        found: Json | None = await self._share(("inspect", name), work, timeout + 1.0)
        if found is None:
            raise KernelError(f"The kernel did not tell of `{name}` in {timeout:g} s.")
        return found

    async def _pull(
        self, since: str | None, mentioned: list[str], limit: int, end: float
    ) -> Snapshot:
        if time.monotonic() < self._quiet_until:
            return self._stale(self._trouble, NATIVE if self._trouble == "native" else GONE)
        loaded = self._loaded.since(since)
        question = {"op": "snapshot", "since": since, "mentioned": mentioned, "limit": limit}
        budget = {"loaded": loaded, "ms": _milliseconds(end, READ_MS)}
        try:
            body = await self._ask({**question, **budget}, end)
        except Unreadable as error:
            return self._stale(self._transport.state, str(error))
        except TimeoutError:
            return await self._no_answer()
        self._failures, self._quiet_until = 0, 0.0
        snapshot = self._last = self._snapshot(body, since)
        if snapshot.token is not None:
            self._loaded.track(snapshot.token)
        return snapshot

    async def _inspect(self, name: str, end: float) -> Json:
        question = {"op": "inspect", "name": name, "ms": _milliseconds(end, INSPECT_MS)}
        try:
            body = await self._ask(question, end)
        except Unreadable as error:
            raise KernelError(str(error), hint="Ask again when the kernel is idle.") from error
        except TimeoutError as error:
            hint = "Ask again when the cell has ended, or interrupt the kernel."
            raise KernelError(NATIVE, hint=hint) from error
        summary = body.get("summary") or body.get("variables", {}).get(name)
        if not isinstance(summary, dict):
            hint = "List the variables to see the names."
            raise NotFoundError(f"The kernel has no variable `{name}`.", hint=hint)
        return summary

    async def _ask(self, arguments: Json, end: float) -> Json:
        """Return the kernel's answer by the best way it offers.

        Raises Unreadable, TimeoutError, KernelError.
        """
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + _left(end)):
            async with self._one_at_a_time:
                way = await self._hook.way(0.9 * _left(end))
                if way == "probe":
                    body = await self._hook.command(arguments, _left(end))
                elif self._transport.state != "idle":
                    raise Unreadable("This kind of kernel can be read only while it is idle.")
                elif way == "expression":
                    body = await self._hook.express(arguments, _left(end))
                else:
                    code = probes.snippet(self._transport.language) or ""
                    body = await by_snippet(self._transport, code, _left(end))
        if body is None:
            raise Unreadable("The kernel's answer could not be understood.")
        if "error" in body:
            raise Unreadable(f"The kernel's probe says: {body.get('message', body['error'])}.")
        return body

    # ------------------------------------------------------------ answers

    def _snapshot(self, body: Json, since: str | None) -> Snapshot:
        source: Literal["main", "control", "snippet"] = "main" if body.get("full") else "control"
        if self._transport.language != "python":
            source = "snippet"
        variables = body.get("variables") or {}
        total = int(body.get("total", len(variables)))
        diff = body.get("diff")
        return Snapshot(
            epoch=self._hook.epoch,
            execution_count=int(body.get("execution_count", 0)),
            time=time.time(),
            source=source,
            state=self._transport.state,
            variables=variables,
            total=total,
            skipped=int(body.get("skipped", total - len(variables))),
            token=body.get("token"),
            diff=diff,
            note=FORGOTTEN if since is not None and diff is None else "",
        )

    def _stale(self, state: KernelState, note: str) -> Snapshot:
        """Return the last reading, marked as such; an empty one if there is none."""
        if self._last is not None:
            return replace(self._last, source="last", state=state, diff=None, note=note)
        return Snapshot(self._hook.epoch, 0, time.time(), "none", state, {}, note=note)

    async def _no_answer(self) -> Snapshot:
        """Tell native code from death, and ask less often from now on."""
        alive = await self._transport.heartbeat(0.5)
        trouble: KernelState = "native" if alive else "dead"
        pause = min(LONGEST_BACKOFF, 0.5 * 2**self._failures)
        self._failures, self._quiet_until = self._failures + 1, time.monotonic() + pause
        self._trouble = trouble
        return self._stale(trouble, NATIVE if alive else GONE)

    # ------------------------------------------------------------ tasks

    async def _share(
        self, key: tuple[Any, ...], work: Coroutine[Any, Any, Any], wait: float
    ) -> Any:
        """Await `work`, or the same that is under way; None after `wait` seconds."""
        task = self._shared.get(key)
        if self._closed or task is not None:
            work.close()
        if self._closed:
            raise KernelError("The connection to the kernel is closed.")
        if task is None:
            task = self._shared[key] = self._spawn(work)
            task.add_done_callback(lambda _: self._shared.pop(key, None))
        done, _ = await asyncio.wait({task}, timeout=wait)
        if not done:
            return None
        if task.cancelled():
            raise KernelError("The kernel was restarted or its connection closed.")
        return task.result()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name="agent-introspection")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen: whoever waited has been told, or has gone

    def _cancel(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        self._shared.clear()


def _left(end: float) -> float:
    return max(0.001, end - time.monotonic())


def _milliseconds(end: float, most: int) -> int:
    return int(min(most, 500 * _left(end)))

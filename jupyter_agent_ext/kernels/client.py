"""The connection to one kernel of this server: a Transport and a Kernel (floor 1)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

import zmq.asyncio
from jupyter_core.utils import ensure_async

from ..errors import KernelError
from ..records import ExecutionResult, Json, KernelState, Snapshot
from .activity import Activity
from .channels import Channels, Source
from .execution import GRACE, START, Executor, OnOutput, OnStart
from .following import FollowedCode
from .incarnation import Incarnation
from .introspection import Introspection
from .lasterror import LastError
from .transport import Channel

ALIVE_INTERVAL = 1.0
GREETINGS = 40


class KernelConnection:
    """One kernel, for everybody on this server: created once, it lives through restarts.

    `km` is Jupyter Server's manager of the kernel, its process started; `owner` names this server
    to the probe, None leaves the variables unread. `untracked` are further types of requests
    that do not make it busy; `grace` and `start` are seconds: what interrupted code gets to end,
    and a new process to answer. Must be made on the event loop and closed with `close`. The
    callbacks in `on_restart`, `on_death` (a restart may follow) and `on_execution_end` (whoever
    ran the code) get the kernel id.
    """

    def __init__(
        self,
        km: Any,
        kernel_id: str,
        *,
        context: zmq.asyncio.Context,
        log: logging.Logger,
        owner: str | None,
        untracked: Collection[str] = (),
        grace: float = GRACE,
        start: float = START,
    ) -> None:
        self.on_restart: list[Callable[[str], None]] = []
        self.on_death: list[Callable[[str], None]] = []
        self.on_execution_end: list[Callable[[str], None]] = []
        self.km = km
        self.activity = Activity(untracked)
        self._kernel_id, self._context, self._log = kernel_id, context, log
        self._pending: dict[str, tuple[asyncio.Future[Json], float]] = {}
        self._listeners: dict[str, Callable[[Json], None]] = {}
        self._last_error = LastError()
        self._watchers: list[Callable[[Json], None]] = [self._last_error.on_iopub]
        self._incarnation = Incarnation(lambda: getattr(km.provisioner, "pid", None))
        self._heard = self._closed = False
        self._greeter: asyncio.Task[None]
        self._closing: set[asyncio.Task[None]] = set()
        self._executor = Executor(self, log, grace, start)
        self._channels = Channels(km, context, self._receive, log)
        self._introspection: Introspection | None = None
        if owner is not None:
            self._introspection = Introspection(self, owner=owner, log=log)
        self._begin(busy=getattr(km, "execution_state", None) == "busy")
        self._monitor = asyncio.create_task(self._watch_process(), name="agent-monitor")

    # ------------------------------------------------------------ Kernel

    @property
    def kernel_id(self) -> str:
        return self._kernel_id

    @property
    def language(self) -> str:
        spec = self.km.kernel_spec
        return str(spec.language).lower() if spec is not None else ""

    @property
    def state(self) -> KernelState:
        return self.activity.state

    @property
    def epoch(self) -> str | None:
        if self._introspection is None:
            return self._incarnation.session
        return self._introspection.epoch

    async def pull(
        self,
        *,
        since: str | None = None,
        mentioned: Sequence[str] = (),
        limit: int = 200,
        timeout: float = 2.0,
    ) -> Snapshot:
        self._check_alive()
        if self._introspection is None:
            note = "Reading variables is switched off for this kernel."
            return Snapshot(self.epoch, 0, time.time(), "none", self.state, {}, note=note)
        return await self._introspection.pull(
            since=since, mentioned=mentioned, limit=limit, timeout=timeout
        )

    async def inspect(self, name: str, *, timeout: float = 2.0) -> Json:
        self._check_alive()
        if self._introspection is None:
            raise KernelError(
                "Reading variables is switched off for this kernel.",
                hint="Set c.AgentExtension.attach, or take jupyter_agent out of the kernelspec.",
            )
        return await self._introspection.inspect(name, timeout=timeout)

    async def execute(
        self,
        code: str,
        *,
        timeout: float | None,
        store_history: bool = False,
        on_output: OnOutput | None = None,
        on_start: OnStart | None = None,
    ) -> ExecutionResult:
        return await self._executor.execute(
            code,
            timeout=timeout,
            store_history=store_history,
            on_output=on_output,
            on_start=on_start,
        )

    @property
    def last_error(self) -> Json | None:
        """The last error that is not mended (abilities.RemembersErrors)."""
        return self._last_error.error

    def follow(self, code: str, *, on_output: OnOutput) -> FollowedCode:
        """Watch from now on for somebody else's execution of `code` (abilities.Follows)."""
        return FollowedCode(self, code, on_output)

    async def interrupt(self) -> None:
        """Interrupt the kernel, whoever's code it runs. Raises KernelError if it is dead."""
        self._check_alive()
        try:
            await ensure_async(self.km.interrupt_kernel())
        except (RuntimeError, OSError) as error:
            raise KernelError(f"The kernel cannot be interrupted: {error}") from error

    # ------------------------------------------------------------ Transport

    def send(self, channel: Channel, msg_type: str, content: Json) -> str:
        return self._send(channel, msg_type, content)

    async def request(
        self, channel: Channel, msg_type: str, content: Json, *, timeout: float | None
    ) -> Json:
        msg_id = self._send(channel, msg_type, content, reply=True)
        try:
            return await asyncio.wait_for(self._pending[msg_id][0], timeout)
        finally:
            self._pending.pop(msg_id, None)

    async def heartbeat(self, timeout: float = 0.5) -> bool:
        return await self._channels.ping(timeout)

    def watch(self, callback: Callable[[Json], None]) -> Callable[[], None]:
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)

    # ------------------------------------------------------------ cells.Connection

    async def ask_probe(self, arguments: Json) -> Json | None:
        """Send the probe a command of the cells'; None where there is none or it knows it not."""
        if self._introspection is None:
            return None
        return await self._introspection.ask(arguments)

    def note_code(self, code: str) -> None:
        """Note that code runs within a cell (cells.Connection)."""
        if self._introspection is not None:
            self._introspection.note_code(code)

    # ------------------------------------------------------------ execution.Link

    def post(
        self, msg_type: str, content: Json, listen: Callable[[Json], None]
    ) -> tuple[str, asyncio.Future[Json]]:
        """Send on shell and listen to what comes of it (execution.Link)."""
        msg_id = self._send("shell", msg_type, content, reply=True, listen=listen)
        if not content.get("store_history"):
            self._last_error.ignore(msg_id)
        return msg_id, self._pending[msg_id][0]

    def forget(self, msg_id: str) -> None:
        """Stop listening for a posted message (execution.Link)."""
        self._listeners.pop(msg_id, None)
        self._pending.pop(msg_id, None)

    def poke(self) -> None:
        """Ask on shell for a sign of life, one question at a time (execution.Link)."""
        if self._greeter.done():
            self._greeter = self._start_greeting()

    # ------------------------------------------------------------ life

    def restarted(self) -> None:
        """Note that the manager started a new process; told twice it is noted once."""
        if not self._closed and self._incarnation.told(dead=self._dead):
            self._renew()

    def died(self) -> None:
        """Note that the process is gone: whatever waits for it fails now."""
        if self._dead:
            return
        self.activity.die()
        self._fail_pending()
        self._tell(self.on_death)

    async def close(self) -> None:
        """Stop listening; the kernel goes on. Whatever waits for it fails."""
        self._closed = True
        self.activity.die()
        self._fail_pending()
        for task in (self._monitor, self._greeter):
            task.cancel()
        await asyncio.gather(self._monitor, self._greeter, return_exceptions=True)
        await self._executor.close()
        if self._introspection is not None:
            self._introspection.close()
        await self._channels.close()
        await asyncio.gather(*self._closing)

    @property
    def _dead(self) -> bool:
        return self.activity.state == "dead"

    def _renew(self) -> None:
        self._fail_pending()
        self._greeter.cancel()
        if list(self.km.ports) != self._channels.ports:
            task = asyncio.create_task(self._channels.close(), name="agent-close-channels")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            self._channels = Channels(self.km, self._context, self._receive, self._log)
        if self._introspection is not None:
            self._introspection.reset()
        self._begin()
        self._tell(self.on_restart)

    def _begin(self, *, busy: bool = False) -> None:
        self.activity.begin(busy=busy)
        self._last_error.clear()
        self._heard = False
        if self._introspection is not None:
            self._introspection.install()
        self._greeter = self._start_greeting()

    def _start_greeting(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._greet(), name="agent-greet")

    async def _greet(self) -> None:
        """Wait until the kernel answers on shell and is heard on iopub."""
        for _ in range(GREETINGS):
            try:
                await self.request("shell", "kernel_info_request", {}, timeout=None)
            except KernelError:
                return
            if self._heard:
                break
            await asyncio.sleep(0.05)
        self.activity.ready()

    async def _watch_process(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_INTERVAL)
            generation = self.activity.generation
            if self._dead or await self._is_alive():
                continue
            if generation == self.activity.generation:
                self.died()

    async def _is_alive(self) -> bool:
        try:
            return bool(await ensure_async(self.km.is_alive()))
        except Exception as error:  # a provisioner that cannot tell now may tell later
            self._log.warning("Cannot tell whether kernel %s lives: %s", self._kernel_id, error)
            return True

    def _check_alive(self) -> None:
        if self._dead:
            raise KernelError("The kernel is dead.")

    # ------------------------------------------------------------ messages

    def _send(
        self,
        channel: Channel,
        msg_type: str,
        content: Json,
        *,
        reply: bool = False,
        listen: Callable[[Json], None] | None = None,
    ) -> str:
        self._check_alive()
        message = self._channels.message(msg_type, content)
        msg_id: str = message["header"]["msg_id"]
        if listen is None:  # what we ask for ourselves is no work of the kernel's
            self.activity.quiet(msg_id)
        if reply:
            future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
            self._pending[msg_id] = (future, time.monotonic())
        if listen is not None:
            self._listeners[msg_id] = listen
        try:
            self._channels.send(channel, message)
        except KernelError:
            self.forget(msg_id)
            raise
        return msg_id

    def _receive(self, source: Source, msg: Json) -> None:
        sender = "former" if self._closed else self._incarnation.look(msg)
        if sender == "former":
            return
        if sender == "new":
            self._renew()
        if source == "iopub":
            self._on_iopub(msg)
            return
        msg_id = (msg.get("parent_header") or {}).get("msg_id")
        future, sent = self._pending.get(msg_id or "", (None, 0.0))
        if future is None:
            return
        if source == "shell":
            self.activity.answered(sent)
        if not future.done():
            future.set_result(msg)

    def _on_iopub(self, msg: Json) -> None:
        self._heard = True
        parent = msg.get("parent_header") or {}
        ran = parent.get("msg_id") in self.activity.running
        if msg["header"]["msg_type"] == "status":
            self.activity.status(msg)
        listener = self._listeners.get(parent.get("msg_id", ""))
        if listener is not None:
            self._call(listener, msg)
        if self._introspection is not None:
            self._call(self._introspection.on_iopub, msg)
        for watcher in tuple(self._watchers):
            self._call(watcher, msg)
        ended = ran and parent.get("msg_id") not in self.activity.running
        if ended and parent.get("msg_type") == "execute_request":
            self._tell(self.on_execution_end)

    def _fail_pending(self) -> None:
        pending, self._pending = self._pending, {}
        for future, _ in pending.values():
            if not future.done():
                future.set_exception(KernelError("The kernel died or was restarted."))
                future.exception()  # marked as seen: nobody may be waiting any more
        self._listeners.clear()

    def _tell(self, callbacks: list[Callable[[str], None]]) -> None:
        for callback in tuple(callbacks):
            self._call(callback, self._kernel_id)

    def _call(self, callback: Callable[[Any], None], argument: Any) -> None:
        try:
            callback(argument)
        except Exception:  # one listener's failure must not stop the reader
            self._log.exception("A callback of kernel %s failed", self._kernel_id)

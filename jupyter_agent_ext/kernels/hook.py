"""Put the probe into one kernel process and find the way to ask it (floor 1)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from ..errors import KernelError
from ..records import Json
from . import probes
from .fallback import by_expression, execution
from .transport import Transport

HELLO_SECONDS = 2.0
INSTALLS = 4
RETRY_SECONDS = 30.0

NOT_YET = "The kernel has been busy since this server met it; it can be read when it is idle."
STARTING = "The kernel is not ready to be read yet."

Way = Literal["probe", "expression", "snippet"]
Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Unreadable(Exception):  # noqa: N818 (a state of the kernel, nobody's error)
    """The variables cannot be read now; the message says why."""


class Hook:
    """The probe of one kernel process; a new process gets a new Hook.

    `spawn` starts a task that its owner cancels when the process or the connection ends.
    """

    def __init__(self, transport: Transport, owner: str, log: logging.Logger, spawn: Spawn) -> None:
        self._transport, self._owner, self._log, self._spawn = transport, owner, log, spawn
        self._way: Way | None = None
        self._injection: str | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._processed = asyncio.Event()
        self._retry_at = 0.0
        self.epoch: str | None = None

    def install(self) -> None:
        """Send the injection now, unless one is pending or the kernel is not Python."""
        pending = self._preparing is not None and not self._preparing.done()
        if pending or self._transport.language != "python":
            return
        try:
            self._inject()
        except KernelError as error:
            self._log.debug("No probe for kernel %s: %s", self._transport.kernel_id, error)
            return
        self._preparing = self._spawn(self._prepare())

    def on_idle(self, parent: str | None) -> None:
        """Note that the kernel has dealt with a message, perhaps the injection."""
        if parent is not None and parent == self._injection:
            self._injection = None
            self._processed.set()

    async def way(self, timeout: float) -> Way:
        """Return how the kernel can be read; waits for the injection unless a cell runs.

        Raises Unreadable.
        """
        if self._way is None and self._transport.language != "python":
            if probes.snippet(self._transport.language) is None:
                language = self._transport.language or "this language"
                raise Unreadable(f"There is no way yet to read the variables of {language}.")
            self._way = "snippet"
        if self._way is None:
            await self._prepared(timeout)
        if self._way is None:
            raise Unreadable("This kernel does not let its variables be read.")
        return self._way

    async def command(self, arguments: Json, timeout: float | None) -> Json | None:
        """Send one agentInspect; None where somebody else than the probe answered.

        Raises TimeoutError, KernelError.
        """
        arguments = {"owner": self._owner, **arguments}
        content = {"type": "request", "seq": 1, "command": "agentInspect", "arguments": arguments}
        transport = self._transport
        reply = await transport.request("control", "debug_request", content, timeout=timeout)
        return self._known(reply["content"].get("body"))

    async def express(self, arguments: Json, timeout: float) -> Json | None:
        """Ask the probe by an execution, where the control channel cannot be hooked.

        Raises TimeoutError, KernelError.
        """
        arguments = {"owner": self._owner, **arguments}
        return self._known(await by_expression(self._transport, arguments, timeout))

    async def _prepared(self, timeout: float) -> None:
        if time.monotonic() > self._retry_at:
            self.install()
        if self._preparing is None:
            raise Unreadable("The kernel is dead.")
        if self._transport.state == "busy" and not self._processed.is_set():
            await asyncio.wait({self._preparing}, timeout=min(timeout, HELLO_SECONDS / 4))
            if not self._preparing.done() and not self._processed.is_set():
                raise Unreadable(NOT_YET)
        done, _ = await asyncio.wait({self._preparing}, timeout=timeout)
        if not done:
            raise Unreadable(STARTING)

    def _inject(self) -> None:
        self._processed.clear()
        content = execution(probes.injection(self._owner), silent=True)
        self._injection = self._transport.send("shell", "execute_request", content)

    async def _prepare(self) -> None:
        """See the injection through: until the probe answers, or it is clear how else."""
        try:
            if self._transport.state == "busy" and await self._hello(HELLO_SECONDS / 4):
                return
            for attempt in range(INSTALLS):
                await self._processed.wait()
                if await self._hello(HELLO_SECONDS) or (attempt and await self._expressible()):
                    return
                if attempt + 1 < INSTALLS:
                    self._inject()
        except KernelError as error:
            self._log.debug("Kernel %s died unread: %s", self._transport.kernel_id, error)
            return
        self._retry_at = time.monotonic() + RETRY_SECONDS
        self._log.warning("The probe cannot be put into kernel %s", self._transport.kernel_id)

    async def _hello(self, timeout: float) -> bool:
        try:
            answered = await self.command({"op": "hello"}, timeout) is not None
        except TimeoutError:
            return False
        self._way = "probe" if answered else self._way
        return answered

    async def _expressible(self) -> bool:
        try:
            answered = await self.express({"op": "hello"}, 5 * HELLO_SECONDS) is not None
        except TimeoutError:
            return False
        self._way = "expression" if answered else self._way
        return answered

    def _known(self, body: Any) -> Json | None:
        if not isinstance(body, dict) or not isinstance(body.get("epoch"), str):
            return None
        self.epoch = body["epoch"]
        return body

"""The kernels of this server: connections, sessions and starts (floor 1)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, Literal

import zmq.asyncio
from jupyter_core.utils import ensure_async

from ..errors import KernelError, NotFoundError
from . import probes
from .cells import CallingCell, Cells
from .channels import new_context
from .client import KernelConnection
from .kernelspec import kernel_name_for

Attach = Literal["always", "on_use", "never"]
KERNEL_ACTIONS: Final = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"
OPT_OUT: Final = "jupyter_agent"
APPEAR = 1000  # looks of 5 ms each


class KernelDirectory:
    """Connects to kernels: to each as soon as it starts (`attach` "always") or on first use.

    `serverapp` is the running ServerApp, `owner` names this server and its incarnation to the
    probe. With `attach` "never", and for kernelspecs with `"jupyter_agent": false` in
    their metadata, nothing is injected; code can still be run. The callbacks in `on_restart`
    get kernel id and the new epoch (None until the probe has answered), those in `on_death`
    and `on_execution_end` the kernel id, those in `on_ask` each cell that asks for a turn.
    `close` closes all.
    """

    def __init__(
        self,
        serverapp: Any,
        *,
        owner: str,
        attach: Attach = "always",
        log: logging.Logger,
    ) -> None:
        self.on_restart: list[Callable[[str, str | None], None]] = []
        self.on_death: list[Callable[[str], None]] = []
        self.on_execution_end: list[Callable[[str], None]] = []
        self.on_ask: list[Callable[[CallingCell], None]] = []
        self._app, self._attach, self._log = serverapp, attach, log
        self._owner = owner
        self._connections: dict[str, KernelConnection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()
        self._context: zmq.asyncio.Context | None = None
        self._listening = self._packed = False

    # ------------------------------------------------------------ protocols.Kernels

    async def get(self, kernel_id: str) -> KernelConnection:
        """Return the one connection to a kernel. Raises NotFoundError, KernelError."""
        self._check_local()
        await _started(self._manager(kernel_id))
        await self._pack()
        return self._connect(kernel_id, self._manager(kernel_id))

    async def of_notebook(self, path: str) -> list[str]:
        """Return the ids of the live kernels of a notebook, the newest session's first."""
        sessions = await ensure_async(self._app.session_manager.list_sessions())
        found = [
            session["kernel"]["id"]
            for session in reversed(sessions)
            if _without_drive(session["path"] or "") == path.strip("/")
            and session["kernel"].get("execution_state") != "dead"
        ]
        return list(dict.fromkeys(found))

    async def notebook_of(self, kernel_id: str) -> str | None:
        """Return the path of the notebook that a kernel runs for, None for a console's."""
        sessions = await ensure_async(self._app.session_manager.list_sessions())
        for session in reversed(sessions):
            path = _without_drive(session["path"] or "")
            if session["kernel"]["id"] == kernel_id and path.endswith(".ipynb"):
                return path
        return None

    async def start(self, path: str) -> str:
        """Start the notebook's kernel, or return the one that runs, as opening it would do.

        A path that is no notebook's is a label: it gets a console with the default kernel.
        Raises NotFoundError if there is no such notebook, KernelError if it cannot start.
        """
        self._check_local()
        async with self._starting:
            running = await self.of_notebook(path)
            if running:
                return running[0]
            kind = "notebook" if path.endswith(".ipynb") else "console"
            name = None if kind == "console" else await kernel_name_for(self._app, path)
            try:
                session = await self._app.session_manager.create_session(
                    path=path.strip("/"),
                    name=path.rsplit("/", 1)[-1],
                    type=kind,
                    kernel_name=name,
                )
            except Exception as error:  # launchers raise whatever they like
                self._log.warning("The kernel of %s did not start", path, exc_info=True)
                raise KernelError(
                    f"The kernel {name or ''} did not start: {error}",
                    hint="Start the notebook's kernel in JupyterLab and read the server's log.",
                ) from error
        kernel_id: str = session["kernel"]["id"]
        return kernel_id

    # ------------------------------------------------------------ life

    def listen(self) -> None:
        """Follow starts, restarts and shutdowns; connect to the kernels that run already."""
        if self._listening or self._gateway():
            return
        self._listening = True
        self._app.event_logger.add_listener(schema_id=KERNEL_ACTIONS, listener=self._on_action)
        if self._attach == "always":
            for kernel_id in self._app.kernel_manager.list_kernel_ids():
                self._spawn(self._join(kernel_id))

    async def close(self) -> None:
        """Stop listening and close all connections; the kernels go on."""
        if self._listening:
            self._listening = False
            self._app.event_logger.remove_listener(
                schema_id=KERNEL_ACTIONS, listener=self._on_action
            )
        for kernel_id in list(self._connections):
            self._drop(kernel_id)
        await asyncio.gather(*self._tasks)
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None

    async def _on_action(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        kernel_id = data.get("kernel_id")
        if data.get("status") != "success" or kernel_id is None or not self._listening:
            return
        if data["action"] == "shutdown":
            self._drop(kernel_id)
        elif data["action"] == "restart" and kernel_id in self._connections:
            self._connections[kernel_id].restarted()
        elif data["action"] in ("start", "restart") and self._attach == "always":
            await self._join(kernel_id)

    async def _join(self, kernel_id: str) -> None:
        """Connect to a kernel that starts; the server's map may not have it yet."""
        await self._pack()
        for _ in range(APPEAR):
            if kernel_id in self._app.kernel_manager or not self._listening:
                break
            await asyncio.sleep(0.005)
        try:
            km = self._manager(kernel_id)
            await _started(km)
        except (NotFoundError, KernelError) as error:
            self._log.info("Did not connect to kernel %s: %s", kernel_id, error)
            return
        if self._listening:
            self._connect(kernel_id, km)

    async def _pack(self) -> None:
        """Have the probe packed, once, in a thread: 100 ms that must not hold up the loop."""
        if not self._packed and self._attach != "never":
            await asyncio.to_thread(probes.injection, self._owner)
        self._packed = True

    # ------------------------------------------------------------ connections

    def _connect(self, kernel_id: str, km: Any) -> KernelConnection:
        present = self._connections.get(kernel_id)
        if present is not None and present.km is km:
            return present
        if present is not None:
            self._drop(kernel_id)
        if self._context is None:
            self._context = new_context()
        connection = KernelConnection(
            km,
            kernel_id,
            context=self._context,
            log=self._log,
            owner=self._owner if self._may_read(km) else None,
            untracked=getattr(self._app.kernel_manager, "untracked_message_types", ()),
        )
        connection.on_restart.append(lambda _: self._restarted(connection))
        connection.on_death.append(lambda _: _call(self.on_death, kernel_id))
        connection.on_execution_end.append(lambda _: _call(self.on_execution_end, kernel_id))
        Cells(connection, lambda cell: _call(self.on_ask, cell))
        km.add_restart_callback(partial(self._gone, connection), "dead")
        self._connections[kernel_id] = connection
        return connection

    def _restarted(self, connection: KernelConnection) -> None:
        _call(self.on_restart, connection.kernel_id, connection.epoch)

    def _gone(self, connection: KernelConnection) -> None:
        """Give up a kernel that the server gave up restarting."""
        connection.died()
        if self._connections.get(connection.kernel_id) is connection:
            self._drop(connection.kernel_id)

    def _drop(self, kernel_id: str) -> None:
        connection = self._connections.pop(kernel_id, None)
        if connection is not None:
            self._spawn(connection.close())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="agent-kernels")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _may_read(self, km: Any) -> bool:
        metadata = getattr(km.kernel_spec, "metadata", None) or {}
        return self._attach != "never" and metadata.get(OPT_OUT) is not False

    def _manager(self, kernel_id: str) -> Any:
        if kernel_id not in self._app.kernel_manager:
            raise NotFoundError(
                f"There is no kernel {kernel_id}.", hint="GET api/kernels lists the kernels."
            )
        return self._app.kernel_manager.get_kernel(kernel_id)

    def _gateway(self) -> bool:
        config = getattr(self._app, "gateway_config", None)
        return bool(config is not None and config.gateway_enabled)

    def _check_local(self) -> None:
        if self._gateway():
            raise KernelError(
                "Kernels behind a gateway cannot be used yet.",
                hint="Start Jupyter Server without --gateway-url to work with local kernels.",
            )


async def _started(km: Any) -> None:
    """Wait until the process was launched. Raises KernelError if it was not."""
    ready = km.ready
    if not isinstance(ready, asyncio.Future):
        ready = asyncio.wrap_future(ready)
    await asyncio.wait({ready})
    if ready.cancelled() or ready.exception() is not None:
        raise KernelError("The kernel did not start.")


def _without_drive(path: str) -> str:
    """Return a session's path without the drive under which shared documents are opened."""
    return path.removeprefix("RTC:").strip("/")


def _call(callbacks: list[Any], *arguments: Any) -> None:
    for callback in tuple(callbacks):
        callback(*arguments)

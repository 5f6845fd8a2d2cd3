"""What one session works on, found anew at each use: kernels come and go (floor 4)."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Protocol

from . import events as ev
from .agent.log import SessionLog
from .errands import Errands
from .errors import KernelError, NotFoundError
from .events import Draft
from .pages import Pages
from .protocols import Files, Kernel, Kernels, Model, Notebook, SessionStore
from .tools.registry import Toolset

RESTART_SECONDS = 8.0  # the server notices a death within 3 s and starts the kernel anew


class Notebooks(Protocol):
    """The notebooks of this server."""

    async def open(self, path: str, attachment: Errands | None = None) -> Notebook:
        """Return a notebook wherever it is open; `attachment` are the pages that may show it.

        Raises NotFoundError, BadRequestError if the file is no notebook.
        """
        ...

    async def exists(self, path: str) -> bool:
        """Say whether there is such a file, without reading it."""
        ...


class Keys(Protocol):
    """The providers' keys, kept on the server and never read back."""

    def stored(self) -> list[str]:
        """Return the providers that have a stored key."""
        ...

    def set(self, provider: str, key: str) -> None:
        """Keep a key. Raises BadRequestError, StoreError."""
        ...

    def delete(self, provider: str) -> None:
        """Forget a key. Raises NotFoundError, StoreError."""
        ...


@dataclass(slots=True)
class Services:
    """The adapters that `app.py` has chosen."""

    store: SessionStore
    model: Model
    kernels: Kernels
    notebooks: Notebooks
    files: Files
    toolset: Toolset
    keys: Keys
    logger: logging.Logger
    pages: Pages = field(default_factory=Pages)


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a turn runs that a cell asked for; `free` are the effects it may have unasked."""

    kernel: Kernel
    free: frozenset[str] = frozenset()


class SessionWorkspace:
    """The Workspace of one session; with a `seat` its kernel is that of the cell that asks."""

    def __init__(self, log: SessionLog, services: Services, seat: Seat | None = None) -> None:
        self._log = log
        self._services = services
        self._seat = seat

    @property
    def files(self) -> Files:
        """The files under the server's root."""
        return self._services.files

    async def kernel(self, *, start: bool = False) -> Kernel | None:
        """Return the session's kernel, binding the notebook's kernel where the old one is gone."""
        session, kernels = self._log.session, self._services.kernels
        if self._seat is not None and self._seat.kernel.state != "dead":
            return self._seat.kernel
        if session.kernel_id:
            patience = RESTART_SECONDS if start else 0.0
            if kernel := await live_kernel(kernels, session.kernel_id, patience):
                return kernel
        found = await kernels.of_notebook(session.notebook) if session.notebook else []
        if len(found) > 1:
            raise KernelError(
                f"The notebook has {len(found)} kernels and this session's own is gone.",
                hint="Ask again with context.kernel_id.",
                kernels=found,
            )
        if not found and not start:
            return None
        kernel_id = found[0] if found else await self._start()
        await self._log.append(Draft(ev.SESSION_BOUND, {"kernel_id": kernel_id}))
        return await kernels.get(kernel_id)

    async def _start(self) -> str:
        session = self._log.session
        place = session.notebook or session.notebook_id
        if not place:
            raise KernelError(
                "This session has neither a notebook nor a kernel.",
                hint="Ask again with context.notebook_id or context.kernel_id.",
            )
        return await self._services.kernels.start(place)

    async def notebook(self, call_id: str | None = None) -> Notebook | None:
        """Return the session's notebook, None if it has none; see agent.run.Workspace."""
        path, turn = self._log.session.notebook, self._log.session.running()
        if not path:
            return None
        errands = Errands(
            self._log,
            self._services.pages,
            path,
            turn_id=turn.turn_id if turn else None,
            call_id=call_id,
        )
        return await self._services.notebooks.open(path, errands)

    async def page_back(self, client_id: str, timeout: float) -> bool:
        """Wait until a page is there (again); False after `timeout` seconds."""
        return await self._services.pages.back(self._log.key.owner, client_id, timeout)

    def active_cell(self) -> str | None:
        """Return the id of the cell that the person is in, None where no page tells."""
        path, owner = self._log.session.notebook or "", self._log.key.owner
        pages = self._services.pages.showing(owner, path)
        return pages[0].notebooks[path].active_cell if pages else None

    async def blob(self, digest: str) -> bytes | None:
        """Read a blob of this session."""
        return await self._services.store.blob(self._log.key, digest)


async def live_kernel(kernels: Kernels, kernel_id: str, patience: float = 0.0) -> Kernel | None:
    """Return a kernel that runs, None if it is gone or dead.

    The server restarts a kernel that died by itself: wait for that up to `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            kernel = await kernels.get(kernel_id)
        except NotFoundError:
            return None
        if kernel.state != "dead":
            return kernel
        if time.monotonic() >= deadline:
            return None
        await asyncio.sleep(0.1)

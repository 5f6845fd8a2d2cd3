"""What the parts of the loop share while one turn runs (floor 3)."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..errors import StoreError, ToolError
from ..events import Draft
from ..fold import Session, Turn
from ..protocols import Files, Kernel, Model, Notebook
from ..records import Json
from ..tools.registry import Toolset
from .log import SessionLog


class Workspace(Protocol):
    """What the session works on: its kernel, its notebook, the server's files."""

    @property
    def files(self) -> Files: ...

    async def kernel(self, *, start: bool = False) -> Kernel | None:
        """Return the live kernel; None if there is none and `start` is false.

        Raises KernelError if it cannot be started or reached.
        """
        ...

    async def notebook(self, call_id: str | None = None) -> Notebook | None:
        """Return the notebook, None if the session has none. Raises NotFoundError.

        `call_id` is the call that may change it through an open page; without one it is read.
        """
        ...

    async def page_back(self, client_id: str, timeout: float) -> bool:
        """Wait until a page is there (again); False after `timeout` seconds."""
        ...

    def active_cell(self) -> str | None:
        """Return the id of the cell that the person is in, None where no page tells."""
        ...

    async def blob(self, digest: str) -> bytes | None:
        """Read a blob of this session."""
        ...


class TurnOverError(Exception):
    """The turn has ended meanwhile: nothing more may be done in it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a turn stops by itself; None means no limit. `seconds` does not count pauses."""

    steps: int = 50
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = 3600.0
    retries: int = 4
    history: int = 100
    resumes: int = 2


@dataclass(slots=True)
class Run:
    """One turn being run."""

    log: SessionLog
    turn_id: str
    model: Model
    toolset: Toolset
    workspace: Workspace
    limits: Limits
    logger: logging.Logger
    began: float = field(default_factory=time.monotonic)
    trusted: bool = True
    free: frozenset[str] = frozenset()  # effects that need no approval in this turn

    @property
    def session(self) -> Session:
        """The session as it is now."""
        return self.log.session

    @property
    def turn(self) -> Turn:
        """The turn as it is now."""
        return self.log.session.turns[self.turn_id]

    async def append(
        self,
        *drafts: tuple[str, Json],
        blobs: Mapping[str, bytes] | None = None,
        text: str = "",
    ) -> None:
        """Append events of this turn, given as (type, data).

        Raises TurnOverError if somebody else has ended the turn.
        """

        def decide(session: Session) -> list[Draft]:
            if session.turns[self.turn_id].status != "running":
                raise TurnOverError
            return [Draft(kind, data, self.turn_id) for kind, data in drafts]

        await self.log.append_if(decide, blobs=blobs, text=text)

    def publish(self, kind: str, data: Json) -> None:
        """Send an ephemeral event of this turn to the viewers."""
        self.log.publish(kind, data, self.turn_id)

    async def blob(self, digest: str) -> bytes:
        """Read a blob. Raises ToolError if the session has none of that hash."""
        try:
            data = await self.workspace.blob(digest)
        except StoreError as error:
            raise ToolError(f"The stored output cannot be read: {error}") from error
        if data is None:
            raise ToolError(f"There is no stored output {digest!r} in this session.")
        return data

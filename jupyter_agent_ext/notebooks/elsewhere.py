"""Whether somebody else has a notebook open, so that its file must not be written (floor 1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .paths import ask

OpenElsewhere = Callable[[str], Awaitable[bool]]


class SessionConnections:
    """The default rule: a Jupyter session of this path has a kernel with connections.

    `connections` counts the browsers' websockets to the kernel. This extension's own
    connections go to the kernel's ports directly, so they are not in that number.
    """

    def __init__(self, session_manager: Any) -> None:
        self._sessions = session_manager

    async def __call__(self, path: str) -> bool:
        """Say whether a page of somebody else has the notebook `path` open."""
        for session in await ask(self._sessions.list_sessions()):
            kernel = session.get("kernel") or {}
            if _path(session) == path and kernel.get("connections", 0) > 0:
                return True
        return False


async def never(path: str) -> bool:
    """Stand in where there are no Jupyter sessions: nothing is open elsewhere."""
    return False


def _path(session: dict[str, Any]) -> str:
    path: str = session.get("path") or ""
    return path.removeprefix("RTC:").strip("/")  # the drive of JupyterLab's shared documents

"""What a kernel is doing, as its status messages tell (floor 1)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass

from ..records import Json, KernelState

UNTRACKED = frozenset(
    {
        "comm_info_request",
        "create_subshell_request",
        "debug_request",
        "delete_subshell_request",
        "interrupt_request",
        "kernel_info_request",
        "list_subshell_request",
        "shutdown_request",
        "usage_request",
    }
)
"""Requests that do not make the kernel busy, as Jupyter Server and JupyterLab see it."""

_SHELL = frozenset({"execute_request", "inspect_request", "complete_request", "history_request"})
SETTLE = 0.02
MAX_QUIET = 256


@dataclass(slots=True)
class _Open:
    since: float
    subshell: bool


class Activity:
    """Follows which requests the kernel is working on.

    Requests of `untracked` types and those marked `quiet` do not count. `generation` grows
    with every new process.
    """

    def __init__(self, untracked: Collection[str] = ()) -> None:
        self._untracked = UNTRACKED | frozenset(untracked)
        self._open: dict[str, _Open] = {}
        self._quiet: dict[str, None] = {}
        self._idle_since = time.monotonic()
        self._ready = self._dead = self._hint = False
        self._changed = asyncio.Event()
        self.generation = 0

    @property
    def state(self) -> KernelState:
        """One of starting, idle, busy, dead."""
        if self._dead:
            return "dead"
        if self._open or (self._hint and not self._ready):
            return "busy"
        return "idle" if self._ready else "starting"

    @property
    def running(self) -> frozenset[str]:
        """The msg_ids that the kernel is working on: on shell at most one, more with subshells."""
        return frozenset(self._open)

    def begin(self, *, busy: bool = False) -> None:
        """Forget all: the process is new. `busy` says that a cell is known to be running."""
        self._open.clear()
        self._quiet.clear()
        self._ready = self._dead = False
        self._hint = busy
        self.generation += 1
        self._wake()

    def quiet(self, msg_id: str) -> None:
        """Let a request of ours not count as busy."""
        self._quiet[msg_id] = None
        while len(self._quiet) > MAX_QUIET:
            del self._quiet[next(iter(self._quiet))]

    def ready(self) -> None:
        """Note that the kernel answered on shell and is heard on iopub."""
        if not self._ready:
            self._ready, self._idle_since = True, time.monotonic()
            self._wake()

    def die(self) -> None:
        """Note that the process is gone."""
        self._open.clear()
        self._dead = True
        self._wake()

    def status(self, msg: Json) -> None:
        """Take in one iopub status message."""
        parent = msg.get("parent_header") or {}
        msg_id, msg_type = parent.get("msg_id"), parent.get("msg_type")
        state = msg["content"].get("execution_state")
        if msg_id is None or msg_type in self._untracked:
            return
        if msg_id in self._quiet:
            if state == "idle":
                del self._quiet[msg_id]
            return
        if state == "busy":
            subshell = parent.get("subshell_id") is not None
            if msg_type in _SHELL and not subshell:  # one at a time: an `idle` was lost
                self._end_shell(time.monotonic())
            self._open[msg_id] = _Open(time.monotonic(), subshell)
        elif state == "idle":
            self._end(msg_id)
        self._wake()

    def answered(self, sent: float) -> None:
        """Note a shell reply to a request sent at `sent`: what ran on shell then has ended."""
        self._end_shell(sent)
        self._wake()

    async def until_idle(self, timeout: float | None = None) -> bool:
        """Wait until the kernel has been idle for 20 ms, or is dead; False after `timeout`.

        The pause keeps a request from slipping between two cells of "run all".
        """
        try:
            async with asyncio.timeout(timeout):
                while (left := self._remaining()) > 0:
                    if left < SETTLE * 2:
                        await asyncio.sleep(left)
                    else:
                        self._changed.clear()
                        await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _remaining(self) -> float:
        if self._dead:
            return 0
        if self._open or not self._ready:
            return float("inf")
        return self._idle_since + SETTLE - time.monotonic()

    def _end_shell(self, before: float) -> None:
        for msg_id, entry in list(self._open.items()):
            if entry.since < before and not entry.subshell:
                self._end(msg_id)

    def _end(self, msg_id: str) -> None:
        if self._open.pop(msg_id, None) is not None and not self._open:
            self._idle_since = time.monotonic()

    def _wake(self) -> None:
        self._changed.set()

"""What bounds one reading: the thread's mode, a deadline, bytes (guest)."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

Steps = Generator[None, None, Any]
"""Work in steps: it yields where another thread or a cell may take over."""


class Scope:
    """The limits of one reading.

    `full` is true on the main thread, where nothing else touches the objects meanwhile. It
    can turn false at any `yield`: ask again after each. `detail` means one variable is
    inspected. `hide` means that values of the present variable stay in the kernel.
    """

    __slots__ = ("detail", "early", "end", "full", "hide", "left")

    def __init__(self, milliseconds: float, size: int, *, detail: bool = False) -> None:
        now = time.perf_counter()
        self.early, self.end = now + 0.6 * milliseconds / 1000, now + milliseconds / 1000
        self.left = size
        self.full = False
        self.detail = detail
        self.hide = False

    def fresh(self) -> bool:
        """Say whether there is still time for more than the summaries."""
        return time.perf_counter() < self.early

    def open(self) -> bool:
        """Say whether time and bytes are left."""
        return self.left > 0 and time.perf_counter() < self.end

"""What some kernels and notebooks can do beyond their protocols (floor 0).

Who wants one of these asks with `isinstance`, and does without it otherwise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from .protocols import Kernel
from .records import Cell, ExecutionResult, Json


class Following(Protocol):
    """What comes of code that somebody else sends to the kernel."""

    @property
    def msg_id(self) -> str | None:
        """The request that is followed; None while none is known."""
        ...

    def choose(self, msg_id: str) -> None:
        """Follow just this request."""
        ...

    async def begun(self, timeout: float) -> bool:
        """Wait until the code was seen to run; False after `timeout` seconds."""
        ...

    async def end(
        self, timeout: float | None, *, gone: Callable[[], bool] | None = None
    ) -> ExecutionResult:
        """Wait for the end; `timeout` as in `Kernel.execute`. Cancelling interrupts it.

        `gone` says whether who sends the code is gone. Raises LapsedError where it is, and the
        code was not seen and the kernel idle for some seconds.
        """
        ...

    def close(self) -> None:
        """Follow no more."""
        ...


@runtime_checkable
class Follows(Protocol):
    """A kernel whose other clients' executions can be followed."""

    @property
    def kernel_id(self) -> str: ...

    def follow(self, code: str, *, on_output: Callable[[Json], None]) -> Following:
        """Watch from now on for an execution of just this code."""
        ...


@runtime_checkable
class RemembersErrors(Protocol):
    """A kernel whose last error is known, whoever ran the code."""

    @property
    def last_error(self) -> Json | None:
        """Code, execution_count, ename, evalue, traceback and time; None where it is mended."""
        ...


@runtime_checkable
class RunsCells(Protocol):
    """A notebook whose open page can run its cells."""

    async def run(
        self,
        cell: Cell,
        kernel: Kernel,
        *,
        timeout: float,
        on_output: Callable[[Json], None],
        on_start: Callable[[], Awaitable[None]],
    ) -> ExecutionResult | None:
        """Let the page run the cell; None where none can: then nothing happened.

        Arguments as in `Kernel.execute`. Raises StaleCellError, NotFoundError; LapsedError
        where nobody knows whether it ran: it must not be run again.
        """
        ...

"""The loop: settle the calls at the end of the history, else ask the model again (floor 3).

It keeps nothing that the log does not hold, so a normal turn, a resume after an approval and
a resume after a crash are this one code path.
"""

from __future__ import annotations

import asyncio
import time

from .. import events as ev
from ..errors import AgentError, ContextWindowError, LeaseError, SequenceError, StoreError
from ..records import ModelRequest
from .calls import is_stuck, settle_calls
from .compaction import compact, context_tokens, is_full
from .context import Surroundings, build
from .endings import ending, ending_data
from .looking import look_at_notebook
from .permissions import IDENTICAL_CALLS
from .prompt import SYSTEM
from .run import Run, TurnOverError
from .step import run_step
from .variables import read_variables

_MAX_COMPACTIONS = 4


class TurnLoop:
    """Runs one turn until it ends or waits for a person."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._now = Surroundings()
        self._compactions = 0
        self._finish_reason = ""
        self.stop_reason = "interrupted by the user"

    async def run(self) -> None:
        """Run until the turn has ended or is paused; every way out leaves a valid history.

        Cancelling interrupts the turn: open calls are settled, then the turn ends with
        `stop_reason`. Raises StoreError, LeaseError, SequenceError, after which the log can
        only be read again from the store.
        """
        try:
            await self._loop()
        except asyncio.CancelledError:
            await self.settle("interrupted", self.stop_reason)
        except TurnOverError:
            return
        except (StoreError, LeaseError, SequenceError):
            raise
        except AgentError as error:
            await self.settle("failed", error.told())
        except Exception as error:
            self._run.logger.exception("Turn %s failed", self._run.turn_id)
            await self.settle("failed", f"Unexpected {type(error).__name__}: {error}")

    async def _loop(self) -> None:
        await self._look_around()
        while True:
            if self._run.turn.unanswered():
                if not await settle_calls(self._run):
                    return
                continue
            if self._run.turn.messages[-1].role == "assistant":
                cut = "The answer was cut at the model's output limit."
                await self._end("completed", cut if self._finish_reason == "length" else "")
                return
            if reason := self._limit_reached():
                await self._end("limit", reason)
                return
            await self._step()

    async def _look_around(self) -> None:
        """Read the variables and the notebook as they are now."""
        snapshot, changed, note = await read_variables(self._run, self._run.turn.messages[0].text())
        notebook = ""
        self._run.trusted = self._run.session.notebook is None  # until the notebook says so
        try:
            notebook = await look_at_notebook(self._run)
        except AgentError as error:
            note = f"{note} The notebook cannot be read: {error}".strip()
        self._now = Surroundings(snapshot, notebook, changed, note)

    async def _step(self) -> None:
        run = self._run
        window = run.model.info(run.turn.model).context_window
        while is_full(context_tokens(run, self._now), window) and await self._make_room():
            pass
        try:
            self._finish_reason = await run_step(run, self._request())
        except ContextWindowError:
            if not await self._make_room():
                raise
            self._finish_reason = await run_step(run, self._request())

    async def _make_room(self) -> bool:
        self._compactions += 1
        return self._compactions <= _MAX_COMPACTIONS and await compact(self._run)

    def _request(self) -> ModelRequest:
        run = self._run
        return ModelRequest(
            model=run.turn.model,
            system=SYSTEM,
            messages=build(run.session, run.turn, self._now, run.limits.history),
            tools=run.toolset.specs(
                has_kernel=bool(run.session.kernel_id or run.session.notebook_id),
                has_notebook=bool(run.session.notebook),
            ),
            blob=run.blob,
        )

    def _limit_reached(self) -> str:
        turn, limits = self._run.turn, self._run.limits
        tokens = turn.usage.input_tokens + turn.usage.output_tokens
        if is_stuck(turn):
            return f"The model asked for the same refused call {IDENTICAL_CALLS} times in a row."
        if turn.steps >= limits.steps:
            return f"The turn reached its limit of {limits.steps} steps."
        if limits.tokens is not None and tokens >= limits.tokens:
            return f"The turn reached its limit of {limits.tokens} tokens."
        if limits.cost is not None and (turn.usage.cost or 0.0) >= limits.cost:
            return f"The turn reached its limit of {limits.cost} US dollars."
        if limits.seconds is not None and time.monotonic() - self._run.began >= limits.seconds:
            return f"The turn reached its limit of {limits.seconds:g} seconds."
        return ""

    async def _end(self, status: str, reason: str) -> None:
        await self._run.append((ev.TURN_ENDED, ending_data(self._run.turn, status, reason)))

    async def settle(self, status: str, reason: str) -> None:
        """End the turn from anywhere, once: every open call gets its result first."""
        await self._run.log.append_if(ending(self._run.turn_id, status, reason))

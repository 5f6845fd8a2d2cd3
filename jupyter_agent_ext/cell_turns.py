"""Turns that cells ask for with `%agent`: nobody has authenticated them (floor 4)."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from .agent.log import SessionLog
from .agent.permissions import lower_mode
from .answers import Answer
from .cell_messages import FOR_A_PERSON, AskingCell, CellFeed, asking
from .errors import (
    AgentError,
    BadRequestError,
    ForbiddenError,
    LimitError,
    NotFoundError,
    TurnRunningError,
)
from .events import SessionKey
from .fold import Request, Turn
from .messages import text_part
from .protocols import Kernels
from .records import Json
from .sessions import AgentSessionManager
from .turns import MAGIC, Query
from .workspace import Seat

MAX_QUERY = 262_144
BY = "cell"
_LAST_CELL_SECONDS = 2.0
_CLOSE_SECONDS = 3.0
_MODE_HINT = (
    "A cell can lower the mode only. Set the session's in the panel, or by PATCH sessions/{id}."
)


class Asked(msgspec.Struct, frozen=True):
    """What a cell may ask for; what else it tells is ignored."""

    query: str
    session: str | None = None
    new: bool = False
    model: str | None = None
    mode: Literal["read-only", "ask", "auto"] | None = None
    variables: list[str] = []
    stdin: bool = False


@dataclass(frozen=True, slots=True)
class CellRules:
    """What turns from cells may do, by the configuration.

    `effects` need no approval in mode ask; `turns_per_minute` and `cost_per_hour` (US dollars)
    bound each kernel, 0: no bound. `owner` returns whose session a first turn begins.
    """

    effects: Collection[str]
    turns_per_minute: int
    cost_per_hour: float
    owner: Callable[[], str]


@dataclass(slots=True)
class _Spent:
    """What one kernel's cells have used lately."""

    turns: deque[float] = field(default_factory=deque)
    costs: deque[tuple[float, float]] = field(default_factory=deque)


class CellTurns:
    """Serves the cells that ask, one at a time in each kernel; ended with `close`.

    Any code in a kernel can ask. So a turn reaches only sessions of its own kernel, its cell
    may lower the mode and never raise it, and may approve what runs in that cell, nothing
    else; other effects need an authenticated client or the configuration.
    """

    def __init__(
        self,
        manager: AgentSessionManager,
        kernels: Kernels,
        rules: CellRules,
        log: logging.Logger,
    ) -> None:
        self._manager, self._kernels, self._rules, self._log = manager, kernels, rules, log
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._spent: dict[str, _Spent] = {}

    def begin(self, cell: AskingCell) -> None:
        """Serve a cell in a task of its own."""
        kernel_id = cell.kernel.kernel_id
        work = self._serve(cell, self._serving.get(kernel_id))
        task = asyncio.create_task(work, name="agent-cell")
        self._serving[kernel_id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let the cells hear that their turns have ended, then stop."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_SECONDS)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ------------------------------------------------------------ one turn

    async def _serve(self, cell: AskingCell, before: asyncio.Task[None] | None) -> None:
        if not await cell.tell([{"kind": "accepted"}]):
            return  # another server's kernel, or nobody waits any more
        if before is not None:  # its cell has ended; its turn may take a moment longer
            await asyncio.wait({before}, timeout=_LAST_CELL_SECONDS)
        try:
            await self._turn(cell)
        except AgentError as error:
            refusal = {"message": str(error), "hint": error.hint, "code": error.code}
            await cell.tell([{"kind": "refused", **refusal}])
        except Exception as error:  # the cell must not wait for nothing
            self._log.exception("The turn of a cell failed")
            told = {"message": f"Unexpected {type(error).__name__}: {error}", "code": "internal"}
            await cell.tell([{"kind": "refused", **told}])

    async def _turn(self, cell: AskingCell) -> None:
        asked = self._read(cell.asked)
        kernel_id = cell.kernel.kernel_id
        self._check_limits(kernel_id)
        log = await self._session(kernel_id, asked)
        query = self._query(log, asked, Seat(cell.kernel, frozenset(self._rules.effects)))
        turn_id, seq = await self._manager.turns.start(log, query)
        feed = CellFeed(log, turn_id, seq, cell, self._ask)
        works = [
            asyncio.create_task(feed.run(), name="agent-cell-feed"),
            asyncio.create_task(self._listen(log, turn_id, cell), name="agent-cell-listen"),
        ]
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            if (turn := log.session.running()) is not None and turn.turn_id == turn_id:
                await asyncio.wait({cell.ended}, timeout=_LAST_CELL_SECONDS)  # it says why
            reason = cell.ended.result() if cell.ended.done() else "the cell waits no more"
            await self._interrupt(log, turn_id, reason)
            for work in done:
                work.result()
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            self._manager.turns.seats.pop(turn_id, None)
            if (turn := log.session.turns.get(turn_id)) is not None and turn.usage.cost:
                self._spent[kernel_id].costs.append((time.monotonic(), turn.usage.cost))

    def _read(self, asked: Json) -> Asked:
        try:
            known = msgspec.convert(asked, Asked)
        except msgspec.ValidationError as error:
            raise BadRequestError(f"The cell's request is not as expected: {error}") from error
        if len(known.query) > MAX_QUERY:
            raise BadRequestError(f"The question has more than {MAX_QUERY} characters.")
        return known

    def _check_limits(self, kernel_id: str) -> None:
        """Count a turn. Raises LimitError."""
        spent, now = self._spent.setdefault(kernel_id, _Spent()), time.monotonic()
        while spent.turns and now - spent.turns[0] > 60:
            spent.turns.popleft()
        while spent.costs and now - spent.costs[0][0] > 3600:
            spent.costs.popleft()
        most, dollars = self._rules.turns_per_minute, self._rules.cost_per_hour
        if most and len(spent.turns) >= most:
            raise LimitError(
                f"The cells of this kernel have asked {most} times within a minute.",
                hint="Wait a minute, or set c.AgentExtension.magic_turns_per_minute.",
            )
        if dollars and sum(cost for _, cost in spent.costs) >= dollars:
            raise LimitError(
                f"The cells of this kernel have spent {dollars:g} US dollars within an hour.",
                hint="Ask in the panel, or set c.AgentExtension.magic_cost_per_hour.",
            )
        spent.turns.append(now)

    # ------------------------------------------------------------ its session

    async def _session(self, kernel_id: str, asked: Asked) -> SessionLog:
        """Open the session of the kernel, or the one named if it is bound to the kernel."""
        await self._manager.start()
        notebook = await self._kernels.notebook_of(kernel_id)
        owner = await self._owner(kernel_id)
        session_id = uuid.uuid4().hex[:16] if asked.new else asked.session
        if asked.session is not None:
            await self._check_bound(owner, asked.session, kernel_id, notebook)
        try:
            return await self._manager.enter(owner, session_id, notebook or "", kernel_id)
        except NotFoundError:
            if not notebook:
                raise  # else: the kernel was started for a notebook that was never saved
            return await self._manager.enter(owner, session_id, "", kernel_id)

    async def _owner(self, kernel_id: str) -> str:
        """Return whose session the kernel's newest is; nobody is logged in here."""
        cards = await self._manager.services.store.cards(
            None, self._manager.root, kernel_id=kernel_id, limit=1
        )
        return cards[0].key.owner if cards else self._rules.owner()

    async def _check_bound(
        self, owner: str, session_id: str, kernel_id: str, notebook: str | None
    ) -> None:
        key = SessionKey(owner, self._manager.root, session_id)
        card = await self._manager.services.store.card(key)
        if card is None or card.kernel_id == kernel_id:
            return
        if notebook is None or card.notebook != notebook:
            raise ForbiddenError(
                f"This kernel has no session {session_id[:80]!r}.",
                hint="A cell reaches the sessions of its own kernel only; leave --session out.",
            )

    def _query(self, log: SessionLog, asked: Asked, seat: Seat) -> Query:
        session = log.session
        if session.running() is not None or session.queue:
            raise TurnRunningError(
                "A turn of this session is running or waits for an approval.",
                hint="It would wait for the kernel that this cell holds. Ask again when it has "
                "ended, or begin another session: %agent --new.",
            )
        if asked.mode is not None and lower_mode(asked.mode, session.mode) != asked.mode:
            raise ForbiddenError(f"The session's mode is {session.mode}.", hint=_MODE_HINT)
        if asked.model is not None:
            self._check_model(session.model, asked.model)
        query = Query(asked.query, mode=asked.mode, model=asked.model, surface=MAGIC, seat=seat)
        query.when = "reject"
        if asked.variables:
            names = ", ".join(f"`{name[:80]}`" for name in asked.variables[:50])
            query.parts.append(text_part(f"The variables that matter: {names}"))
        return query

    def _check_model(self, chosen: str, asked: str) -> None:
        """Let a cell choose what somebody chose before, or what takes no data elsewhere.

        Nobody is logged in here: any code in the kernel could ask.
        """
        manager = self._manager
        manager.check_model(asked)
        if asked in (chosen, manager.default_model) or manager.services.model.info(asked).local:
            return
        raise ForbiddenError(
            f"A cell may not choose {asked!r}: it takes data off this machine.",
            hint="Choose it in the panel or with PATCH sessions/{id}; then leave --model out.",
        )

    # ------------------------------------------------------------ what the cell tells

    async def _listen(self, log: SessionLog, turn_id: str, cell: AskingCell) -> None:
        async for told in cell.messages():
            if told.get("kind") == "answer":
                await self._answer(log, turn_id, told)
        await self._interrupt(log, turn_id, cell.ended.result())

    async def _interrupt(self, log: SessionLog, turn_id: str, reason: str) -> None:
        turn = log.session.running()
        if turn is not None and turn.turn_id == turn_id:
            await self._manager.turns.interrupt(log, reason)

    async def _answer(self, log: SessionLog, turn_id: str, told: Json) -> None:
        """Take the answer to a request of the cell's own turn that is the cell's to answer."""
        turn = log.session.turns[turn_id]
        request = turn.requests.get(str(told.get("request_id")))
        if request is None or not self._is_own(turn, request):
            self._log.warning("A cell answered a request that is not its own: %.80r", told)
            return
        decision: Any = told.get("decision")
        if decision not in ("approve", "deny", "answer"):
            return
        answer = Answer(
            decision,
            BY,
            answer=str(told.get("answer") or "")[:MAX_QUERY] or None,
            args_hash=request.args_hash,
        )
        try:
            await self._manager.turns.answer(log, request.request_id, answer)
        except AgentError as error:
            self._log.info("A cell's answer was not taken: %s", error)

    def _is_own(self, turn: Turn, request: Request) -> bool:
        """Say whether a cell may answer: for code that runs in it, and for plain questions."""
        if request.kind not in FOR_A_PERSON:
            return False
        tool = self._manager.services.toolset.get(turn.calls[request.call_id].name)
        if tool.effect == "execute":
            return "kernel" in tool.needs
        return request.kind == "question" and tool.effect == "read"

    def _ask(self, log: SessionLog, turn: Turn, request: Request) -> Json:
        effect = turn.calls[request.call_id].effect
        own, untrusted = self._is_own(turn, request), turn.mode == "auto"
        return asking(log.session.session_id, request, effect, own=own, untrusted=untrusted)

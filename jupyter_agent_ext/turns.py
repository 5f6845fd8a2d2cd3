"""Runs the turns of all sessions: a task each, owned here, never by a request (floor 4)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from . import events as ev
from .agent.calls import is_blocked
from .agent.compaction import compact
from .agent.endings import ending
from .agent.log import SessionLog
from .agent.loop import TurnLoop
from .agent.permissions import MODES
from .agent.run import Limits, Run
from .answers import Answer, answering, find_request, kept
from .errors import (
    BadRequestError,
    ConflictError,
    LeaseError,
    NotFoundError,
    SequenceError,
    StoreError,
    TurnRunningError,
)
from .events import Draft, SessionKey
from .fold import Request, Session, Turn
from .messages import Content
from .workspace import Seat, Services, SessionWorkspace

SUPERSEDED = "superseded by a new query"
MAGIC = "magic"  # the surface of a turn that a cell waits for
_INTERRUPT_SECONDS = 15.0


@dataclass(slots=True)
class Query:
    """One query as it comes in; what is None is taken from the session."""

    query: str
    turn_id: str | None = None
    parent: str | None = None
    mode: str | None = None
    model: str | None = None
    surface: str = "rest"
    seat: Seat | None = None
    when: Literal["queue", "reject"] = "queue"
    parts: list[Content] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def body_hash(self) -> str:
        """Return what tells a repeated request from another one with the same id."""
        body = [self.query, self.parent, self.mode, self.model, self.parts]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@dataclass(slots=True)
class TurnSettings:
    """What the configuration says about turns."""

    limits: Limits
    default_model: Callable[[], str]
    check_model: Callable[[str], None]


class TurnRunner:
    """Starts, queues, interrupts and resumes turns; one runs per session."""

    def __init__(self, services: Services, settings: TurnSettings) -> None:
        self._services = services
        self._settings = settings
        self._tasks: dict[SessionKey, asyncio.Task[None]] = {}
        self._loops: dict[SessionKey, tuple[asyncio.Task[None], TurnLoop]] = {}
        self.seats: dict[str, Seat] = {}  # of the turns that cells wait for
        self._closing = False
        self._compacting: set[SessionKey] = set()
        self.forget: Callable[[SessionLog], None] = lambda log: None

    def active(self, key: SessionKey) -> bool:
        """Say whether a task works on this session."""
        return key in self._tasks

    async def start(self, log: SessionLog, query: Query) -> tuple[str, int]:
        """Start or queue a turn; return its id and a seq after which its events are.

        The same id with the same body gives the stored turn, and 0. Raises ConflictError for
        another body, TurnRunningError for `when="reject"`, BadRequestError, ForbiddenError.
        """
        if not query.query.strip():
            raise BadRequestError("The query is empty.", hint="Send a question in `query`.")
        async with log.gate:
            session, digest = log.session, query.body_hash()
            known = _known(session, query.turn_id) if query.turn_id is not None else None
            if query.turn_id is not None and known is not None:
                if known != digest:
                    raise ConflictError(
                        f"Turn {query.turn_id!r} exists with another body.",
                        hint="Send a new id for a new query.",
                    )
                return query.turn_id, 0
            if log.retired:
                raise NotFoundError(f"The session {session.session_id!r} is being deleted.")
            data = self._turn_data(session, query) | {"body_hash": digest}
            paused = session.paused()
            busy = bool(session.queue) or (session.running() is not None and paused is None)
            if busy and query.when == "reject":
                raise TurnRunningError("A turn of this session is running.")
            if paused is not None:
                await self._supersede(log, paused)
            turn_id, seq = query.turn_id or uuid.uuid4().hex[:16], log.session.seq
            kind = ev.TURN_QUEUED if busy else ev.TURN_STARTED
            if not busy:
                data["parent"] = query.parent or log.session.head
            draft = Draft(kind, data, turn_id)
            await log.append(draft, blobs=query.blobs, text=query.query)
            if query.seat is not None:
                self.seats[turn_id] = query.seat
            self.ensure_running(log)
            return turn_id, seq

    def _turn_data(self, session: Session, query: Query) -> dict[str, Any]:
        model = query.model or session.model or self._settings.default_model()
        self._settings.check_model(model)
        mode = query.mode or session.mode
        if mode not in MODES:
            raise BadRequestError(f"Unknown mode {mode!r}.", hint=f"Modes: {', '.join(MODES)}.")
        if query.parent is not None and query.parent not in session.turns:
            raise NotFoundError(f"There is no turn {query.parent!r} in this session.")
        data: dict[str, Any] = {
            "query": query.query,
            "surface": query.surface,
            "model": model,
            "mode": mode,
        }
        if query.parent is not None:
            data["parent"] = query.parent
        if query.parts:
            data["parts"] = query.parts
        return data

    async def _supersede(self, log: SessionLog, turn: Turn) -> None:
        """Deny what a paused turn waits for and end it."""
        await self._stop_task(log, SUPERSEDED)
        end = ending(turn.turn_id, "interrupted", SUPERSEDED)

        def decide(session: Session) -> list[Draft]:
            ended = end(session)
            return [*_denials(session.turns[turn.turn_id], SUPERSEDED), *ended] if ended else []

        await log.append_if(decide)

    def ensure_running(self, log: SessionLog) -> None:
        """See to it that a task works on what the log leaves open."""
        if log.key not in self._tasks and log.lease is not None:
            name = f"agent turn of {log.session.session_id[:40]}"
            self._tasks[log.key] = asyncio.create_task(self._drive(log), name=name)

    async def _drive(self, log: SessionLog) -> None:
        """Run the open turn, then the queued ones, until there is nothing to do."""
        try:
            while not (self._closing or log.retired):
                turn = log.session.running()
                if turn is None:
                    if not log.session.queue:
                        return
                    await self._start_queued(log)
                elif is_blocked(turn):
                    return
                else:
                    await self._run(log, turn)
        except (StoreError, LeaseError, SequenceError) as error:
            self._services.logger.error(
                "The log of session %s cannot be written: %s", log.session.session_id, error
            )
            self.forget(log)
        finally:
            self._tasks.pop(log.key, None)

    async def _run(self, log: SessionLog, turn: Turn) -> None:
        loop = TurnLoop(self._run_of(log, turn))
        task = asyncio.create_task(loop.run())
        self._loops[log.key] = (task, loop)
        try:
            await asyncio.wait({task})
        finally:
            self._loops.pop(log.key, None)
        if task.cancelled():  # it was interrupted before its first line ran
            await loop.settle("interrupted", loop.stop_reason)
        else:
            task.result()

    def _run_of(self, log: SessionLog, turn: Turn) -> Run:
        services, seat = self._services, self.seats.get(turn.turn_id)
        return Run(
            log,
            turn.turn_id,
            services.model,
            services.toolset,
            SessionWorkspace(log, services, seat),
            self._settings.limits,
            services.logger,
            free=seat.free if seat else frozenset(),
        )

    async def compact(self, log: SessionLog) -> bool:
        """Summarise the older turns; say whether there were any. Raises TurnRunningError."""
        session = log.session
        if session.head is None:
            return False
        if session.running() is not None or log.key in self._compacting:
            raise TurnRunningError("A turn or a summary of this session is running.")
        self._compacting.add(log.key)
        try:
            return await compact(self._run_of(log, session.turns[session.head]), force=True)
        finally:
            self._compacting.discard(log.key)

    async def _start_queued(self, log: SessionLog) -> None:
        async with log.gate:
            queued = log.session.queue[0]
            data = {**queued.data, "parent": queued.data.get("parent") or log.session.head}
            await log.append(Draft(ev.TURN_STARTED, data, queued.turn_id))

    async def resume(self, log: SessionLog) -> None:
        """Go on with what a server left open when it died. A paused turn stays paused."""
        async with log.gate:
            turn = log.session.running()
            if log.key in self._tasks:
                return
            if turn is not None and turn.surface == MAGIC and turn.turn_id not in self.seats:
                reason = "the server stopped while the cell waited"
                await log.append_if(ending(turn.turn_id, "interrupted", reason))
            elif turn is not None and is_blocked(turn):
                return
            elif turn is not None and turn.resumed >= self._settings.limits.resumes:
                reason = f"The server stopped {turn.resumed + 1} times during this turn."
                await log.append_if(ending(turn.turn_id, "failed", reason))
            elif turn is not None:
                data = {"reason": "the server was restarted"}
                await log.append(Draft(ev.TURN_RESUMED, data, turn.turn_id))
            self.ensure_running(log)

    async def interrupt(self, log: SessionLog, reason: str = "interrupted by the user") -> bool:
        """End the running or paused turn; say whether there was one."""
        turn = log.session.running()
        if turn is None:
            return False
        await self._stop_task(log, reason)
        # a loop that begins meanwhile finds its turn ended at its first append
        await log.append_if(ending(turn.turn_id, "interrupted", reason))
        return True

    async def finish(self, log: SessionLog) -> None:
        """Wait until no task works on a session that is retired."""
        task = self._tasks.get(log.key)
        if task is not None:
            await asyncio.wait({task})

    async def _stop_task(self, log: SessionLog, reason: str) -> None:
        running = self._loops.get(log.key)
        if running is None:
            return
        task, loop = running
        loop.stop_reason = reason
        if not task.cancelling():
            task.cancel()
        _, still = await asyncio.wait({task}, timeout=_INTERRUPT_SECONDS)
        if still:
            raise ConflictError(
                f"The turn has not stopped within {_INTERRUPT_SECONDS:g} seconds.",
                hint="Restart the kernel if its code ignores interrupts.",
            )

    async def answer(self, log: SessionLog, request_id: str, answer: Answer) -> Request:
        """Answer a request, once: the first answer wins. The turn then goes on.

        The same answer again gives the stored one. Raises NotFoundError, ConflictError,
        BadRequestError.
        """
        async with log.gate:
            turn, request = find_request(log.session, request_id)
            answer, blobs = kept(request, answer)
            draft = answering(self._services.toolset, turn, request, answer)
            if draft is None:
                return request
            await log.append(draft, blobs=blobs)
            self.ensure_running(log)
            return log.session.turns[turn.turn_id].requests[request_id]

    async def close(self) -> None:
        """Interrupt what runs; every turn ends with a valid history, queued ones wait."""
        self._closing = True
        for task, loop in list(self._loops.values()):
            loop.stop_reason = "the server was stopped"
            if not task.cancelling():
                task.cancel()
        tasks = list(self._tasks.values())
        if tasks:
            _, stuck = await asyncio.wait(tasks, timeout=_INTERRUPT_SECONDS)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)


def is_settled(turn_id: str) -> Callable[[Session], bool]:
    """Return a test for a turn that has ended or waits for a person."""

    def settled(session: Session) -> bool:
        turn = session.turns.get(turn_id)
        if turn is None:
            return not any(q.turn_id == turn_id for q in session.queue)
        return turn.status != "running" or is_blocked(turn)

    return settled


def check_turn(session: Session, turn_id: str) -> None:
    """Raise NotFoundError for a turn that the session does not have."""
    if _known(session, turn_id) is None:
        raise NotFoundError(f"There is no turn {turn_id[:80]!r} in this session.")


def _known(session: Session, turn_id: str) -> str | None:
    """Return the body hash of a turn that exists already, running, ended or queued."""
    if turn_id in session.turns:
        return session.turns[turn_id].body_hash
    return next((q.data["body_hash"] for q in session.queue if q.turn_id == turn_id), None)


def _denials(turn: Turn, reason: str) -> list[Draft]:
    answer = {"decision": "deny", "reason": reason, "by": ""}
    return [
        Draft(ev.REQUEST_ANSWERED, {"request_id": r.request_id, **answer}, turn.turn_id)
        for r in turn.open_requests()
    ]

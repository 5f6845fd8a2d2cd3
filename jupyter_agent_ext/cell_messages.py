"""What a cell is told of the turn that it asked for (floor 4)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any, Final, Protocol, cast

from . import events as ev
from .agent.log import SessionLog
from .events import Event
from .fold import Request, Turn
from .protocols import Kernel
from .records import Json

PING_SECONDS: Final = 2.0
"""A cell gives up when it has heard nothing for five times as long."""
RESULT_CHARS: Final = 1_500
ARGUMENT_CHARS: Final = 4_000
FOR_A_PERSON: Final = ("approval", "question")
"""The kinds of requests that a cell is told of; others go to pages."""


class AskingCell(Protocol):
    """A running cell that asks for a turn (`%agent`) and waits for it.

    Whatever it tells may come from any code in its kernel: nobody has authenticated it.
    """

    @property
    def asked(self) -> Json:
        """What it asks for, unchecked."""
        ...

    @property
    def kernel(self) -> Kernel:
        """Its kernel; executions run in the cell, which holds the kernel."""
        ...

    @property
    def ended(self) -> asyncio.Future[str]:
        """Done, with the reason, when it does not wait any more."""
        ...

    async def tell(self, messages: Sequence[Json]) -> bool:
        """Tell it something; False if it does not wait any more or heeds another server."""
        ...

    def messages(self) -> AsyncIterator[Json]:
        """Yield what it tells, unchecked, until it has ended."""
        ...


Ask = Callable[[SessionLog, Turn, Request], Json]


class CellFeed:
    """Tells a cell what happens in its turn, as much at a time as has happened meanwhile."""

    def __init__(
        self, log: SessionLog, turn_id: str, after: int, cell: AskingCell, ask: Ask
    ) -> None:
        self._log, self._turn_id, self._after = log, turn_id, after
        self._cell, self._ask = cell, ask
        self._waiting: list[Json] = []
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Tell until the turn has ended or the cell does not wait any more.

        Raises what reading the log raises, once the cell knows that its turn is over.
        """
        reader = asyncio.create_task(self._read(), name="agent-cell-read")
        reader.add_done_callback(lambda _: self._news.set())
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), PING_SECONDS)
                self._news.clear()
                failure = reader.exception() if reader.done() else None
                if failure is not None:
                    self._end(f"the session cannot be read: {failure}")
                messages, self._waiting = self._waiting, []
                waits = await self._cell.tell(messages)
                if failure is not None:
                    raise failure
                if not waits:
                    return
                if any(message["kind"] == "end" for message in messages):
                    return
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read(self) -> None:
        events = cast("AsyncGenerator[Event, None]", self._log.follow(self._after))
        try:
            async for event in events:
                if event.turn_id == self._turn_id and (message := self._translate(event)):
                    self._add(message)
                if event.type == ev.TURN_ENDED and event.turn_id == self._turn_id:
                    return
            self._end("the session's log was closed")
        finally:
            await events.aclose()

    def _end(self, reason: str) -> None:
        self._add({"kind": "end", "status": "failed", "reason": reason, "text": ""})

    def _add(self, message: Json) -> None:
        last = self._waiting[-1] if self._waiting else None
        if last and last["kind"] == message["kind"] == "delta":
            at = message["offset"] - last["offset"]
            if last["message_id"] == message["message_id"] and at == len(last["text"]):
                last["text"] += message["text"]
                return
        self._waiting.append(message)
        self._news.set()

    def _translate(self, event: Event) -> Json | None:
        translate = _TRANSLATIONS.get(event.type)
        if translate is not None:
            return translate(event.data)
        turn = self._log.session.turns.get(self._turn_id)
        if turn is None:
            return None
        if event.type == ev.REQUEST_OPENED and event.data["kind"] in FOR_A_PERSON:
            return self._ask(self._log, turn, turn.requests[event.data["request_id"]])
        if event.type == ev.TURN_STARTED:
            place = {"session_id": self._log.session.session_id, "turn_id": turn.turn_id}
            return {"kind": "started", **place, "model": turn.model, "mode": turn.mode}
        if event.type == ev.TURN_ENDED:
            ending = {"status": event.data["status"], "reason": event.data.get("reason", "")}
            return {"kind": "end", **ending, "text": turn.response()}
        return None


def asking(session_id: str, request: Request, effect: str, *, own: bool, untrusted: bool) -> Json:
    """Return how a cell is told of a request.

    `own` says that it may answer it, `untrusted` that it is asked because of the notebook.
    """
    payload = request.payload
    tool, arguments = payload.get("tool", "ask_user"), payload.get("arguments") or {}
    question = request.kind == "question"
    text = payload.get("question") if question else f"The agent wants to use {tool}."
    allow = f"set the session's mode to auto (PATCH agent/sessions/{session_id}), or set "
    allow += f'c.AgentExtension.magic_effects = ["{effect}"] in the configuration.'
    if untrusted:
        allow = "trust the notebook, whose outputs are from elsewhere: jupyter trust NOTEBOOK."
    how = f"This front end takes no input. To allow it, {allow}"
    if question:
        how = "This front end takes no input, so nobody can answer here."
    elif not own:
        how = (
            f"A cell cannot allow it. Answer in the panel or by POST agent/sessions/{session_id}/"
            f"requests/{request.request_id}, or {allow}"
        )
    return {
        "kind": "ask",
        "request_id": request.request_id,
        "question": question,
        "mine": own,
        "text": str(text),
        "options": payload.get("options") or [],
        "how": how,
        "code": _code(tool, arguments, payload.get("source")),
    }


def _code(tool: str, arguments: Json, bound: Any) -> str:
    """Return all that would run: the source that the request is bound to, if it is to one."""
    for code in (bound, arguments.get("code")):
        if isinstance(code, str):
            return code
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"{tool}({given})"


def _delta(data: Json) -> Json:
    return {"kind": "delta", **{k: data[k] for k in ("message_id", "offset", "text")}}


def _partial(data: Json) -> Json:
    return {"kind": "message", "message_id": data["message_id"], "text": data["text"]}


def _message(data: Json) -> Json | None:
    if data["role"] != "assistant":
        return None
    text = "\n\n".join(p["text"] for p in data["parts"] if p["type"] == "text")
    return {"kind": "message", "message_id": data["message_id"], "text": text}


def _called(data: Json) -> Json:
    arguments = {name: _cut(value) for name, value in data.get("arguments", {}).items()}
    return {
        "kind": "tool",
        "call_id": data["call_id"],
        "name": data["name"],
        "arguments": arguments,
        "status": None,
        "result": None,
    }


def _completed(data: Json) -> Json:
    texts = [part.get("text", "[image]") for part in data.get("content", [])]
    result = "\n".join(texts)[:RESULT_CHARS]
    found = {"call_id": data["call_id"], "name": data["name"], "status": data["status"]}
    return {"kind": "tool", **found, "arguments": None, "result": result}


def _cut(value: Any) -> Any:
    return value[:ARGUMENT_CHARS] if isinstance(value, str) else value


_TRANSLATIONS: Final[dict[str, Callable[[Json], Json | None]]] = {
    ev.MESSAGE_DELTA: _delta,
    ev.MESSAGE_PARTIAL: _partial,
    ev.MESSAGE_COMPLETED: _message,
    ev.TOOL_CALLED: _called,
    ev.TOOL_COMPLETED: _completed,
}

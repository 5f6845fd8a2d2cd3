"""One step: ask the model, show what it says as it says it, record the message (floor 3)."""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass, field
from typing import cast

from .. import events as ev
from ..errors import ModelError
from ..fold import Session
from ..messages import Part, text_part
from ..records import ModelDone, ModelEvent, ModelRequest, ReasoningDelta, TextDelta
from .run import Run

FLUSH_SECONDS = 0.03
_FIRST_DELAY = 1.0
_MAX_DELAY = 60.0
INTERRUPTED = "interrupted"
CUT = "cut"


@dataclass(slots=True)
class _Stream:
    """Collects the deltas of one message and sends them on in lumps."""

    run: Run
    message_id: str
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    _sent: dict[str, int] = field(default_factory=dict)
    _waiting: dict[str, list[str]] = field(default_factory=dict)
    _timer: asyncio.TimerHandle | None = None

    @property
    def shown(self) -> bool:
        """Whether the person has seen any of it."""
        return bool(self.text or self.reasoning)

    def add(self, event: TextDelta | ReasoningDelta) -> None:
        text = isinstance(event, TextDelta)
        (self.text if text else self.reasoning).append(event.text)
        kind = ev.MESSAGE_DELTA if text else ev.REASONING_DELTA
        self._waiting.setdefault(kind, []).append(event.text)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            first = not self._sent
            self._timer = loop.call_later(0.0 if first else FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Send what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for kind, pieces in self._waiting.items():
            text, offset = "".join(pieces), self._sent.get(kind, 0)
            self.run.publish(kind, {"message_id": self.message_id, "offset": offset, "text": text})
            self._sent[kind] = offset + len(text)
        self._waiting = {}

    def parts(self) -> list[Part]:
        """Return what was said so far as parts; unfinished tool calls are not among them."""
        parts: list[Part] = []
        if self.reasoning:
            parts.append({"type": "reasoning", "text": "".join(self.reasoning)})
        if self.text:
            parts.append(text_part("".join(self.text)))
        return parts


async def run_step(run: Run, request: ModelRequest) -> str:
    """Ask the model once, record its message and return its finish reason.

    Tries again while nothing was shown and the error says that it may help. Text that was
    already shown is recorded even where the step fails or is cancelled. Raises ModelError.
    """
    attempt = 1
    while True:
        stream = _Stream(run, uuid.uuid4().hex[:16])
        try:
            done = await _stream(run, request, stream)
            break
        except asyncio.CancelledError:
            await _record_rest(stream, INTERRUPTED)
            raise
        except ModelError as error:
            if stream.shown or not error.retryable or attempt > run.limits.retries:
                await _record_rest(stream, CUT)
                raise
            await _wait_before_retry(run, error, attempt)
            attempt += 1
    await _record(run, stream.message_id, done)
    return done.finish_reason


async def _stream(run: Run, request: ModelRequest, stream: _Stream) -> ModelDone:
    events = cast("AsyncGenerator[ModelEvent, None]", run.model.stream(request))
    try:
        async with contextlib.aclosing(events):
            async for event in events:
                if not isinstance(event, ModelDone):
                    stream.add(event)
                elif any(p["type"] in ("text", "tool_call") for p in event.parts):
                    return event
                else:
                    raise ModelError("The model gave an empty answer.", retryable=True)
    finally:
        stream.flush()
    raise ModelError("The model's answer ended before it was complete.", retryable=True)


async def _record(run: Run, message_id: str, done: ModelDone) -> None:
    data = {
        "message_id": message_id,
        "role": "assistant",
        "parts": _unique_calls(run.session, done.parts),
        "finish_reason": done.finish_reason,
        "model": run.turn.model,
        "usage": asdict(done.usage),
    }
    text = "\n".join(p["text"] for p in done.parts if p["type"] == "text")
    await run.append((ev.MESSAGE_COMPLETED, data), text=text)


async def _record_rest(stream: _Stream, finish_reason: str) -> None:
    if stream.shown:
        data = {
            "message_id": stream.message_id,
            "role": "assistant",
            "parts": stream.parts(),
            "finish_reason": finish_reason,
            "model": stream.run.turn.model,
        }
        await stream.run.append((ev.MESSAGE_COMPLETED, data), text="".join(stream.text))


def _unique_calls(session: Session, parts: list[Part]) -> list[Part]:
    """Give a new id to calls whose id the path already holds: servers count from zero again."""
    taken = {call_id for turn in session.path() for call_id in turn.calls}
    unique: list[Part] = []
    for part in parts:
        if part["type"] == "tool_call":
            if not part["call_id"] or part["call_id"] in taken:
                part = {**part, "call_id": f"call_{uuid.uuid4().hex[:16]}"}
            taken.add(part["call_id"])
        unique.append(part)
    return unique


async def _wait_before_retry(run: Run, error: ModelError, attempt: int) -> None:
    delay = error.retry_after
    if delay is None:
        delay = _FIRST_DELAY * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
    delay = min(delay, _MAX_DELAY)
    data = {"attempt": attempt, "delay": round(delay, 3), "error": str(error)}
    await run.append((ev.RETRY_SCHEDULED, data))
    await asyncio.sleep(delay)

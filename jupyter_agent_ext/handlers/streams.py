"""Server-sent events: replay, `synced`, then live, for any number of viewers (floor 5)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

import msgspec
from tornado.iostream import StreamClosedError

from ..agent.log import SessionLog
from ..events import Event
from .base import AgentHandler, protected, whole_number

HEARTBEAT_SECONDS = 15.0


class StreamingHandler(AgentHandler):
    """A handler that can answer with events."""

    _streaming: asyncio.Task[None] | None = None

    async def stream(
        self, log: SessionLog, after: int, is_last: Callable[[Event], bool] = lambda _: False
    ) -> None:
        """Send the session's events after `after` until `is_last`, or until the client goes.

        The client's going ends this answer and nothing else.
        """
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache, no-transform")
        self.set_header("X-Accel-Buffering", "no")
        self._streaming = asyncio.create_task(self._send(log, after, is_last))
        beats = asyncio.create_task(self._beat())
        try:
            await asyncio.wait({self._streaming})
        finally:
            for task in (beats, self._streaming):
                task.cancel()
            await asyncio.gather(beats, self._streaming, return_exceptions=True)
        if not self._streaming.cancelled() and (error := self._streaming.exception()):
            raise error

    async def _send(self, log: SessionLog, after: int, is_last: Callable[[Event], bool]) -> None:
        events = cast("AsyncGenerator[Event, None]", log.follow(after))
        with contextlib.suppress(StreamClosedError):
            await self.flush()
            async with contextlib.aclosing(events):
                async for event in events:
                    self.write(frame(event))
                    await self.flush()
                    if is_last(event):
                        return

    async def _beat(self) -> None:
        with contextlib.suppress(StreamClosedError):
            while True:
                await asyncio.sleep(HEARTBEAT_SECONDS)
                self.write(": still here\n\n")
                await self.flush()

    async def send_last(self, name: str, value: Any) -> None:
        """Send one more event, then end the answer."""
        with contextlib.suppress(StreamClosedError):
            self.write(f"event: {name}\ndata: {msgspec.json.encode(value).decode()}\n\n")
            await self.end_stream()

    async def end_stream(self) -> None:
        """End the answer."""
        with contextlib.suppress(StreamClosedError):
            await self.finish(set_content_type="text/event-stream")

    def on_connection_close(self) -> None:
        """Stop sending: the client is gone. The turn goes on."""
        super().on_connection_close()
        if self._streaming is not None:
            self._streaming.cancel()


class EventsHandler(StreamingHandler):
    """`GET sessions/{id}/events`."""

    @protected("read", "sessions")
    async def get(self, session_id: str) -> None:
        """Follow a session: replay after `after` (or Last-Event-ID), then live."""
        after = self.number("after", 0)
        last = self.request.headers.get("Last-Event-ID", "")
        if last:
            after = whole_number("Last-Event-ID", last)
        log = await self.manager.peek(self.key(session_id))
        await self.stream(log, min(after, log.session.seq))
        await self.end_stream()


def frame(event: Event) -> str:
    """Return one event as a frame of text/event-stream; only durable events have an id."""
    number = f"id: {event.seq}\n" if event.seq else ""
    data = msgspec.json.encode(event.to_json()).decode()
    return f"{number}event: {event.type}\ndata: {data}\n\n"


def wants_stream(accept: str) -> bool:
    """Say whether the caller asked for events instead of one answer."""
    return "text/event-stream" in accept


default_handlers = [(r"/agent/sessions/([^/]+)/events", EventsHandler)]

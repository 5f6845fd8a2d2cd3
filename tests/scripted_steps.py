"""The steps of a scripted answer, and the answer that they write."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from typing import Any

import tornado.web

Json = dict[str, Any]


class Answer:
    """The answer that is being written."""

    def __init__(self, handler: tornado.web.RequestHandler, number: int, model: str) -> None:
        self.handler, self.number, self.model = handler, number, model
        self.calls, self.ended, self.gone = 0, False, asyncio.Event()
        self.reason: str | None = None
        self.usage: Json = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}

    async def delta(self, delta: Json, reason: str | None = None) -> None:
        self.handler.write(self.line(delta, reason))
        await self.handler.flush()

    async def send(self, value: Json | str) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        self.handler.write(f"data: {text}\n\n")
        await self.handler.flush()

    def line(self, delta: Json, reason: str | None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return f"data: {json.dumps(self._chunk(choices=[choice]))}\n\n"

    async def end(self, include_usage: bool) -> None:
        await self.delta({}, self.reason or ("tool_calls" if self.calls else "stop"))
        if include_usage:
            await self.send(self._chunk(choices=[], usage=self.usage))
        await self.send("[DONE]")

    def _chunk(self, **rest: Any) -> Json:
        kind = "chat.completion.chunk"
        return {"id": f"c{self.number}", "object": kind, "created": 1, "model": self.model, **rest}


class Step:
    """One thing that the server does while it answers."""

    async def play(self, out: Answer) -> None:
        raise NotImplementedError


class Text(Step):
    """Pieces of the answer, a chunk each."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces

    async def play(self, out: Answer) -> None:
        for piece in self.pieces:
            await out.delta({"content": piece})


class Reasoning(Step):
    """Pieces of reasoning, a chunk each."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces

    async def play(self, out: Answer) -> None:
        for piece in self.pieces:
            await out.delta({"reasoning_content": piece})


class Call(Step):
    """A tool call; `arguments` a dict or raw text, sent in `pieces` pieces.

    `index` is taken from its place in the answer unless given; `call_id=None` sends no id.
    """

    def __init__(
        self,
        name: str,
        arguments: Json | str = "",
        *,
        call_id: str | None = "auto",
        index: int | None = -1,
        pieces: int = 1,
    ) -> None:
        self.name, self.call_id, self.index, self.pieces = name, call_id, index, pieces
        self.arguments = arguments if isinstance(arguments, str) else json.dumps(arguments)

    async def play(self, out: Answer) -> None:
        place = out.calls
        out.calls += 1
        call_id = f"call_{out.number}_{place}" if self.call_id == "auto" else self.call_id
        index = place if self.index == -1 else self.index
        size = max(1, -(-len(self.arguments) // self.pieces))
        pieces = [self.arguments[i : i + size] for i in range(0, len(self.arguments), size)]
        first: Json = {"type": "function", "function": {"name": self.name}}
        first["function"]["arguments"] = pieces[0] if self.pieces == 1 and pieces else ""
        if call_id is not None:
            first["id"] = call_id
        await out.delta({"tool_calls": [_indexed(first, index)]})
        for piece in pieces if self.pieces > 1 else []:
            await out.delta({"tool_calls": [_indexed({"function": {"arguments": piece}}, index)]})


class ToolDelta(Step):
    """A raw entry of `delta.tool_calls`, for what no orderly server would send."""

    def __init__(self, **entry: Any) -> None:
        self.entry = entry

    async def play(self, out: Answer) -> None:
        out.calls += 1
        await out.delta({"tool_calls": [self.entry]})


class Tokens(Step):
    """The usage that the end of the answer tells."""

    def __init__(self, prompt: int, completion: int, cached: int = 0, reasoning: int = 0) -> None:
        self.usage = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }

    async def play(self, out: Answer) -> None:
        out.usage = self.usage


class Wait(Step):
    """A pause of some seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def play(self, out: Answer) -> None:
        await asyncio.sleep(self.seconds)


class Until(Step):
    """A pause until the test sets the event."""

    def __init__(self, event: threading.Event) -> None:
        self.event = event

    async def play(self, out: Answer) -> None:
        await asyncio.to_thread(self.event.wait, 30)


class Status(Step):
    """An HTTP error; `body` replaces the usual error object."""

    def __init__(
        self, code: int, message: str = "", *, body: str | None = None, **headers: str
    ) -> None:
        self.code, self.headers = code, headers
        error = {"message": message or f"scripted {code}", "type": "scripted", "code": None}
        self.body = json.dumps({"error": error}) if body is None else body

    async def play(self, out: Answer) -> None:
        out.handler.set_status(self.code)
        for name, value in self.headers.items():
            out.handler.set_header(name.replace("_", "-"), value)
        out.handler.set_header("content-type", "application/json")
        out.handler.write(self.body)
        out.ended = True


class Raw(Step):
    """Bytes written into the body as they are."""

    def __init__(self, data: bytes | str) -> None:
        self.data = data

    async def play(self, out: Answer) -> None:
        out.handler.write(self.data)
        await out.handler.flush()


class Burst(Step):
    """Many pieces of text in one write, as a fast server's end up in one read."""

    def __init__(self, count: int, text: str = "token") -> None:
        self.count, self.text = count, text

    async def play(self, out: Answer) -> None:
        lines = (out.line({"content": f"{self.text}{n} "}, None) for n in range(self.count))
        out.handler.write("".join(lines))
        await out.handler.flush()


class Endless(Step):
    """Text without end, a piece every `every` seconds."""

    def __init__(self, text: str = "and", every: float = 0.001) -> None:
        self.text, self.every = text, every

    async def play(self, out: Answer) -> None:
        for n in itertools.count():
            await out.delta({"content": f"{self.text} {n} "})
            await asyncio.sleep(self.every)


class Hang(Step):
    """No further byte, until the client goes or the server stops."""

    async def play(self, out: Answer) -> None:
        await out.gone.wait()


class Cut(Step):
    """The connection breaks."""

    async def play(self, out: Answer) -> None:
        out.ended = True
        connection: Any = out.handler.request.connection
        connection.stream.close()


class NoEnd(Step):
    """The body ends in an orderly way, but nothing said that the answer has."""

    async def play(self, out: Answer) -> None:
        out.ended = True


class Fail(Step):
    """An error object in mid-stream."""

    def __init__(self, message: str = "overloaded in mid-stream", code: int = 500) -> None:
        self.error = {"message": message, "type": "server_error", "code": code}

    async def play(self, out: Answer) -> None:
        await out.send({"error": self.error})
        out.ended = True


class Finish(Step):
    """The finish reason, where it is not what follows from the script."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    async def play(self, out: Answer) -> None:
        out.reason = self.reason


def _indexed(entry: Json, index: int | None) -> Json:
    return entry if index is None else {"index": index, **entry}

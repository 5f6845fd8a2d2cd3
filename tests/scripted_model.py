"""A scripted OpenAI-compatible server: real HTTP on a loopback port, answers as told.

    with ScriptedModelServer() as server:
        server.script(Text("Let me ", "look."), Call("run_code", {"code": "1 + 1"}))
        server.script(Text("It is 2."))
        ...  # point a client at server.url
        server.requests[0].body["messages"]

Each `script` answers one request, in order. A script that says no `Finish` is ended as an
orderly server would: finish reason, usage, [DONE].
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import pytest
import tornado.iostream
import tornado.web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from tests.scripted_steps import (
    Answer,
    Burst,
    Call,
    Cut,
    Endless,
    Fail,
    Finish,
    Hang,
    Json,
    NoEnd,
    Raw,
    Reasoning,
    Status,
    Step,
    Text,
    Tokens,
    ToolDelta,
    Until,
    Wait,
)

__all__ = [
    "LITELLM_WARNINGS",
    "Answer",
    "Asked",
    "Burst",
    "Call",
    "Cut",
    "Endless",
    "Fail",
    "Finish",
    "Hang",
    "Json",
    "NoEnd",
    "Raw",
    "Reasoning",
    "Script",
    "ScriptedModelServer",
    "Status",
    "Step",
    "Text",
    "Tokens",
    "ToolDelta",
    "Until",
    "Wait",
]

LITELLM_WARNINGS = [
    pytest.mark.filterwarnings(f"ignore:{pattern}")
    for pattern in (".*`ReadOnly` qualifier", ".*Accessing the.*attribute on the instance")
]
"""Marks for tests that call litellm: it ignores these itself, but pytest undoes that."""


Script = Sequence[Step]


@dataclass
class Asked:
    """One request as the server got it."""

    path: str
    headers: dict[str, str]
    body: Json
    time: float = field(default_factory=time.monotonic)

    @property
    def last_user_text(self) -> str:
        """The text of the newest user message."""
        for message in reversed(self.body["messages"]):
            if message["role"] == "user":
                content = message["content"]
                if isinstance(content, str):
                    return content
                return "\n".join(p["text"] for p in content if p["type"] == "text")
        return ""


class ScriptedModelServer:
    """Serves scripts from a thread of its own; `url` is the api_base to configure."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.disconnects = 0
        self.responder: Callable[[Asked], Script] | None = None
        self._scripts: deque[Script] = deque()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scripted-model", daemon=True)

    def script(self, *steps: Step) -> None:
        """Answer the next unscripted request with these steps."""
        self._scripts.append(steps)

    def clear(self) -> None:
        """Forget what was asked and what was scripted."""
        self.requests.clear()
        self._scripts.clear()
        self.responder = None

    def respond(self, responder: Callable[[Asked], Script]) -> None:
        """Answer every request that has no script with what `responder` returns."""
        self.responder = responder

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def wait_for(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        """Block until `condition` holds; fail after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "the scripted server waited in vain"
            time.sleep(0.005)

    def start(self) -> ScriptedModelServer:
        self._thread.start()
        assert self._ready.wait(10), "the scripted model server did not start"
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def __enter__(self) -> ScriptedModelServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        sockets = bind_sockets(0, "127.0.0.1")
        self.port: int = sockets[0].getsockname()[1]
        server = HTTPServer(
            tornado.web.Application(
                [(r"/v1/(?:chat/completions|messages)", _Chat, {"server": self})],
                log_function=lambda handler: None,
            )
        )
        server.add_sockets(sockets)
        self._ready.set()
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()

    def _next(self, asked: Asked) -> tuple[int, Script]:
        self.requests.append(asked)
        number = len(self.requests)
        if self._scripts:
            return number, self._scripts.popleft()
        if self.responder is not None:
            return number, self.responder(asked)
        return number, [Status(418, f"request {number} has no script")]


class _Chat(tornado.web.RequestHandler):
    def initialize(self, server: ScriptedModelServer) -> None:
        self.server = server
        self.answer: Answer | None = None

    async def post(self) -> None:
        body = json.loads(self.request.body)
        asked = Asked(self.request.path, dict(self.request.headers), body)
        number, script = self.server._next(asked)
        self.answer = Answer(self, number, body["model"])
        self.set_header("content-type", "text/event-stream")
        try:
            for step in script:
                await step.play(self.answer)
                if self.answer.ended:
                    return
            options = body.get("stream_options") or {}
            await self.answer.end(bool(options.get("include_usage")))
        except tornado.iostream.StreamClosedError:
            return

    def on_connection_close(self) -> None:
        self.server.disconnects += 1
        if self.answer is not None:
            self.answer.gone.set()

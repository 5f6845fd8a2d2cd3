"""A page as the socket sees it: its notebooks are lists of cells, its answers real POSTs."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json

from tests.server.conftest import eventually


class ScriptedPage:
    """Speaks docs/socket.md. `events` holds all frames of each session."""

    def __init__(self, socket, api, client_id):
        self.socket, self.api, self.client_id = socket, api, client_id
        self.frames: list[dict] = []
        self.notebooks: dict[str, list[dict]] = {}
        self.closed = False
        self._reader = asyncio.ensure_future(self._read_for_ever())

    def say(self, frame):
        raw = frame if isinstance(frame, str | bytes) else json.dumps(frame)
        self.socket.write_message(raw, binary=isinstance(raw, bytes))

    async def _read_for_ever(self):
        while (message := await self.socket.read_message()) is not None:
            self.frames.append(json.loads(message))
            await self.on_frame(self.frames[-1])
        self.closed = True

    async def on_frame(self, frame):
        if frame["type"] == "read":
            self.answer_read(frame)

    def answer_read(self, frame):
        cells = self.notebooks.get(frame["path"])
        answer = {"error": {"message": "not open"}} if cells is None else {"cells": cells}
        self.say({"type": "cells", "read_id": frame["read_id"], **copy.deepcopy(answer)})

    def subscribe(self, session, after=0):
        self.say({"type": "subscribe", "session": session, "after": after})

    def events(self, session):
        return [f["event"] for f in self.frames if f.get("session") == session and "event" in f]

    def seqs(self, session):
        return [e["seq"] for e in self.events(session) if e["seq"]]

    def kinds(self, session):
        return [e["type"] for e in self.events(session)]

    def errors(self):
        return [f for f in self.frames if f["type"] == "error"]

    async def until(self, session, kind, timeout=30):
        await eventually(lambda: kind in self.kinds(session), timeout)
        return [e for e in self.events(session) if e["type"] == kind][-1]

    async def until_error(self):
        await eventually(self.errors)
        return self.errors()[-1]

    async def close(self):
        self.socket.close()
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

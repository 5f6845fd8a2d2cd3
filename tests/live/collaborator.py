"""A second person on a shared document: a replica of their own over the real socket."""

from __future__ import annotations

import asyncio
import contextlib
import json

from jupyter_ydoc import YNotebook
from pycrdt import Awareness, Provider, create_awareness_message
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClosedError, websocket_connect

from tests.server.conftest import eventually


class _Channel:
    """A websocket as pycrdt's provider wants it."""

    def __init__(self, socket):
        self.path = "room"
        self._socket = socket

    def __aiter__(self):
        return self

    async def __anext__(self):
        message = await self.recv()
        if message is None:
            raise StopAsyncIteration
        return message

    async def send(self, message):
        await self._socket.write_message(message, binary=True)

    async def recv(self):
        return await self._socket.read_message()


class Collaborator:
    """Edits the notebook at a replica; what it does reaches the server as fast as it can."""

    def __init__(self, socket):
        self.socket = socket
        self.document = YNotebook()
        self.awareness = Awareness(self.document.ydoc)
        self._provider = Provider(self.document.ydoc, _Channel(socket))
        self._task = asyncio.ensure_future(self._provider.start())

    @classmethod
    async def join(cls, fetch, url, headers, path):
        body = json.dumps({"format": "json", "type": "notebook"})
        response = await fetch("api", "collaboration", "session", path, method="PUT", body=body)
        told = json.loads(response.body)
        room = f"{told['format']}:{told['type']}:{told['fileId']}"
        url = f"{url}api/collaboration/room/{room}?sessionId={told['sessionId']}"
        socket = await websocket_connect(HTTPRequest(url, headers=headers))
        person = cls(socket)
        await asyncio.wait_for(person._provider.synced.wait(), 20)
        await eventually(person.ids)
        await person.say_hello()
        await asyncio.sleep(0.05)
        return person

    async def say_hello(self):
        """Tell the others that somebody is here, as JupyterLab does."""
        await self._announce({"user": {"name": "somebody"}})

    async def _announce(self, state):
        self.awareness.set_local_state(state)
        update = self.awareness.encode_awareness_update([self.awareness.client_id])
        await self.socket.write_message(create_awareness_message(update), binary=True)

    def ids(self):
        return [str(cell["id"]) for cell in self.document.ycells]

    def sources(self):
        return {str(cell["id"]): str(cell["source"]) for cell in self.document.ycells}

    def type(self, index, position, text):
        """Type into a cell; `position` counts characters of a plain ASCII source."""
        self.document.ycells[index]["source"].insert(position, text)

    def insert(self, index, cell_id, source):
        cell = {"cell_type": "code", "id": cell_id, "metadata": {}, "source": source}
        cell |= {"outputs": [], "execution_count": None}
        self.document.ycells.insert(index, self.document.create_ycell(cell))

    def delete(self, index):
        del self.document.ycells[index]

    async def leave(self):
        """Say goodbye, as a page does that is closed, and go."""
        with contextlib.suppress(WebSocketClosedError):
            await self._announce(None)
        self.socket.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

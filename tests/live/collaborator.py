"""A second person on a shared document: a replica of their own over the real socket."""

from __future__ import annotations

import asyncio
import json

from jupyter_ydoc import YNotebook
from pycrdt import Provider
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

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
        return person

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
        self.socket.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

"""The sockets to one kernel: shell, control and iopub, and a ping of its heartbeat (floor 1)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Literal

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.session import Session

from ..errors import KernelError
from ..records import Json
from .transport import Channel

Source = Literal["shell", "control", "iopub"]
Receive = Callable[[Source, Json], None]

RECONNECT_MS = 10
SLICE = 0.005


def new_context() -> zmq.asyncio.Context:
    """Return a ZMQ context for the connections of one server: one I/O thread for all.

    Its sockets find a kernel that binds late within 10 ms instead of 100: what is sent when a
    process starts is then there before a front end, which first asks for kernel_info, sends
    its first cell.
    """
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
    context.setsockopt(zmq.LINGER, 0)
    return context


class Channels:
    """Sends to shell and control and gives every message that arrives to `receive`.

    It has an identity of its own: two clients with the manager's session deafen each other.
    """

    def __init__(
        self, km: Any, context: zmq.asyncio.Context, receive: Receive, log: logging.Logger
    ) -> None:
        self.ports: list[int] = list(km.ports)
        self._receive = receive
        self._log = log
        self._session = Session(
            parent=km, key=km.session.key, signature_scheme=km.session.signature_scheme
        )
        self._client = AsyncKernelClient(
            context=context, session=self._session, **_connection_info(km)
        )
        identity = self._session.bsession
        self._sockets: dict[Source, Any] = {
            "iopub": self._client.connect_iopub(),
            "shell": self._client.connect_shell(identity=identity),
            "control": self._client.connect_control(identity=identity),
        }
        self._readers = [
            asyncio.create_task(self._read(name), name=f"agent-{name}") for name in self._sockets
        ]

    def message(self, msg_type: str, content: Json) -> Json:
        """Build a message with a new msg_id."""
        message: Json = self._session.msg(msg_type, content)
        return message

    def send(self, channel: Channel, message: Json) -> None:
        """Send without waiting. Raises KernelError if the kernel reads nothing any more.

        Not by `Session.send`: it goes around the asyncio socket, which then may sleep over a
        reply that came in meanwhile (a ZMQ socket signals events by edges).
        """
        frames = self._session.serialize(message)
        sent = self._sockets[channel].send_multipart(frames)
        if not sent.done():
            sent.cancel()
            raise KernelError("The kernel takes no messages any more.")
        if sent.exception() is not None:
            raise KernelError(f"The kernel takes no messages: {sent.exception()}.")

    async def ping(self, timeout: float) -> bool:
        """Say whether the heartbeat answers within `timeout` seconds; a fresh socket each time.

        jupyter_client's heartbeat thread starts paused and needs seconds to notice a death.
        """
        socket: Any = self._client.connect_hb()
        try:
            await socket.send(b"ping")
            return bool(await socket.poll(int(timeout * 1000)))
        finally:
            socket.close(linger=0)

    async def close(self) -> None:
        """Stop reading and close the sockets."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        for socket in self._sockets.values():
            socket.close(linger=0)

    async def _read(self, name: Source) -> None:
        socket = self._sockets[name]
        pause = time.monotonic() + SLICE
        while True:
            parts = await socket.recv_multipart()
            try:
                _, frames = self._session.feed_identities(parts)
                message = self._session.deserialize(frames)
            except (ValueError, TypeError, KeyError) as error:
                self._log.warning("Dropped an unreadable message on %s: %s", name, error)
                continue
            self._receive(name, message)
            if time.monotonic() > pause:  # recv does not suspend while messages are waiting
                await asyncio.sleep(0)
                pause = time.monotonic() + SLICE


def _connection_info(km: Any) -> dict[str, Any]:
    info = dict(km.get_connection_info())
    for key in ("signature_scheme", "key", "kernel_name"):
        info.pop(key, None)
    for key in ("curve_publickey", "curve_secretkey"):
        if isinstance(info.get(key), str):
            info[key] = info[key].encode("ascii")
    return info

"""A kernel and a Transport of its own for the tests of introspection: few lines, no server."""

from __future__ import annotations

import asyncio
import contextlib
import time

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

UNTRACKED = ("debug_request", "kernel_info_request")


class Harness:
    """One kernel process; a `Transport` that also runs code as a user would."""

    def __init__(self, kernel_name: str = "python3", language: str = "python") -> None:
        self.manager = AsyncKernelManager(kernel_name=kernel_name)
        self.language = language
        self.kernel_id = "harness"
        self.state = "starting"
        self.iopub: list[dict] = []
        self._watchers = []
        self._quiet: set[str] = set()
        self._waiting: dict[str, asyncio.Future] = {}
        self._readers: list[asyncio.Task] = []

    async def start(self) -> None:
        await self.manager.start_kernel()
        await self.connect()

    async def connect(self) -> None:
        self.client: AsyncKernelClient = self.manager.client()
        self.client.start_channels(stdin=False)
        readers = (self._read("shell"), self._read("control"), self._read_iopub())
        self._readers = [asyncio.ensure_future(reader) for reader in readers]
        heard = len(self.iopub)
        while len(self.iopub) == heard:  # a subscription takes a moment to arrive
            await self.request("shell", "kernel_info_request", {}, timeout=30)
            await asyncio.sleep(0.02)
        self.state = "idle"

    async def stop(self) -> None:
        await self.disconnect()
        await self.manager.shutdown_kernel(now=True)

    async def disconnect(self) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        self.client.stop_channels()

    async def restart(self) -> None:
        await self.disconnect()
        self.state = "starting"
        await self.manager.restart_kernel(now=True)
        await self.connect()

    # ------------------------------------------------------------ Transport

    def send(self, channel: str, msg_type: str, content: dict) -> str:
        message = self.client.session.msg(msg_type, content)
        if content.get("silent"):
            self._quiet.add(message["header"]["msg_id"])
        getattr(self.client, f"{channel}_channel").send(message)
        return message["header"]["msg_id"]

    async def request(self, channel: str, msg_type: str, content: dict, *, timeout: float) -> dict:
        msg_id = self.send(channel, msg_type, content)
        reply = self._waiting[msg_id] = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.wait_for(reply, timeout)
        finally:
            del self._waiting[msg_id]

    async def heartbeat(self, timeout: float = 0.5) -> bool:
        socket = zmq.asyncio.Context.instance().socket(zmq.REQ)
        socket.linger = 0
        try:
            socket.connect(f"tcp://{self.manager.ip}:{self.manager.hb_port}")
            await socket.send(b"ping")
            return await socket.poll(int(timeout * 1000)) > 0
        finally:
            socket.close()

    def watch(self, callback):
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)

    # ------------------------------------------------------------ the user

    async def run(self, code: str, *, timeout: float = 30, **content) -> dict:
        """Run a cell and return the reply's content; fails the test if the code does."""
        cell = self._cell(code, content)
        reply = await self.request("shell", "execute_request", cell, timeout=timeout)
        await self.until_idle(reply["parent_header"]["msg_id"])
        assert reply["content"]["status"] == "ok", reply["content"]
        return reply["content"]

    def begin(self, code: str, **content) -> str:
        """Send a cell without waiting."""
        return self.send("shell", "execute_request", self._cell(code, content))

    async def value(self, expression: str, timeout: float = 30):
        """Evaluate an expression of literals in the kernel, without a trace."""
        import ast

        reply = await self.run(
            "",
            silent=True,
            store_history=False,
            timeout=timeout,
            user_expressions={"v": expression},
        )
        given = reply["user_expressions"]["v"]
        assert given["status"] == "ok", given
        return ast.literal_eval(given["data"]["text/plain"])

    async def until_busy(self, msg_id: str) -> None:
        await self.until(lambda: self._status(msg_id, "busy"))

    async def until_idle(self, msg_id: str, timeout: float = 20) -> None:
        await self.until(lambda: self._status(msg_id, "idle"), timeout)

    async def until_native(self) -> None:
        """Wait until nothing in the process answers any more."""
        with contextlib.suppress(TimeoutError):
            while True:
                await self.request("control", "kernel_info_request", {}, timeout=0.15)

    async def until(self, condition, timeout: float = 20) -> None:
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, "the condition was never met"
            await asyncio.sleep(0.005)

    def _cell(self, code: str, content: dict) -> dict:
        plain = {
            "code": code,
            "silent": False,
            "store_history": True,
            "allow_stdin": False,
            "user_expressions": {},
            "stop_on_error": True,
        }
        return {**plain, **content}

    def _status(self, msg_id: str, state: str) -> bool:
        return any(
            m["msg_type"] == "status"
            and m["content"]["execution_state"] == state
            and m["parent_header"].get("msg_id") == msg_id
            for m in self.iopub
        )

    async def _read(self, channel: str) -> None:
        source = getattr(self.client, f"{channel}_channel")
        while True:
            message = await source.get_msg()
            waiting = self._waiting.get(message["parent_header"].get("msg_id"))
            if waiting is not None and not waiting.done():
                waiting.set_result(message)

    async def _read_iopub(self) -> None:
        while True:
            message = await self.client.iopub_channel.get_msg()
            self.iopub.append(message)
            parent = message["parent_header"]
            quiet = parent.get("msg_type") in UNTRACKED or parent.get("msg_id") in self._quiet
            if message["msg_type"] == "status" and not quiet:
                self.state = message["content"]["execution_state"]
            for callback in list(self._watchers):
                callback(message)


async def inspect_raw(harness: Harness, timeout: float = 5, **arguments) -> dict:
    """Send one agentInspect and return the body of the reply."""
    content = {"type": "request", "seq": 1, "command": "agentInspect", "arguments": arguments}
    reply = await harness.request("control", "debug_request", content, timeout=timeout)
    return reply["content"].get("body", {})


@contextlib.asynccontextmanager
async def running(harness: Harness, code: str):
    """Have a cell run meanwhile; interrupt it at the end."""
    msg_id = harness.begin(code, stop_on_error=False)
    await harness.until_busy(msg_id)
    try:
        yield msg_id
    finally:
        await harness.manager.interrupt_kernel()
        await harness.until_idle(msg_id)

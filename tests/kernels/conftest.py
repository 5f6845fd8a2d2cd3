"""Real kernels for the tests of this folder: one event loop and one kernel a module."""

from __future__ import annotations

import asyncio
import logging
import os
import time
import uuid
import warnings

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.session import Session
from jupyter_core.utils import ensure_event_loop
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from jupyter_agent_ext.kernels.channels import new_context
from jupyter_agent_ext.kernels.client import KernelConnection

LOG = logging.getLogger("tests.kernels")


@pytest.fixture(autouse=True, scope="module")
def jp_asyncio_loop():
    """One loop for a whole module, so that its tests can share a kernel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        loop = ensure_event_loop(prefer_selector_loop=True)
    yield loop
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.fixture(scope="module")
def kernel_manager(jp_asyncio_loop, tmp_path_factory):
    """Jupyter Server's own kernel manager, without a server around it."""
    folder = tmp_path_factory.mktemp("kernels")
    manager = AsyncMappingKernelManager(
        connection_dir=str(folder), root_dir=str(folder), default_kernel_name="python3"
    )
    yield manager
    jp_asyncio_loop.run_until_complete(manager.shutdown_all(now=True))
    manager.context.destroy(linger=0)


@pytest.fixture(scope="module")
def zmq_context():
    """The context that a server's connections share."""
    context = new_context()
    yield context
    context.destroy(linger=0)


@pytest.fixture(scope="module")
def start_connection(jp_asyncio_loop, kernel_manager, zmq_context, tmp_path_factory):
    """Return what starts a kernel and connects to it; all are closed at the end."""
    made = []
    env = {"IPYTHONDIR": str(tmp_path_factory.mktemp("ipython"))}

    async def start(**kwargs):
        kernel_id = await kernel_manager.start_kernel(env={**os.environ, **env})
        km = kernel_manager.get_kernel(kernel_id)
        options = {"owner": "the tests", **kwargs}
        made.append(KernelConnection(km, kernel_id, context=zmq_context, log=LOG, **options))
        await until(lambda: made[-1].state == "idle")
        return made[-1]

    yield start
    for connection in made:
        jp_asyncio_loop.run_until_complete(connection.close())


@pytest.fixture(scope="module")
def shared(jp_asyncio_loop, start_connection):
    """One kernel and its connection for all tests of a module that leave it alive."""
    return jp_asyncio_loop.run_until_complete(start_connection())


@pytest.fixture
def connection(jp_asyncio_loop, shared):
    """The shared connection, idle when the test begins and when it ends."""
    jp_asyncio_loop.run_until_complete(until(lambda: shared.state == "idle"))
    yield shared
    jp_asyncio_loop.run_until_complete(until(lambda: shared.state == "idle"))


@pytest.fixture(scope="module")
def user_of(jp_asyncio_loop):
    """Return what opens a front end of a kernel, as a user's notebook is one."""
    users = []

    async def open_(km):
        users.append(User(km))
        await users[-1].ready()
        return users[-1]

    yield open_
    for user in users:
        user.close()


@pytest.fixture
def user(jp_asyncio_loop, connection, user_of):
    """A front end of the shared kernel."""
    return jp_asyncio_loop.run_until_complete(user_of(connection.km))


class User:
    """A second client with an identity of its own, as a notebook in a browser has."""

    def __init__(self, km):
        session = Session(parent=km, key=km.session.key, session=uuid.uuid4().hex)
        self.client = AsyncKernelClient(context=km.context, session=session, **_ports(km))
        self.client.start_channels(stdin=False, hb=False)

    async def ready(self):
        while True:
            msg_id = self.client.kernel_info()
            await self.reply(msg_id)
            if await self.client.iopub_channel.socket.poll(100):
                return

    def run(self, code, **kwargs):
        """Send a cell, do not wait."""
        return self.client.execute(code, **kwargs)

    async def reply(self, msg_id, timeout=20):
        """Return the content of the reply to a cell."""
        deadline = time.monotonic() + timeout
        while True:
            msg = await self.client.get_shell_msg(timeout=max(0.0, deadline - time.monotonic()))
            if msg["parent_header"].get("msg_id") == msg_id:
                return msg["content"]

    async def heard(self, msg_id, msg_type, timeout=20):
        """Return the content of the first iopub message of that type and parent."""
        deadline = time.monotonic() + timeout
        while True:
            msg = await self.client.get_iopub_msg(timeout=max(0.0, deadline - time.monotonic()))
            parent = msg["parent_header"].get("msg_id")
            if parent == msg_id and msg["header"]["msg_type"] == msg_type:
                return msg["content"]

    def close(self):
        for channel in (self.client.shell_channel, self.client.iopub_channel):
            channel.stop()
        self.client.control_channel.stop()


async def until(condition, timeout=20.0):
    """Wait until `condition()` holds; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        await asyncio.sleep(0.01)


def _ports(km):
    info = km.get_connection_info()
    return {k: v for k, v in info.items() if k not in ("key", "signature_scheme")}

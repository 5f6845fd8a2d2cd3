"""Real kernels behind a real connection, real notebooks and files."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time

import pytest
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from jupyter_agent_ext.errors import NotFoundError
from jupyter_agent_ext.kernels.channels import new_context
from jupyter_agent_ext.kernels.client import KernelConnection
from jupyter_agent_ext.notebooks.contents import ContentsNotebook
from jupyter_agent_ext.notebooks.files import ContentsFiles
from jupyter_agent_ext.records import Snapshot

from .context import Context

LIST = """{n: type(v).__name__ + " " + repr(v)[:40] for n, v in list(globals().items())
 if not n.startswith("_") and n not in ("In", "Out", "get_ipython", "exit", "quit", "open")}"""


class Reader:
    """Reads the variables of an idle kernel by user expressions."""

    epoch = "1"

    def __init__(self, connection):
        self._connection = connection

    def install(self): ...

    def reset(self): ...

    def on_iopub(self, msg): ...

    def close(self): ...

    async def pull(self, *, since, mentioned, limit, timeout):
        found = await self._evaluate(f"__import__('json').dumps({LIST})", 10)
        variables = {name: {"type": text} for name, text in found.items()}
        return Snapshot("1", 0, time.time(), "main", "idle", variables, total=len(variables))

    async def inspect(self, name, *, timeout):
        found = await self._evaluate(f"__import__('json').dumps({LIST})", 10)
        if name not in found:
            raise NotFoundError(f"There is no variable {name!r}.")
        return {"name": name, "type": found[name]}

    async def _evaluate(self, expression, timeout):
        content = {
            "code": "",
            "silent": True,
            "store_history": False,
            "user_expressions": {"x": expression},
            "allow_stdin": False,
        }
        reply = await self._connection.request("shell", "execute_request", content, timeout=timeout)
        text = reply["content"]["user_expressions"]["x"]["data"]["text/plain"]
        return json.loads(eval(text))


@pytest.fixture
def kernel(jp_asyncio_loop, tmp_path):
    """A kernel of Jupyter Server's own manager, connected as the extension does it."""
    manager = AsyncMappingKernelManager(
        connection_dir=str(tmp_path), root_dir=str(tmp_path), default_kernel_name="python3"
    )
    context = new_context()
    env = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")}

    async def start():
        kernel_id = await manager.start_kernel(env=env)
        connection = KernelConnection(
            manager.get_kernel(kernel_id),
            kernel_id,
            context=context,
            log=logging.getLogger("tests.tools"),
            introspect=Reader,
        )
        async with asyncio.timeout(30):
            while connection.state != "idle":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return connection

    connection = jp_asyncio_loop.run_until_complete(start())
    yield connection
    jp_asyncio_loop.run_until_complete(connection.close())
    jp_asyncio_loop.run_until_complete(manager.shutdown_all(now=True))
    context.destroy(linger=0)
    manager.context.destroy(linger=0)


@pytest.fixture
def root(tmp_path, jp_environ):
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def contents(root):
    return AsyncLargeFileManager(root_dir=str(root))


@pytest.fixture
def files(contents):
    return ContentsFiles(contents)


@pytest.fixture
def write_notebook(root, contents):
    """Return what writes cells, given as (id, source) or nbformat dicts, and opens them."""

    def write(*cells):
        cells = [cell if isinstance(cell, dict) else code(*cell) for cell in cells]
        body = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (root / "nb.ipynb").write_text(json.dumps(body))
        return ContentsNotebook(contents, "nb.ipynb")

    return write


def code(cell_id, source, outputs=()):
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": cell_id,
        "metadata": {},
        "outputs": list(outputs),
        "source": source,
    }


@pytest.fixture
def context(kernel):
    return Context(kernel=kernel)

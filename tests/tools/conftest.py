"""Real kernels behind a real connection, real notebooks and files."""

from __future__ import annotations

import asyncio
import json
import logging
import os

import pytest
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from jupyter_agent_ext.kernels.channels import new_context
from jupyter_agent_ext.kernels.client import KernelConnection
from jupyter_agent_ext.notebooks.contents import ContentsNotebook
from jupyter_agent_ext.notebooks.files import ContentsFiles

from .context import Context


@pytest.fixture
def kernel(jp_asyncio_loop, tmp_path):
    """A kernel of Jupyter Server's own manager, connected as the extension does it."""
    manager = AsyncMappingKernelManager(
        connection_dir=str(tmp_path), root_dir=str(tmp_path), default_kernel_name="python3"
    )
    context = new_context()
    env = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")}

    made = []

    async def start():
        kernel_id = await manager.start_kernel(env=env)
        km, log = manager.get_kernel(kernel_id), logging.getLogger("tests.tools")
        made.append(KernelConnection(km, kernel_id, context=context, log=log, owner="the tests"))
        async with asyncio.timeout(30):
            while made[0].state != "idle" or made[0].epoch is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    try:
        jp_asyncio_loop.run_until_complete(start())
        yield made[0]
    finally:
        for connection in made:
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

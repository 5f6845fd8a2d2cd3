"""`%agent` where no server answers: gone, silent, without the extension, or never there."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient

from scripts.quickstart import RunningKernel
from tests.magic.conftest import Typist
from tests.scripted_model import Hang, ScriptedModelServer, Text
from tests.server.conftest import EXAMPLES, eventually
from tests.server.process import ServerProcess


class Somebody:
    """A front end of a kernel that a server process has started."""

    def __init__(self, kernel_id, connection_file):
        self.kernel_id = kernel_id
        self.client: AsyncKernelClient = RunningKernel(connection_file).client()
        self.client.start_channels(hb=False)


@pytest.fixture
def far_server(tmp_path):
    """A server process with a scripted model."""
    root, home = tmp_path / "root", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    shutil.copy(EXAMPLES / "analysis.ipynb", root)
    with ScriptedModelServer() as model:
        config = {
            "AgentExtension.api_bases": f"{{'openai': '{model.url}'}}",
            "AgentSessionManager.default_model": "openai/scripted",
        }
        server = ServerProcess(root, home, config).start()
        server.model = model
        yield server
        os.kill(server.process.pid, signal.SIGCONT)
        server.stop()


@pytest.fixture
def far_typist(jp_asyncio_loop, far_server):
    body = {"path": "analysis.ipynb", "name": "", "type": "notebook"}
    body["kernel"] = {"name": "python3"}
    status, session = far_server.call("POST", "sessions", prefix="api", body=body)
    assert status == 201
    kernel_id = session["kernel"]["id"]
    file = far_server.home / "runtime" / f"kernel-{kernel_id}.json"
    somebody = Somebody(kernel_id, str(file))
    jp_asyncio_loop.run_until_complete(somebody.client.wait_for_ready(timeout=60))
    yield Typist(somebody)
    somebody.client.stop_channels()


async def test_a_silent_server_is_noticed_before_and_during_a_turn(far_server, far_typist):
    pid = far_server.process.pid
    far_server.model.script(Text("I think"), Hang())
    begun = asyncio.Event()

    def look(message):
        if "I think" in str(message["content"].get("data", {}).get("text/markdown", "")):
            begun.set()

    cell = asyncio.ensure_future(far_typist.run("%agent go", on_message=look))
    await asyncio.wait_for(begun.wait(), 30)
    os.kill(pid, signal.SIGSTOP)
    stopped = time.monotonic()
    ran = await cell
    assert "has not been heard of" in ran.error
    assert 7 < time.monotonic() - stopped < 60
    asked = time.monotonic()
    ran = await far_typist.run("%agent anybody?")
    assert "No Jupyter server answered" in ran.error
    assert time.monotonic() - asked < 20
    os.kill(pid, signal.SIGCONT)

    async def settled():
        status, listed = await asyncio.to_thread(far_server.call, "GET", "sessions")
        return status == 200 and [s["status"] for s in listed["sessions"]] == ["idle"]

    await eventually(settled, timeout=30)
    far_server.model.script(Text("Back."))
    assert (await far_typist.run("%agent anybody now?")).markdown == "Back."
    _, listed = far_server.call("GET", "sessions")
    (session,) = listed["sessions"]
    assert session["turn_count"] == 2  # what was asked of the silent server began no turn


def ipython(tmp_path, *lines):
    """Type lines into a plain IPython; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", "--no-banner"],
        input="\n".join([*lines, "exit()", ""]),
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
    )
    return done.stdout + done.stderr


def test_plain_ipython_says_what_it_needs(tmp_path):
    told = ipython(
        tmp_path,
        "%load_ext jupyter_agent_ext",
        "%agent what is {there}?",
        "%agent --help",
        "import sys; print('heavy:', {'litellm', 'jupyter_server', 'msgspec'} & set(sys.modules))",
    )
    assert "UsageError: %agent works in kernels that a Jupyter server" in told
    assert "--session" in told
    assert "heavy: set()" in told


@pytest.fixture
def jp_server_config():
    return {"ServerApp": {"jpserver_extensions": {"jupyter_agent_ext": False}}}


async def test_a_server_without_the_extension_is_told_apart(jp_serverapp, open_notebook):
    typist = Typist(await open_notebook())
    ran = await typist.run("%agent hello")
    assert "`%agent` not found" in str(ran.outputs)
    await typist.run("%load_ext jupyter_agent_ext")
    ran = await typist.run("%agent hello")
    assert ran.reply["ename"] == "UsageError"
    assert "no such server has reached this one" in ran.error

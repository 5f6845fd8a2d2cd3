"""The kernels of a real server: starts, restarts, shutdowns and sessions."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys

import nbformat
import pytest

from jupyter_agent_ext.errors import KernelError, NotFoundError
from jupyter_agent_ext.kernels.client import KernelConnection
from jupyter_agent_ext.kernels.directory import KernelDirectory
from jupyter_agent_ext.protocols import Kernels

from .conftest import User, until

LOG = logging.getLogger("tests.kernels")
PROBE = "__import__('builtins')._jupyter_agent_probe_"


@pytest.fixture
def make_directory(jp_serverapp, jp_asyncio_loop):
    made = []

    def make(**kwargs):
        made.append(KernelDirectory(jp_serverapp, owner="the tests", log=LOG, **kwargs))
        return made[-1]

    yield make
    for directory in made:
        jp_asyncio_loop.run_until_complete(directory.close())
    manager = jp_serverapp.kernel_manager
    for kernel_id in manager.list_kernel_ids():
        jp_asyncio_loop.run_until_complete(manager.shutdown_kernel(kernel_id, now=True))


@pytest.fixture
def directory(make_directory):
    directory = make_directory()
    directory.listen()
    return directory


@pytest.fixture
def manager(jp_serverapp):
    return jp_serverapp.kernel_manager


@pytest.fixture
def write_notebook(jp_root_dir):
    def write(path, **metadata):
        file = jp_root_dir / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if "kernelspec" in metadata:
            metadata["kernelspec"] = {"display_name": "any", **metadata["kernelspec"]}
        notebook = nbformat.v4.new_notebook(metadata=metadata)
        file.write_text(nbformat.writes(notebook))

    return write


@pytest.fixture
def write_kernelspec(jp_data_dir):
    def write(name, argv, **more):
        folder = jp_data_dir / "kernels" / name
        folder.mkdir(parents=True)
        spec = {"argv": argv, "display_name": name, "language": "python", **more}
        (folder / "kernel.json").write_text(json.dumps(spec))

    return write


async def has_probe(manager, kernel_id):
    """Ask as a user's first cell whether the injection was there before it.

    As every front end behind Jupyter Server's websocket, it first waits for kernel_info.
    """
    user = User(manager.get_kernel(kernel_id))
    try:
        await user.ready()
        cell = user.run("", user_expressions={"here": PROBE})
        reply = await user.reply(cell, timeout=30)
        return reply["user_expressions"]["here"]["status"] == "ok"
    finally:
        user.close()


async def test_it_keeps_the_protocol(directory):
    assert isinstance(directory.get, type(Kernels.get.__get__(directory)))
    with pytest.raises(NotFoundError):
        await directory.get("no-such-kernel")


async def test_the_injection_is_there_before_the_first_cell(directory, manager):
    kernel_id = await manager.start_kernel()
    assert await has_probe(manager, kernel_id)
    kernel = await directory.get(kernel_id)
    assert kernel is await directory.get(kernel_id)


async def test_the_injection_is_there_again_after_a_restart(directory, manager):
    restarts = []
    directory.on_restart.append(lambda *what: restarts.append(what))
    kernel_id = await manager.start_kernel()
    kernel = await directory.get(kernel_id)
    await until(lambda: kernel.state == "idle")
    await manager.restart_kernel(kernel_id)
    assert await has_probe(manager, kernel_id)
    assert [r[0] for r in restarts] == [kernel_id]
    assert await directory.get(kernel_id) is kernel


async def test_variables_are_read_before_and_after_a_restart(directory, manager):
    kernel_id = await manager.start_kernel()
    kernel = await directory.get(kernel_id)
    await kernel.execute("answer = 42", timeout=20)
    before = await kernel.pull()
    assert before.variables["answer"]["value"] == 42
    assert kernel.epoch == before.epoch is not None
    await manager.restart_kernel(kernel_id)
    await kernel.execute("other = 1", timeout=20)
    after = await kernel.pull()
    assert list(after.variables) == ["other"]
    assert after.epoch not in (None, before.epoch)


async def test_a_kernel_that_is_killed_is_restarted_and_injected_again(directory, manager):
    deaths, restarts = [], []
    directory.on_death.append(deaths.append)
    directory.on_restart.append(lambda kernel_id, _: restarts.append(kernel_id))
    kernel_id = await manager.start_kernel()
    kernel = await directory.get(kernel_id)
    await until(lambda: kernel.state == "idle")
    running = asyncio.create_task(kernel.execute("import time; time.sleep(60)", timeout=None))
    await until(lambda: kernel.state == "busy")
    os.kill(kernel.km.provisioner.pid, signal.SIGKILL)
    assert (await asyncio.wait_for(running, 5)).status == "died"
    await until(lambda: restarts == [kernel_id])
    assert deaths == [kernel_id]
    assert await has_probe(manager, kernel_id)
    assert (await kernel.execute(PROBE, timeout=10)).status == "ok"


async def test_new_ports_after_a_restart_are_followed(directory, manager):
    manager.config.KernelManager.cache_ports = False  # else they are kept
    kernel_id = await manager.start_kernel()
    kernel = await directory.get(kernel_id)
    await until(lambda: kernel.state == "idle")
    ports = list(kernel.km.ports)
    await kernel.km.restart_kernel(now=True, newports=True)
    assert kernel.km.ports != ports
    await until(lambda: kernel.state == "starting")
    await until(lambda: kernel.state == "idle")
    assert (await kernel.execute(PROBE, timeout=10)).status == "ok"


async def test_a_shutdown_closes_the_connection(directory, manager):
    kernel_id = await manager.start_kernel()
    kernel = await directory.get(kernel_id)
    await until(lambda: kernel.state == "idle")
    await manager.shutdown_kernel(kernel_id, now=True)
    await until(lambda: kernel.state == "dead")
    with pytest.raises(NotFoundError):
        await directory.get(kernel_id)


async def test_a_kernel_that_ran_before_is_connected_by_listen(make_directory, manager):
    kernel_id = await manager.start_kernel()
    directory = make_directory()
    directory.listen()
    kernel = await directory.get(kernel_id)
    await until(lambda: kernel.state == "idle")
    assert (await kernel.execute(PROBE, timeout=10)).status == "ok"


async def test_on_use_connects_only_when_asked(make_directory, manager):
    directory = make_directory(attach="on_use")
    directory.listen()
    kernel_id = await manager.start_kernel()
    assert not await has_probe(manager, kernel_id)
    kernel = await directory.get(kernel_id)
    assert (await kernel.execute(PROBE, timeout=10)).status == "ok"


async def test_never_runs_code_and_injects_nothing(make_directory, manager):
    directory = make_directory(attach="never")
    directory.listen()
    kernel = await directory.get(await manager.start_kernel())
    result = await kernel.execute(PROBE, timeout=10)
    assert result.error["ename"] == "AttributeError"
    snapshot = await kernel.pull()
    assert snapshot.source == "none"
    assert "switched off" in snapshot.note
    with pytest.raises(KernelError):
        await kernel.inspect("x")


async def test_a_kernelspec_can_opt_out(directory, manager, write_kernelspec):
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    write_kernelspec("private", argv, metadata={"jupyter_agent": False})
    kernel_id = await manager.start_kernel(kernel_name="private")
    assert not await has_probe(manager, kernel_id)


async def test_start_makes_a_session_as_opening_the_notebook_would(
    directory, jp_serverapp, write_notebook
):
    write_notebook("folder/work.ipynb", kernelspec={"name": "python3", "language": "python"})
    first, second = await asyncio.gather(
        directory.start("folder/work.ipynb"), directory.start("/folder/work.ipynb")
    )
    assert first == second
    (session,) = await jp_serverapp.session_manager.list_sessions()
    assert session["path"] == "folder/work.ipynb"
    assert session["name"] == "work.ipynb"
    assert session["kernel"]["id"] == first
    assert await directory.of_notebook("folder/work.ipynb") == [first]
    kernel = await directory.get(first)
    code = "import os; print(os.path.basename(os.getcwd()), os.environ['JPY_SESSION_NAME'])"
    text = (await kernel.execute(code, timeout=20)).outputs[0]["text"]
    assert text.startswith("folder ")
    assert text.endswith("work.ipynb\n")


async def test_the_newest_kernel_of_a_notebook_comes_first(directory, jp_serverapp, write_notebook):
    write_notebook("two.ipynb")
    ids = []
    for _ in range(2):
        session = await jp_serverapp.session_manager.create_session(
            path="two.ipynb", name="two.ipynb", type="notebook"
        )
        ids.append(session["kernel"]["id"])
    assert await directory.of_notebook("two.ipynb") == ids[::-1]
    assert await directory.of_notebook("other.ipynb") == []


async def test_start_without_a_notebook_or_without_its_language_says_so(
    directory, jp_serverapp, write_notebook
):
    with pytest.raises(NotFoundError):
        await directory.start("nowhere.ipynb")
    write_notebook("stats.ipynb", kernelspec={"name": "ir42", "language": "R"})
    with pytest.raises(KernelError, match="ir42") as caught:
        await directory.start("stats.ipynb")
    assert "Install a kernel for r" in caught.value.hint
    write_notebook("old.ipynb", kernelspec={"name": "my-env", "language": "python"})
    kernel_id = await directory.start("old.ipynb")
    assert jp_serverapp.kernel_manager.get_kernel(kernel_id).kernel_name == "python3"


async def test_a_kernel_that_never_answers_is_an_error(
    manager, write_kernelspec, zmq_context, jp_asyncio_loop
):
    write_kernelspec("mute", [sys.executable, "-c", "import time; time.sleep(60)"])
    kernel_id = await manager.start_kernel(kernel_name="mute")
    km = manager.get_kernel(kernel_id)
    kernel = KernelConnection(
        km, kernel_id, context=zmq_context, log=LOG, owner="the tests", start=0.3
    )
    assert kernel.state == "starting"
    with pytest.raises(KernelError, match="not answered"):
        await kernel.execute("1", timeout=1)
    assert (await kernel.pull(timeout=0.3)).source == "none"
    await kernel.close()
    await manager.shutdown_kernel(kernel_id, now=True)


async def test_a_kernel_that_cannot_start_is_an_error(directory, write_kernelspec, write_notebook):
    write_kernelspec("broken", ["/nonexistent/kernel"])
    write_notebook("broken.ipynb", kernelspec={"name": "broken"})
    with pytest.raises(KernelError, match="broken"):
        await directory.start("broken.ipynb")


async def test_the_end_of_an_execution_is_told_for_any_client(directory, manager):
    ends = []
    directory.on_execution_end.append(ends.append)
    kernel_id = await manager.start_kernel()
    kernel = await directory.get(kernel_id)
    await until(lambda: kernel.state == "idle")
    user = User(manager.get_kernel(kernel_id))
    await user.reply(user.run("x = 1"))
    user.close()
    await until(lambda: ends == [kernel_id])

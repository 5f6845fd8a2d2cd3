"""The same with ipykernel 6.29, laid before the installed one for the kernel alone."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from importlib.metadata import version

import pytest

from tests.magic.conftest import Typist, results, scripted
from tests.scripted_model import LITELLM_WARNINGS, Call, Hang, Text
from tests.server.conftest import eventually

pytestmark = LITELLM_WARNINGS
OLD = "6.29.5"


@pytest.fixture(scope="session")
def old_ipykernel(request):
    """A folder with ipykernel 6.29, kept in pytest's cache; its dependencies are the installed."""
    folder = request.config.cache.mkdir(f"ipykernel-{OLD}")
    if not (folder / "ipykernel").exists():
        options = ["--quiet", "--no-deps", "--target", str(folder)]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", *options, f"ipykernel=={OLD}"],
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            pytest.skip(f"ipykernel {OLD} cannot be installed: {done.stderr[-200:]}")
    return folder


@pytest.fixture
def agent_config(scripted_model):
    return scripted(scripted_model)


@pytest.fixture
def typist(jp_asyncio_loop, jp_data_dir, old_ipykernel, open_notebook):
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "old",
        "language": "python",
        "env": {"PYTHONPATH": str(old_ipykernel)},
    }
    place = jp_data_dir / "kernels" / "old"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(spec))
    return Typist(jp_asyncio_loop.run_until_complete(open_notebook(kernel="old")))


async def test_it_asks_runs_code_and_reads_variables(typist, scripted_model, logbook):
    assert version("ipykernel") != OLD
    assert await typist.value("__import__('ipykernel').__version__") == repr(OLD)
    code = "import asyncio\nawait asyncio.sleep(0)\nprint('printed')\ny = x + 1\ny"
    scripted_model.script(Call("run_code", {"code": code}))
    scripted_model.script(Text("It is {2}?"))
    ran = await typist.run("x = 1\n%agent what's {x}?")
    assert ran.status == "ok", ran.error
    assert [o["output_type"] for o in ran.outputs] == ["display_data", "stream", "execute_result"]
    assert "It is {2}?" in ran.markdown
    assert '"source":"main"' in scripted_model.requests[0].last_user_text
    turn = await logbook.ended("completed")
    assert turn.query == "what's {x}?"
    ((_, status, told),) = results(turn)
    assert status == "ok"
    assert '"y"' in told


async def test_a_blocking_cell_works_too(typist, scripted_model, logbook):
    scripted_model.script(Call("run_code", {"code": "print('printed')"}))
    scripted_model.script(Text("Done."))
    ran = await typist.run("def ask():\n    %agent go\nx = 1\nask()")
    assert ran.status == "ok", ran.error
    assert ran.printed == "printed\n"
    assert '"source":"main"' in scripted_model.requests[0].last_user_text


@pytest.mark.parametrize("mode", ["wait", "code", "await"])
async def test_an_interrupt_ends_it_at_once(typist, scripted_model, logbook, jp_serverapp, mode):
    work = {"code": "print('on')\nimport time\ntime.sleep(30)"}
    if mode == "await":
        work = {"code": "print('on')\nimport asyncio\nawait asyncio.sleep(30)"}
    scripted_model.script(Text("I think"), Hang() if mode == "wait" else Call("run_code", work))
    seen = []
    cell = asyncio.ensure_future(
        typist.run("%agent go", on_message=lambda m: seen.append(m["header"]["msg_type"]))
    )
    await eventually(lambda: scripted_model.requests if mode == "wait" else "stream" in seen)
    await jp_serverapp.kernel_manager.get_kernel(typist.kernel_id).interrupt_kernel()
    pressed = time.monotonic()
    ran = await cell
    turn = await logbook.ended("interrupted")
    assert time.monotonic() - pressed < 5
    assert ran.reply["ename"] == "KeyboardInterrupt"
    assert turn.reason == "interrupted in the cell"


async def test_an_inline_question_works(typist, scripted_model, logbook, api):
    await typist.run("%agent --mode ask --model embedded hello")
    scripted_model.script(Call("run_code", {"code": "x = 5"}))
    scripted_model.script(Text("Done."))
    ran = await typist.run("%agent --mode ask go", answers=["y"])
    assert ran.status == "ok", ran.error
    assert await typist.value("x") == "5"

"""Whole notebooks with `%agent`, run by nbclient and papermill in kernels of the server."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from scripts.quickstart import RunningKernel
from tests.magic.conftest import results, scripted
from tests.scripted_model import LITELLM_WARNINGS, Call, Status, Text

pytestmark = LITELLM_WARNINGS


@pytest.fixture
def mode():
    return "auto"


@pytest.fixture
def agent_config(scripted_model, mode):
    return scripted(scripted_model, mode=mode)


@pytest.fixture
def fresh_kernel(jp_asyncio_loop, jp_serverapp, jp_kernel_env, jp_fetch, notebook):
    """Start a kernel for the example notebook; nobody has waited for it to answer."""

    async def start(path=notebook):
        body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
        response = await jp_fetch("api", "sessions", method="POST", body=json.dumps(body))
        kernel_id = json.loads(response.body)["kernel"]["id"]
        km = jp_serverapp.kernel_manager.get_kernel(kernel_id)
        return km.connection_file

    return start


async def run_all(connection_file, *sources):
    """Run cells one after another; return the notebook as it is then, and what stopped it."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    book = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(
        book, km=RunningKernel(connection_file), timeout=60, coalesce_streams=True
    )
    try:
        await client.async_execute()
    except CellExecutionError as error:
        return book, error
    finally:
        client.kc.stop_channels()
    return book, None


async def test_run_all_with_the_agent_in_the_first_cell_of_a_fresh_kernel(
    fresh_kernel, scripted_model, logbook, caplog
):
    scripted_model.script(Text("Hello."))
    scripted_model.script(Call("run_code", {"code": "print('by the agent')\nx = 2\nx"}))
    scripted_model.script(Text("Two **things**."))
    file = await fresh_kernel()
    caplog.set_level(logging.WARNING, "traitlets")
    book, error = await run_all(
        file, "%agent hello", "%%agent --into told\ngo on", "print(x, told)"
    )
    assert error is None
    assert not [r for r in caplog.records if "unhandled iopub" in r.getMessage()]
    nbformat.validate(book)
    first, second, third = book.cells
    assert first.outputs[0].data == {"text/markdown": "Hello.", "text/plain": "Hello."}
    kinds = [o.output_type for o in second.outputs]
    assert kinds == ["display_data", "stream", "execute_result"], second.outputs
    assert second.outputs[0].data["text/markdown"].startswith("Two **things**.")
    assert third.outputs[0].text == "2 Two **things**.\n"
    assert [cell.execution_count for cell in book.cells] == [1, 2, 3]
    assert len(await logbook.turns()) == 2


async def test_a_failing_turn_stops_the_run(fresh_kernel, scripted_model, logbook):
    scripted_model.script(Status(400, "no such thing"))
    file = await fresh_kernel()
    book, error = await run_all(file, "%agent hello", "never = 1")
    assert error.ename == "AgentTurnError"
    assert "no such thing" in error.evalue
    assert book.cells[0].outputs[-1].output_type == "error"
    assert book.cells[1].execution_count is None


@pytest.mark.parametrize("mode", ["ask"])
async def test_a_run_that_would_need_approval_stops_and_says_so(
    fresh_kernel, scripted_model, logbook
):
    scripted_model.script(Call("run_code", {"code": "x = 1"}))
    file = await fresh_kernel()
    _, error = await run_all(file, "%agent hello", "never = 1")
    assert "takes no input" in error.evalue
    assert "magic_effects" in error.evalue
    turn = await logbook.ended("interrupted")
    assert [status for _, status, _ in results(turn)] == ["interrupted"]


async def test_papermill_runs_it_and_stops_at_a_failure(
    fresh_kernel, scripted_model, logbook, tmp_path
):
    scripted_model.script(Call("run_code", {"code": "x = parameter + 1\nx"}))
    scripted_model.script(Text("It is three."))
    file, source, target = await fresh_kernel(), tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    parameters = nbformat.v4.new_code_cell("parameter = 0", metadata={"tags": ["parameters"]})
    cells = [nbformat.v4.new_code_cell(c) for c in ("%agent go", "assert x == 3", "%agent fail")]
    spec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    book = nbformat.v4.new_notebook(cells=[parameters, *cells], metadata={"kernelspec": spec})
    nbformat.write(book, source)

    scripted_model.script(Status(400, "no such thing"))
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "tests.magic.run_papermill", file, str(source), str(target)],
        '{"parameter": 2}',
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert "PapermillExecutionError" in told.decode()
    assert "no such thing" in told.decode()
    assert "unhandled iopub" not in told.decode()
    done = nbformat.read(target, 4)
    answers = [
        o for c in done.cells for o in c.get("outputs", []) if "text/markdown" in o.get("data", {})
    ]
    assert any("It is three." in o.data["text/markdown"] for o in answers)
    assert len(await logbook.turns()) == 2

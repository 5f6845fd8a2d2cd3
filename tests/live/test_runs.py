"""Cells run by the page: the server collects what comes of them, whatever the page does."""

from __future__ import annotations

import asyncio
import time

import nbformat
import pytest

from tests.scripted_model import LITELLM_WARNINGS, Call, Text

from .conftest import file_sources, result_text

pytestmark = LITELLM_WARNINGS


@pytest.fixture
def running(make_notebook, jp_root_dir, open_notebook, attach):
    """Open a notebook of one cell in a page with a kernel."""

    async def open_it(source, *more, client_id="page-0001"):
        path = make_notebook("run.ipynb", source, *more)
        person = await open_notebook(path)
        page, session = await attach(path, client_id, person=person)
        return path, person, page, session, page.notebooks[path][0]["id"]

    return open_it


async def test_the_page_runs_the_cell_and_the_server_collects_its_outputs(
    api, running, scripted_model, jp_root_dir
):
    path, person, page, session, cell_id = await running(
        "import time\nprint('one', flush=True)\ntime.sleep(0.3)\nprint('two')\nx = 6 * 7\nx"
    )
    before = (jp_root_dir / path).read_bytes()
    scripted_model.script(Call("run_cell", {"cell_id": cell_id}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Run it", notebook=path)
    told = result_text(scripted_model.requests[1])
    assert "one" in told
    assert "two" in told
    assert "42" in told
    assert '"x"' in told, "what changed among the variables"
    assert answer["steps"][0]["calls"][0]["status"] == "ok"
    assert len(page.sent_runs) == 1
    assert page.cell(path, cell_id)["execution_count"] == 1
    assert [o["output_type"] for o in page.cell(path, cell_id)["outputs"]][-1] == "execute_result"
    assert (jp_root_dir / path).read_bytes() == before
    streamed = [e["data"]["output"] for e in page.events(session) if e["type"] == "tool.output"]
    assert streamed[0]["text"].strip() == "one"
    kinds = [k for k in page.kinds(session) if k.startswith("request")]
    started = ["request.started"] * 2  # the claim, then the code that was sent
    assert kinds == ["request.opened", "request.leased", *started, "request.answered"]
    opened = next(e for e in page.events(session) if e["type"] == "request.opened")
    assert opened["data"]["payload"]["kernel_id"] == person.kernel_id


async def test_an_error_of_the_cell_is_told(api, running, scripted_model):
    path, *_, cell_id = await running("1 / 0")
    scripted_model.script(Call("run_cell", {"cell_id": cell_id}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Run it", notebook=path)
    assert answer["steps"][0]["calls"][0]["status"] == "error"
    assert "ZeroDivisionError" in result_text(scripted_model.requests[1])


async def test_a_tab_closed_in_the_middle_of_a_run_loses_nothing(
    api, running, scripted_model, jp_root_dir
):
    path, _person, page, session, cell_id = await running(
        "import time\nprint('begun', flush=True)\ntime.sleep(0.8)\nprint('ended')"
    )
    scripted_model.script(Call("run_cell", {"cell_id": cell_id}))
    scripted_model.script(Text("done"))
    asked = asyncio.ensure_future(api.quick("Run it", notebook=path))
    await page.until(session, "tool.output")
    await page.close()
    _, answer = await asked
    assert answer["steps"][0]["calls"][0]["status"] == "ok", answer["steps"]
    assert "ended" in result_text(scripted_model.requests[1])
    cell = nbformat.read(jp_root_dir / path, as_version=4)["cells"][0]
    assert "ended" in cell["outputs"][0]["text"]
    assert cell["execution_count"] == 1


@pytest.mark.usefixtures("short_lease")
async def test_a_run_of_which_nobody_knows_is_not_repeated(api, running, scripted_model):
    path, person, page, _, cell_id = await running("n = globals().get('n', 0) + 1")
    page.obeys = False
    scripted_model.script(Call("run_cell", {"cell_id": cell_id}))
    scripted_model.script(Text("I see"))
    # it reads on, and takes no run up
    page.on_frame = _only_reads(page)
    _, answer = await api.quick("Run it", notebook=path)
    assert answer["steps"][0]["calls"][0]["status"] == "error"
    assert "unknown" in result_text(scripted_model.requests[1])
    assert (await person.run("assert 'n' not in globals()"))["status"] == "ok"


def _only_reads(page):
    async def on_frame(frame):
        if frame["type"] == "read":
            page.answer_read(frame)

    return on_frame


async def test_an_interrupt_reaches_a_cell_that_the_page_runs(api, running, scripted_model):
    path, person, page, session, cell_id = await running(
        "import time\nprint('begun', flush=True)\nfor _ in range(600): time.sleep(0.1)"
    )
    scripted_model.script(Call("run_cell", {"cell_id": cell_id}))
    asked = asyncio.ensure_future(api.quick("Run it", notebook=path))
    await page.until(session, "tool.output")
    before = time.monotonic()
    await api.post("sessions", session, "interrupt")
    _, answer = await asked
    assert time.monotonic() - before < 5
    assert answer["status"] == "interrupted"
    assert (await person.run("'free again'", timeout=5))["status"] == "ok"
    ended = page.cell(path, cell_id)["outputs"][-1]
    assert ended["ename"] == "KeyboardInterrupt"


async def test_a_timeout_interrupts_a_cell_that_the_page_runs(api, running, scripted_model):
    path, *_, cell_id = await running("import time\nfor _ in range(600): time.sleep(0.1)")
    scripted_model.script(Call("run_cell", {"cell_id": cell_id, "timeout": 1}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Run it", notebook=path)
    assert answer["steps"][0]["calls"][0]["status"] == "error"
    assert "longer than 1 s" in result_text(scripted_model.requests[1])


async def test_a_run_waits_behind_the_persons_own_cell(api, running, scripted_model):
    path, person, _page, _session, cell_id = await running("y = x + 1\ny")
    busy = person.begin("import time; time.sleep(0.8); x = 1")
    scripted_model.script(Call("run_cell", {"cell_id": cell_id}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Run it", notebook=path)
    assert busy
    assert answer["steps"][0]["calls"][0]["status"] == "ok"
    assert "2" in result_text(scripted_model.requests[1])


async def test_a_cell_that_changed_since_is_not_run(api, running, scripted_model):
    path, _person, page, _session, cell_id = await running("z = 1")
    inner = page._run

    async def type_first(session, request_id, payload):
        page.cell(path, cell_id)["source"] = "z = 'typed'"
        return await inner(session, request_id, payload)

    page._run = type_first
    scripted_model.script(Call("run_cell", {"cell_id": cell_id}))
    scripted_model.script(Text("I see"))
    await api.quick("Run it", notebook=path)
    assert "z = 'typed'" in result_text(scripted_model.requests[1])
    assert page.sent_runs == []


async def test_a_page_with_another_kernel_gets_the_outputs_but_does_not_run(
    api, running, open_notebook, scripted_model, jp_root_dir
):
    path, _person, page, _session, cell_id = await running("print('from the server')")
    page.kernels.clear()
    page.tell(path)
    await asyncio.sleep(0.1)
    before = file_sources(jp_root_dir, path)
    scripted_model.script(Call("run_cell", {"cell_id": cell_id}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Run it", notebook=path)
    assert answer["steps"][0]["calls"][0]["status"] == "ok"
    assert page.sent_runs == []
    assert page.cell(path, cell_id)["outputs"][0]["text"] == "from the server\n"
    assert page.cell(path, cell_id)["execution_count"] == 1
    assert file_sources(jp_root_dir, path) == before

"""How a turn that a cell waits for ends before it is done: in the cell, and in the log."""

from __future__ import annotations

import asyncio
import time

import pytest

from jupyter_agent_ext.errors import StoreError
from tests.magic.conftest import Typist, results, scripted
from tests.scripted_model import LITELLM_WARNINGS, Call, Hang, Status, Text
from tests.server.conftest import eventually

pytestmark = LITELLM_WARNINGS
SOON = 5.0  # seconds, however busy the machine; benchmarks measure, tests do not


@pytest.fixture
def agent_config(scripted_model):
    return scripted(scripted_model)


@pytest.fixture
def interrupt(typist, jp_serverapp):
    """Press ■, and return when."""

    async def press():
        await jp_serverapp.kernel_manager.get_kernel(typist.kernel_id).interrupt_kernel()
        return time.monotonic()

    return press


BLOCKING = "def ask():\n    %agent go\nask()"


async def interrupted(cell, pressed, logbook):
    """Check that the cell, and the turn in the log, ended soon after ■; return the turn."""
    ran = await cell
    assert time.monotonic() - pressed < SOON
    assert ran.reply["ename"] == "KeyboardInterrupt"
    turn = await logbook.ended("interrupted")
    assert turn.reason == "interrupted in the cell"
    assert time.monotonic() - pressed < SOON
    return turn


@pytest.mark.parametrize("code", ["%agent go", BLOCKING])
async def test_an_interrupt_ends_the_wait_for_the_model(
    typist, scripted_model, logbook, interrupt, code
):
    scripted_model.script(Text("I think"), Hang())
    cell = asyncio.ensure_future(typist.run(code))
    await eventually(lambda: scripted_model.requests)
    turn = await interrupted(cell, await interrupt(), logbook)
    assert turn.messages[-1].role in ("user", "assistant")
    scripted_model.script(Text("Again."))
    assert (await typist.run("%agent go on")).markdown == "Again."


@pytest.mark.parametrize("code", ["%agent go", BLOCKING])
@pytest.mark.parametrize(
    "work", ["import time\nwhile True: time.sleep(0.01)", "import time\ntime.sleep(30)"]
)
async def test_an_interrupt_ends_the_agents_code_and_the_turn(
    typist, scripted_model, logbook, interrupt, code, work
):
    scripted_model.script(Call("run_code", {"code": f"reached = 1; print('on')\n{work}"}))
    begun = asyncio.Event()

    def look(message):
        if message["header"]["msg_type"] == "stream":
            begun.set()

    cell = asyncio.ensure_future(typist.run(code, on_message=look))
    await asyncio.wait_for(begun.wait(), 20)
    turn = await interrupted(cell, await interrupt(), logbook)
    assert len(scripted_model.requests) == 1
    assert [status for _, status, _ in results(turn)] == ["interrupted"]
    assert await typist.value("reached") == "1"


async def test_an_interrupt_ends_code_that_awaits(typist, scripted_model, logbook, interrupt):
    work = "import asyncio\nprint('on')\nawait asyncio.sleep(30)"
    scripted_model.script(Call("run_code", {"code": work}))
    begun = asyncio.Event()

    def look(message):
        if message["header"]["msg_type"] == "stream":
            begun.set()

    cell = asyncio.ensure_future(typist.run("%agent go", on_message=look))
    await asyncio.wait_for(begun.wait(), 20)
    await interrupted(cell, await interrupt(), logbook)


async def test_what_follows_in_the_cell_can_be_interrupted_too(
    typist, scripted_model, interrupt, logbook
):
    scripted_model.script(Text("Done."))
    code = "%agent go\nprint('on')\nimport time\nwhile True: time.sleep(0.01)"
    begun = asyncio.Event()

    def look(message):
        if message["header"]["msg_type"] == "stream":
            begun.set()

    cell = asyncio.ensure_future(typist.run(code, on_message=look))
    await asyncio.wait_for(begun.wait(), 20)
    pressed = await interrupt()
    ran = await cell
    assert time.monotonic() - pressed < SOON
    assert ran.reply["ename"] == "KeyboardInterrupt"
    await logbook.ended("completed")
    assert (await typist.run("1 + 1")).status == "ok"


async def test_an_interrupt_over_rest_ends_the_cell(typist, scripted_model, logbook, api):
    scripted_model.script(Text("I think"), Hang())
    cell = asyncio.ensure_future(typist.run("%agent go"))
    await eventually(lambda: scripted_model.requests)
    (session,) = await logbook.sessions()
    await api.post("sessions", session.session_id, "interrupt")
    ran = await cell
    assert ran.reply["ename"] == "AgentTurnError"
    assert "interrupted by the user" in ran.error
    await logbook.ended("interrupted")


async def test_a_failing_model_makes_the_cell_fail(typist, scripted_model, logbook):
    scripted_model.script(Status(400, "no such thing"))
    ran = await typist.run("%agent go\nnever = 1")
    assert ran.reply["ename"] == "AgentTurnError"
    assert "failed" in ran.error
    assert "no such thing" in ran.error
    await logbook.ended("failed")
    assert await typist.value("'never' in globals()") == "False"


async def test_a_store_that_cannot_be_read_makes_the_cell_fail(
    typist, scripted_model, logbook, monkeypatch
):
    scripted_model.script(Text("First."))
    await typist.run("%agent go")

    async def read(*arguments):
        raise StoreError("the disk is gone")

    scripted_model.script(Hang())
    with monkeypatch.context() as patch:
        patch.setattr(logbook.manager.services.store, "read", read)
        ran = await typist.run("%agent again", timeout=30)
    assert ran.reply["ename"] == "AgentTurnError"
    assert "the disk is gone" in ran.error
    await logbook.ended("interrupted")


async def test_a_restart_of_the_kernel_ends_the_turn_with_a_valid_history(
    typist, scripted_model, logbook, jp_serverapp
):
    scripted_model.script(Call("run_code", {"code": "print('on')\nimport time\ntime.sleep(30)"}))
    begun = asyncio.Event()

    def look(message):
        if message["header"]["msg_type"] == "stream":
            begun.set()

    cell = asyncio.ensure_future(typist.run("%agent go", on_message=look))
    await asyncio.wait_for(begun.wait(), 20)
    await jp_serverapp.kernel_manager.restart_kernel(typist.kernel_id, now=True)
    turn = await logbook.ended("interrupted")
    assert turn.reason == "the kernel was restarted or died"
    assert turn.unanswered() == []
    cell.cancel()
    await asyncio.gather(cell, return_exceptions=True)
    await typist.client.wait_for_ready(timeout=30)
    scripted_model.script(Text("Back again."))
    assert (await typist.run("%agent still there?")).markdown == "Back again."


async def test_a_kernel_that_is_shut_down_ends_the_turn(
    typist, scripted_model, logbook, jp_serverapp
):
    scripted_model.script(Call("run_code", {"code": "print('on')\nimport time\ntime.sleep(30)"}))
    begun = asyncio.Event()

    def look(message):
        if message["header"]["msg_type"] == "stream":
            begun.set()

    cell = asyncio.ensure_future(typist.run("%agent go", on_message=look))
    await asyncio.wait_for(begun.wait(), 20)
    await jp_serverapp.kernel_manager.shutdown_kernel(typist.kernel_id, now=True)
    turn = await logbook.ended("interrupted")
    assert turn.unanswered() == []
    cell.cancel()
    await asyncio.gather(cell, return_exceptions=True)


async def test_a_server_that_stops_ends_the_cell(typist, scripted_model, logbook, jp_serverapp):
    scripted_model.script(Text("I think"), Hang())
    cell = asyncio.ensure_future(typist.run("%agent go"))
    await eventually(lambda: scripted_model.requests)
    app = jp_serverapp.extension_manager.extension_apps["jupyter_agent_ext"]
    (extension,) = app
    await extension.stop_extension()
    ran = await cell
    assert ran.reply["ename"] == "AgentTurnError"
    assert "the server was stopped" in ran.error
    begun = time.monotonic()
    ran = await typist.run("%agent anybody?")
    assert "No Jupyter server answered" in ran.error
    assert 1.9 < time.monotonic() - begun < 20


async def test_a_turn_whose_cell_is_gone_is_not_resumed(typist, scripted_model, logbook):
    from jupyter_agent_ext import events as ev
    from jupyter_agent_ext.events import Draft

    scripted_model.respond(lambda asked: [Text("The answer.")])
    await typist.run("%agent one")
    (session,) = await logbook.sessions()
    log = await logbook.manager.open(
        (await logbook.manager.services.store.cards(None, logbook.manager.root))[0].key
    )
    data = {"query": "two", "surface": "magic", "parent": session.head, "mode": "auto"}
    await log.append(Draft(ev.TURN_STARTED, {**data, "model": "openai/scripted"}, "left"))
    await logbook.manager.turns.resume(log)
    turn = await logbook.ended("interrupted")
    assert (turn.turn_id, turn.reason) == ("left", "the server stopped while the cell waited")
    assert len(scripted_model.requests) == 1


async def test_two_servers_on_one_kernel_only_its_owner_answers(
    typist, scripted_model, logbook, jp_serverapp, jp_asyncio_loop
):
    import logging

    from jupyter_agent_ext.kernels.cells import Cells
    from jupyter_agent_ext.kernels.channels import new_context
    from jupyter_agent_ext.kernels.client import KernelConnection

    scripted_model.respond(lambda asked: [Text("The answer.")])
    context, log = new_context(), logging.getLogger("other server")
    other = KernelConnection(
        jp_serverapp.kernel_manager.get_kernel(typist.kernel_id),
        typist.kernel_id,
        context=context,
        log=log,
        owner="another server",
    )
    heard, told = [], []

    def on_ask(cell):
        heard.append(cell)
        told.append(asyncio.ensure_future(cell.tell([{"kind": "refused", "message": "mine"}])))

    Cells(other, on_ask)
    try:
        await eventually(lambda: other.state == "idle")
        ran = await typist.run("%agent who answers?")
        assert ran.markdown == "The answer."
        await eventually(lambda: heard)
        assert await asyncio.gather(*told) == [False]
        assert len(await logbook.turns()) == 1
    finally:
        await other.close()
        context.destroy(linger=0)


async def test_two_kernels_ask_at_the_same_time(
    typist, scripted_model, open_notebook, make_notebook, logbook
):
    scripted_model.respond(lambda asked: [Text("The answer.")])
    other = Typist(await open_notebook(make_notebook("other.ipynb", "1")))
    both = await asyncio.gather(typist.run("%agent one"), other.run("%agent two"))
    assert [ran.markdown for ran in both] == ["The answer.", "The answer."]
    assert len(await logbook.sessions()) == 2

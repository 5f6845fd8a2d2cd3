"""Models that fail and turns that are interrupted leave a history that goes on."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from tests.scripted_model import (
    LITELLM_WARNINGS,
    Call,
    Cut,
    Endless,
    Hang,
    NoEnd,
    Raw,
    Status,
    Text,
    ToolDelta,
    Until,
)
from tests.server.conftest import eventually, limit_pages, scripted_config

pytestmark = LITELLM_WARNINGS


@pytest.fixture
def agent_config(scripted_model):
    return scripted_config(scripted_model)


async def test_interrupting_code_ends_the_turn_and_the_history_stays_valid(
    api, open_notebook, scripted_model, follow
):
    person = await open_notebook()
    scripted_model.script(
        Call("run_code", {"code": "import time\nprint('in')\nwhile True: time.sleep(0.01)"}),
        Call("run_code", {"code": "after = 1"}),
    )
    scripted_model.script(Text("going on"))
    _, running = await api.quick("Run for ever", timeout=0)
    follower = follow("sessions", running["session_id"], "events")
    await follower.until("tool.output")
    status, done = await api.post("sessions", running["session_id"], "interrupt")
    assert (status, done) == (200, {"done": True})
    ended = await follower.until("turn.ended")
    assert ended["data"]["status"] == "interrupted"
    assert [d["data"]["status"] for d in follower.of("tool.completed")] == ["interrupted"] * 2
    assert (await person.run("assert 'after' not in globals()"))["status"] == "ok"
    status, again = await api.post("sessions", running["session_id"], "interrupt")
    assert (status, again) == (200, {"done": False})
    _, answer = await api.quick("Go on")
    assert answer["response"] == "going on"
    roles = [m["role"] for m in scripted_model.requests[1].body["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "tool", "user"]


async def test_interrupting_the_models_stream_keeps_what_was_said(
    api, notebook, scripted_model, follow
):
    scripted_model.script(Text("Once upon"), Endless(" and"))
    _, running = await api.quick("Tell", timeout=0)
    follower = follow("sessions", running["session_id"], "events")
    await follower.until("message.delta")
    await api.post("sessions", running["session_id"], "interrupt")
    await follower.until("turn.ended")
    said = follower.of("message.completed")[-1]["data"]
    assert said["finish_reason"] == "interrupted"
    assert said["parts"][0]["text"].startswith("Once upon")
    await eventually(lambda: scripted_model.disconnects == 1)


@pytest.mark.parametrize(
    ("script", "code", "hint"),
    [
        ([Status(401)], "key", "PUT agent/models"),
        ([Status(500)] * 3, "", ""),
        ([Status(429, retry_after="0")] * 3, "", ""),
        ([Raw("this is no answer\n\n"), NoEnd()], "", ""),
        ([Text("")], "", ""),
        ([NoEnd()], "", ""),
        ([Cut()], "", ""),
    ],
    ids=["401", "500", "429", "garbage", "nothing", "no end", "cut"],
)
async def test_a_model_that_fails_fails_the_turn_and_the_session_goes_on(
    api, notebook, scripted_model, script, code, hint
):
    for _ in range(3):
        scripted_model.script(*(script if len(script) < 3 else script[:1]))
    status, answer = await api.quick("Hello")
    assert (status, answer["status"]) == (200, "failed"), answer
    assert answer["reason"]
    assert hint in answer["reason"]
    scripted_model._scripts.clear()
    scripted_model.script(Text("better now"))
    _, answer = await api.quick("Again")
    assert answer["response"] == "better now"


async def test_an_error_before_the_first_word_is_tried_again(api, notebook, scripted_model, follow):
    scripted_model.script(Status(429, retry_after="0"))
    scripted_model.script(Text("there"))
    _, answer = await api.quick("Hello")
    assert answer["response"] == "there"
    follower = follow("sessions", answer["session_id"], "events")
    await follower.until("turn.ended")
    assert "retry.scheduled" in follower.kinds()


async def test_a_stream_cut_after_the_first_word_is_not_repeated(api, notebook, scripted_model):
    scripted_model.script(Text("Half a sen"), Cut())
    _, answer = await api.quick("Hello")
    assert (answer["status"], answer["response"]) == ("failed", "Half a sen")
    assert len(scripted_model.requests) == 1


async def test_half_a_tool_call_never_runs(api, open_notebook, scripted_model):
    person = await open_notebook()
    scripted_model.script(
        ToolDelta(index=0, id="c", type="function", function={"name": "run_code"}),
        ToolDelta(index=0, function={"arguments": '{"code": "half = 1'}),
        Cut(),
    )
    scripted_model.script(Text("sorry"))
    await api.quick("Go")
    assert (await person.run("assert 'half' not in globals()"))["status"] == "ok"


async def test_a_model_that_hangs_can_be_interrupted(api, notebook, scripted_model):
    scripted_model.script(Hang())
    status, running = await api.quick("Hello", timeout=0.2)
    assert (status, running["status"]) == (202, "running")
    _, done = await api.post("sessions", running["session_id"], "interrupt")
    assert done == {"done": True}
    _, turn = await api.get("sessions", running["session_id"], "turns", running["turn_id"])
    assert turn["status"] == "interrupted"


async def test_a_disk_that_fills_up_in_mid_turn_loses_nothing_that_was_told(
    api, notebook, scripted_model, jp_serverapp
):
    store = jp_serverapp.web_app.settings["jupyter_agent_ext"].services.store
    _, first = await api.quick("Hello", model="embedded")
    gate = threading.Event()
    scripted_model.script(Until(gate), Text("long " * 100_000))
    asked = asyncio.ensure_future(api.quick("Tell me a lot"))
    await eventually(lambda: len(scripted_model.requests) == 1)
    with sqlite3.connect(store.location) as database:
        pages = database.execute("PRAGMA page_count").fetchone()[0]
    await limit_pages(store, pages)
    gate.set()
    status, answer = await asked
    assert (status, answer["code"]) == (503, "store")
    await limit_pages(store, 1_000_000)
    scripted_model.script(Text("again"))
    status, answer = await api.quick("Hello again")
    assert (status, answer["session_id"]) == (200, first["session_id"])
    _, told = await api.get("sessions", first["session_id"], "history")
    asked = [m["content"] for m in told["history"] if m["role"] == "user"]
    assert asked == ["Hello", "Tell me a lot", "Hello again"]


async def test_stopping_the_server_ends_the_turn_and_leaves_the_queued_one(
    api, notebook, scripted_model, jp_serverapp
):
    manager = jp_serverapp.web_app.settings["jupyter_agent_ext"]
    scripted_model.script(Hang())
    _, running = await api.quick("One", timeout=0)
    await eventually(lambda: len(scripted_model.requests) == 1)
    where = ("sessions", running["session_id"], "turns")
    await api.post(*where, body={"query": "Two", "id": "two"})
    await manager.turns.close()
    _, info = await api.get("sessions", running["session_id"])
    assert info["queued"] == ["two"]
    _, turn = await api.get(*where, running["turn_id"])
    assert (turn["status"], turn["reason"]) == ("interrupted", "the server was stopped")
    assert len(scripted_model.requests) == 1


async def test_interrupts_in_quick_succession_leave_one_end(api, notebook, scripted_model, follow):
    scripted_model.respond(lambda asked: [Text("go "), Hang()])
    for number in range(5):
        _, turn = await api.quick(f"Go {number}", timeout=0, when="queue")
        session = turn["session_id"]
        await asyncio.gather(*(api.post("sessions", session, "interrupt") for _ in range(4)))
    follower = follow("sessions", session, "events")
    await follower.until("synced")
    ended = [e["turn_id"] for e in follower.of("turn.ended")]
    assert len(ended) == len(set(ended)) == 5

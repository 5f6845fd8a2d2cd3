"""Models that fail and turns that are interrupted leave a history that goes on."""

from __future__ import annotations

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
)
from tests.server.conftest import eventually, scripted_config

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

"""Things that happen at once: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from jupyter_agent_ext.events import SessionKey
from jupyter_agent_ext.turns import Answer, Query
from tests.scripted_model import LITELLM_WARNINGS, Call, Hang, Text, Until
from tests.server.conftest import eventually, scripted_config, sent, text_of

pytestmark = LITELLM_WARNINGS


@pytest.fixture
def agent_config(scripted_model):
    return scripted_config(scripted_model)


@pytest.fixture
def manager(jp_serverapp):
    return jp_serverapp.web_app.settings["jupyter_agent_ext"]


@pytest.fixture
def ends(manager):
    """Check that every turn of a session ended once and every call has one result."""

    async def check(session_id):
        key = SessionKey("local", manager.root, session_id)
        events = await manager.services.store.read(key, 0, 10_000)
        ended = [e.turn_id for e in events if e.type == "turn.ended"]
        assert len(ended) == len(set(ended))
        results = [e.data["call_id"] for e in events if e.type == "tool.completed"]
        assert len(results) == len(set(results))
        for turn_id in ended:
            after = [e.type for e in events if e.turn_id == turn_id]
            assert after[-1] == "turn.ended", "nothing happens in a turn that has ended"
        return [e.type for e in events]

    return check


async def test_an_interrupt_right_after_an_approval_runs_no_code(
    api, open_notebook, scripted_model, manager, ends
):
    person = await open_notebook()
    scripted_model.script(Call("run_code", {"code": "ran = 1"}))
    _, paused = await api.quick("Go", mode="ask")
    log = await manager.open(SessionKey("local", manager.root, paused["session_id"]))
    await manager.turns.answer(log, paused["requests"][0]["request_id"], Answer("approve"))
    await manager.turns.interrupt(log)
    await asyncio.sleep(0.3)
    await ends(paused["session_id"])
    assert (await person.run("assert 'ran' not in globals()"))["status"] == "ok"
    assert len(scripted_model.requests) == 1


async def test_an_interrupt_right_after_the_start_asks_no_model(
    api, notebook, scripted_model, manager, ends
):
    _, info = await api.post("sessions", body={"notebook": notebook})
    log = await manager.open(SessionKey("local", manager.root, info["session_id"]))
    for number in range(5):
        await manager.turns.start(log, Query(f"Go {number}"))
        for _ in range(number):
            await asyncio.sleep(0)
        await manager.turns.interrupt(log)
    await asyncio.sleep(0.3)
    kinds = await ends(info["session_id"])
    assert kinds.count("turn.ended") == 5
    assert scripted_model.requests == []


async def test_two_first_queries_at_once_make_one_session(api, notebook, scripted_model):
    scripted_model.respond(lambda asked: [Text("hello")])
    answers = await asyncio.gather(*(api.quick(f"Hello {n}") for n in range(6)))
    assert {status for status, _ in answers} == {200}
    assert len({answer["session_id"] for _, answer in answers}) == 1


async def test_a_rejected_query_leaves_a_paused_turn_alone(api, open_notebook, scripted_model):
    await open_notebook()
    scripted_model.script(Call("run_code", {"code": "1"}))
    _, paused = await api.quick("One", mode="ask")
    where = ("sessions", paused["session_id"], "turns")
    gate = threading.Event()
    scripted_model.script(Until(gate), Text("two"))
    scripted_model.script(Text("three"))
    status, _ = await api.post(*where, body={"query": "Two"})
    assert status == 202
    status, refused = await api.post(*where, body={"query": "Three", "when": "reject"})
    assert (status, refused["code"]) == (409, "turn_running")
    gate.set()


async def test_the_same_streamed_query_again_gives_the_stored_turn_and_ends(
    api, notebook, scripted_model
):
    scripted_model.script(Text("once"))
    bodies = []
    for _ in range(2):
        status, body = await api.call(
            "POST",
            "quick",
            body={"query": "Hi", "id": "mine", "context": {"notebook_id": notebook}},
            headers={"Accept": "text/event-stream"},
            timeout=10,
        )
        assert status == 200
        bodies.append(body.decode())
    assert len(scripted_model.requests) == 1
    for body in bodies:
        last = json.loads(body.strip().split("\n")[-1].removeprefix("data: "))
        assert (last["turn_id"], last["response"]) == ("mine", "once")


async def test_always_may_be_said_twice(api, open_notebook, scripted_model):
    await open_notebook()
    scripted_model.script(Call("run_code", {"code": "a = 1"}))
    scripted_model.script(Text("done"))
    _, paused = await api.quick("Go", mode="ask")
    where = ("sessions", paused["session_id"], "requests", paused["requests"][0]["request_id"])
    answers = [await api.post(*where, body={"decision": "always"}) for _ in range(2)]
    assert [status for status, _ in answers] == [200, 200]


async def test_two_answers_at_once_count_as_one(api, open_notebook, scripted_model, ends):
    await open_notebook()
    scripted_model.script(Call("run_code", {"code": "a = 1"}))
    scripted_model.respond(lambda asked: [Text("done")])
    _, paused = await api.quick("Go", mode="ask")
    where = ("sessions", paused["session_id"], "requests", paused["requests"][0]["request_id"])
    decisions = ["approve", "deny", "approve", "always", "deny"]
    answers = await asyncio.gather(*(api.post(*where, body={"decision": d}) for d in decisions))
    statuses = sorted(status for status, _ in answers)
    assert statuses[0] == 200
    assert set(statuses) <= {200, 409}

    async def over():
        _, info = await api.get("sessions", paused["session_id"])
        return info["status"] == "idle"

    await eventually(over)
    await ends(paused["session_id"])


@pytest.mark.parametrize("raw", ["[" * 5000, '{"code": ' + "9" * 5000 + "}", "nul", '{"a":'])
async def test_arguments_that_cannot_be_parsed_are_told_to_the_model(
    api, notebook, scripted_model, raw
):
    scripted_model.script(Call("run_code", raw))
    scripted_model.script(Text("I see."))
    _, answer = await api.quick("Go")
    assert answer["status"] == "completed", answer["reason"]
    assert "no valid JSON" in text_of(sent(scripted_model.requests[1], "tool")[0])


@pytest.mark.parametrize("call", [("no_such_tool", {}), ("run_code", {"code": "1"})])
async def test_a_model_that_repeats_a_refused_call_is_stopped(
    api, open_notebook, scripted_model, call
):
    await open_notebook()
    scripted_model.respond(lambda asked: [Call(*call, call_id=None)])
    _, answer = await api.quick("Go", mode="read-only")
    assert answer["status"] == "limit"
    assert "refused call" in answer["reason"]
    assert len(scripted_model.requests) == 3


async def test_deleting_a_running_session_ends_it_and_frees_its_id(
    api, notebook, scripted_model, manager
):
    scripted_model.respond(lambda asked: [Hang()])
    await api.quick("One", timeout=0, context={"session_id": "mine"})
    await eventually(lambda: len(scripted_model.requests) == 1)
    await api.post("sessions", "mine", "turns", body={"query": "Two"})
    status, _ = await api.call("DELETE", "sessions", "mine")
    assert status == 204
    assert len(scripted_model.requests) == 1, "the queued turn did not begin"
    scripted_model.respond(lambda asked: [Text("fresh")])
    status, answer = await api.quick("Again", context={"session_id": "mine"})
    assert (status, answer["response"]) == (200, "fresh")
    _, info = await api.get("sessions", "mine")
    assert info["turn_count"] == 1


async def test_the_upkeep_never_takes_a_session_that_is_in_use(
    api, notebook, scripted_model, manager
):
    manager.max_age_hours = 1e-9
    manager.delete_after_days = 1e-9
    gate = threading.Event()
    scripted_model.respond(lambda asked: [Until(gate), Text("here")])
    asked = asyncio.ensure_future(api.quick("Hello", context={"session_id": "mine"}))
    await eventually(lambda: len(scripted_model.requests) == 1)
    for _ in range(3):
        await manager.upkeep.cull()
    gate.set()
    status, answer = await asked
    assert (status, answer["response"]) == (200, "here")
    manager.delete_after_days = 0
    for round_ in range(10):
        query = asyncio.ensure_future(api.quick(f"Again {round_}", context={"session_id": "mine"}))
        await manager.upkeep.cull()
        status, answer = await query
        assert (status, answer["response"]) == (200, "here"), answer


async def test_a_viewer_goes_on_when_its_session_is_archived(
    api, notebook, scripted_model, manager, follow
):
    scripted_model.respond(lambda asked: [Text("here")])
    await api.quick("One", context={"session_id": "mine"})
    follower = follow("sessions", "mine", "events")
    await follower.until("synced")
    assert await manager.archive(SessionKey("local", manager.root, "mine"))
    await follower.until("session.updated")
    await api.quick("Two", context={"session_id": "mine"})
    await follower.until("turn.ended", count=2)

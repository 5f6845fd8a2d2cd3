"""The conversation survives SIGKILL, in both modes, at any moment."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import threading
import time

import pytest

from jupyter_agent_ext.events import Event
from jupyter_agent_ext.fold import fold
from tests.scripted_model import Call, ScriptedModelServer, Text, Until
from tests.server.conftest import EXAMPLES
from tests.server.process import ServerProcess


@pytest.fixture
def folders(tmp_path):
    root, home = tmp_path / "root", tmp_path / "home"
    for folder in (root, home):
        folder.mkdir()
    for name in ("analysis.ipynb", "sales.csv"):
        shutil.copy(EXAMPLES / name, root / name)
    return root, home


@pytest.fixture
def server(folders):
    started = ServerProcess(*folders).start()
    yield started
    started.stop()


@pytest.fixture
def scripted(folders):
    """A server whose default model is scripted."""
    with ScriptedModelServer() as model:
        config = {
            "AgentExtension.api_bases": f"{{'openai': '{model.url}'}}",
            "AgentSessionManager.default_model": "openai/scripted",
        }
        server = ServerProcess(*folders, config).start()
        server.model = model
        yield server
        server.stop()


def until_settled(server, session_id, turn_id, timeout=60):
    """Wait until a turn has ended or waits for a person."""
    deadline = time.monotonic() + timeout
    while True:
        status, turn = server.call("GET", "sessions", session_id, "turns", turn_id)
        assert status == 200, turn
        if turn["status"] not in ("running", "queued"):
            return turn
        assert time.monotonic() < deadline, turn
        time.sleep(0.05)


def stored_log(server):
    """Read the events straight from the file, as whoever opens it next will."""
    path = server.home / "data" / "jupyter_agent_ext" / "sessions.sqlite"
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT event FROM events ORDER BY seq").fetchall()
    return [Event.from_json(json.loads(row[0])) for row in rows]


def test_the_conversation_goes_on_after_a_kill_in_mode_auto(server):
    status, first = server.quick("Load sales.csv", mode="auto")
    assert (status, first["status"]) == (200, "completed"), first
    _, second = server.quick("What columns are there?", mode="auto")
    assert "price" in second["response"]

    server.kill()
    server.start()
    status, told = server.call("GET", "sessions", first["session_id"], "history")
    assert status == 200
    assert [m["content"] for m in told["history"] if m["role"] == "user"] == [
        "Load sales.csv",
        "What columns are there?",
    ]
    status, third = server.quick("What columns are there?", mode="auto")
    assert (status, third["session_id"]) == (200, first["session_id"])
    assert "df" in third["changed"]["lost"], third
    assert "df" in third["response"], "it says which variable is gone"
    status, fourth = server.quick("Load sales.csv", mode="auto")
    assert (status, fourth["status"]) == (200, "completed"), fourth
    _, fifth = server.quick("How many rows are there?", mode="auto")
    assert "1,000" in fifth["response"] or "1000" in fifth["response"], fifth


def test_an_approval_is_still_open_after_a_kill(server):
    status, paused = server.quick("Load sales.csv")
    assert (status, paused["status"]) == (202, "paused")
    server.kill()
    server.start()
    status, info = server.call("GET", "sessions", paused["session_id"])
    assert (status, info["status"]) == (200, "paused")
    (request,) = info["requests"]
    status, _ = server.call(
        "POST",
        "sessions",
        paused["session_id"],
        "requests",
        request["request_id"],
        body={"decision": "approve", "args_hash": request["args_hash"]},
    )
    assert status == 200
    turn = until_settled(server, paused["session_id"], paused["turn_id"])
    assert turn["status"] == "completed", turn
    assert "df" in turn["variables"]


def test_a_turn_that_waited_for_the_model_goes_on_by_itself(scripted):
    gate = threading.Event()
    scripted.model.script(Until(gate), Text("never seen"))
    _, running = scripted.quick("Hello", timeout=0)
    scripted.model.wait_for(lambda: len(scripted.model.requests) == 1)
    scripted.kill()
    gate.set()
    scripted.model.script(Text("here I am"))
    scripted.start()
    turn = until_settled(scripted, running["session_id"], running["turn_id"])
    assert (turn["status"], turn["response"]) == ("completed", "here I am")
    assert "turn.resumed" in [e.type for e in stored_log(scripted)]


def test_code_that_had_started_is_never_run_again(scripted, folders):
    root, _ = folders
    code = "open('ran.txt', 'a').write('once ')\nimport time\ntime.sleep(60)"
    scripted.model.script(Call("run_code", {"code": code}, call_id="danger"))
    scripted.model.script(Text("I do not know how it ended."))
    _, running = scripted.quick("Do it", mode="auto", timeout=0)
    deadline = time.monotonic() + 30
    while not (root / "ran.txt").exists():
        assert time.monotonic() < deadline, scripted.tail()
        time.sleep(0.05)
    scripted.kill()
    scripted.start()
    turn = until_settled(scripted, running["session_id"], running["turn_id"])
    assert turn["status"] == "completed", turn
    (call,) = turn["steps"][0]["calls"]
    assert call["status"] == "interrupted"
    assert "outcome is unknown" in call["content"][0]["text"]
    assert (root / "ran.txt").read_text() == "once "


def test_a_queued_turn_runs_after_a_kill(scripted):
    gate = threading.Event()
    scripted.model.script(Until(gate), Text("never seen"))
    _, first = scripted.quick("First", timeout=0)
    scripted.model.wait_for(lambda: len(scripted.model.requests) == 1)
    where = ("sessions", first["session_id"], "turns")
    scripted.call("POST", *where, body={"query": "Second", "id": "second"})
    scripted.kill()
    gate.set()
    scripted.model.script(Text("one"))
    scripted.model.script(Text("two"))
    scripted.start()
    turn = until_settled(scripted, first["session_id"], "second")
    assert turn["response"] == "two"


def test_a_server_that_is_stopped_ends_its_turns_and_gives_back_its_sessions(scripted):
    scripted.model.script(Until(threading.Event()))
    _, running = scripted.quick("Hello", timeout=0)
    scripted.model.wait_for(lambda: len(scripted.model.requests) == 1)
    scripted.stop()
    events = stored_log(scripted)
    assert events[-1].type == "turn.ended"
    assert events[-1].data["reason"] == "the server was stopped"
    scripted.start()
    scripted.model.script(Text("back"))
    _, again = scripted.quick("Hello again")
    assert (again["session_id"], again["response"]) == (running["session_id"], "back")


@pytest.mark.parametrize("seed", range(3))
def test_a_log_killed_at_a_random_moment_folds_and_goes_on(scripted, seed):
    rng = random.Random(seed)

    def answer(asked):
        if asked.body["messages"][-1]["role"] == "user":
            return [
                Text("I look."),
                Call("run_code", {"code": "n = 1"}),
                Call("list_variables", {}),
            ]
        return [Text("done")]

    scripted.model.respond(answer)
    session_id = None
    for round_ in range(3):
        _, turn = scripted.quick(f"Go {round_}", mode="auto", timeout=0)
        session_id = turn["session_id"]
        time.sleep(rng.uniform(0, 0.6))
        scripted.kill()
        events = stored_log(scripted)
        assert [e.seq for e in events] == list(range(1, len(events) + 1))
        session = fold(events)
        assert len(session.turns) + len(session.queue) == round_ + 1
        scripted.start()
        settled = until_settled(scripted, session_id, turn["turn_id"])
        assert settled["status"] in ("completed", "failed"), settled
    for turn in fold(stored_log(scripted)).turns.values():
        assert not turn.unanswered(), "every call has exactly one result"

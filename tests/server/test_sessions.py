"""Sessions: opened, listed, renamed, archived, deleted; they follow notebook and kernel."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from jupyter_agent_ext.handlers.routes import default_handlers
from tests.server.conftest import eventually


@pytest.fixture
def manager(jp_serverapp):
    return jp_serverapp.web_app.settings["jupyter_agent_ext"]


async def listed(api, **query):
    status, answer = await api.get("sessions", query=query)
    assert status == 200
    return [line["session_id"] for line in answer["sessions"]]


async def test_the_answers_are_those_of_the_seed(api, open_notebook):
    person = await open_notebook()
    await person.run("age = 1; income = 2")
    status, answer = await api.post(
        "quick",
        body={
            "query": "What variables are available?",
            "context": {
                "notebook_id": "analysis.ipynb",
                "session_id": "session_456",
                "variables": {"df": "DataFrame"},
                "cell_count": 5,
            },
        },
    )
    assert status == 200
    assert answer["variables"] == ["age", "income"], "the caller's variables are not believed"
    assert "ignored" in answer["notes"][0]
    _, info = await api.get("sessions", "session_456")
    assert {k: info[k] for k in ("session_id", "notebook_id", "turn_count", "variables")} == {
        "session_id": "session_456",
        "notebook_id": "analysis.ipynb",
        "turn_count": 1,
        "variables": ["age", "income"],
    }
    assert info["last_activity"].startswith("20")
    _, told = await api.get("sessions", "session_456", "history")
    assert set(told) == {"session_id", "turn_count", "history"}
    assert told["history"][0]["role"] == "user"
    assert told["history"][0]["content"] == "What variables are available?"


async def test_history_gives_the_last_turns(api, notebook):
    for number in range(4):
        _, answer = await api.quick(f"help {number}")
    session = answer["session_id"]
    _, told = await api.get("sessions", session, "history", query={"max_turns": 2})
    asked = [m["content"] for m in told["history"] if m["role"] == "user"]
    assert (told["turn_count"], asked) == (4, ["help 2", "help 3"])
    _, told = await api.get("sessions", session, "history", query={"parts": 1})
    assert told["history"][0]["parts"] == [{"type": "text", "text": "help 0"}]


async def test_a_label_that_is_no_path_is_kept_and_has_no_notebook(api):
    status, answer = await api.quick("help", notebook="nb_123")
    assert status == 200
    _, info = await api.get("sessions", answer["session_id"])
    assert (info["notebook_id"], info["notebook"]) == ("nb_123", None)
    _, again = await api.quick("help", notebook="nb_123")
    assert again["session_id"] == answer["session_id"]


async def test_a_label_gets_a_kernel_at_the_first_execution(api, notebook):
    status, answer = await api.quick("Load sales.csv", notebook="nb_123")
    assert (status, answer["status"]) == (200, "completed"), answer
    assert "df" in answer["variables"]
    _, answer = await api.quick("What columns are there?", notebook="nb_123")
    assert "price" in answer["response"]


async def test_one_notebook_has_one_session_and_two_notebooks_have_two(api, make_notebook):
    for path in ("a.ipynb", "b.ipynb"):
        make_notebook(path)
    _, first = await api.quick("help", notebook="a.ipynb")
    _, again = await api.quick("help", notebook="/a.ipynb")
    _, other = await api.quick("help", notebook="b.ipynb")
    assert first["session_id"] == again["session_id"] != other["session_id"]
    assert await listed(api) == [other["session_id"], first["session_id"]]
    assert await listed(api, notebook="a.ipynb") == [first["session_id"]]


async def test_sessions_are_found_by_what_was_said(api, make_notebook):
    make_notebook("a.ipynb")
    make_notebook("b.ipynb")
    _, first = await api.quick("help with Zebrafish", notebook="a.ipynb")
    await api.quick("help with mice", notebook="b.ipynb")
    assert await listed(api, q="zebraFISH") == [first["session_id"]]
    assert await listed(api, q="100%") == []


async def test_a_session_is_renamed_and_gets_another_model_and_mode(api, notebook):
    _, info = await api.post("sessions", body={"notebook": notebook})
    where = ("sessions", info["session_id"])
    changes = {"title": "My analysis", "mode": "read-only"}
    status, changed = await api.call("PATCH", *where, body=changes)
    assert (status, changed["title"], changed["mode"]) == (200, "My analysis", "read-only")
    status, _ = await api.call("PATCH", *where, body={"mode": "all"})
    assert status == 400


async def test_a_deleted_session_is_gone_and_its_id_starts_afresh(api, notebook, manager):
    await api.quick("help", context={"session_id": "mine"})
    status, _ = await api.call("DELETE", "sessions", "mine")
    assert status == 204
    for path in (("sessions", "mine"), ("sessions", "mine", "history")):
        assert (await api.get(*path))[0] == 404
    assert await listed(api) == []
    await api.quick("help", context={"session_id": "mine"})
    _, info = await api.get("sessions", "mine")
    assert info["turn_count"] == 1


async def test_a_rename_takes_the_session_along(api, open_notebook, jp_fetch):
    await open_notebook()
    _, answer = await api.quick("help")
    await jp_fetch(
        "api",
        "contents",
        "analysis.ipynb",
        method="PATCH",
        body=json.dumps({"path": "renamed.ipynb"}),
    )

    async def moved():
        _, info = await api.get("sessions", answer["session_id"])
        return info["notebook_id"] == "renamed.ipynb"

    await eventually(moved)
    status, again = await api.quick("help", notebook="renamed.ipynb")
    assert (status, again["session_id"]) == (200, answer["session_id"])


async def test_a_folders_rename_takes_its_sessions_along(api, make_notebook, jp_fetch):
    make_notebook("deep/er/a.ipynb")
    _, answer = await api.quick("help", notebook="deep/er/a.ipynb")
    body = json.dumps({"path": "flat"})
    await jp_fetch("api", "contents", "deep", method="PATCH", body=body)

    async def moved():
        _, info = await api.get("sessions", answer["session_id"])
        return info["notebook"] == "flat/er/a.ipynb"

    await eventually(moved)


async def test_a_restart_takes_the_variables_and_the_agent_knows(api, open_notebook, jp_fetch):
    person = await open_notebook()
    await person.run("here = 1")
    _, first = await api.quick("What variables are there?")
    assert "here" in first["response"]
    await jp_fetch("api", "kernels", person.kernel_id, "restart", method="POST", body="")

    async def emptied():
        _, info = await api.get("sessions", first["session_id"])
        return info["variables"] == []

    await eventually(emptied, 30)
    _, second = await api.quick("What variables are there?")
    assert second["session_id"] == first["session_id"]
    assert second["changed"]["lost"] == ["here"]
    assert "here" in second["response"], "it says what is gone"


async def test_a_session_idle_for_too_long_is_archived_and_comes_back(api, notebook, manager):
    _, answer = await api.quick("help")
    manager.max_age_hours = 1e-9
    await asyncio.sleep(0.01)
    await manager.upkeep.cull()
    assert await listed(api) == []
    assert await listed(api, notebook=notebook) == [answer["session_id"]]
    assert await listed(api, archived=1) == [answer["session_id"]]
    status, info = await api.get("sessions", answer["session_id"])
    assert (status, info["archived"], info["turn_count"]) == (200, True, 1)
    _, again = await api.quick("help")
    assert again["session_id"] == answer["session_id"]
    _, info = await api.get("sessions", answer["session_id"])
    assert (info["archived"], info["turn_count"]) == (False, 2)


async def test_beyond_max_sessions_the_one_idle_for_longest_is_archived(api, manager):
    manager.max_sessions = 2
    ids = [(await api.quick("help", notebook=f"label {n}"))[1]["session_id"] for n in range(3)]
    assert await listed(api) == [ids[2], ids[1]]
    assert (await api.get("sessions", ids[0]))[0] == 200


async def test_old_archived_sessions_are_deleted_only_if_asked_for(api, manager):
    await api.quick("help", notebook="label")
    manager.max_age_hours = 1e-9
    await asyncio.sleep(0.01)
    await manager.upkeep.cull()
    await manager.upkeep.cull()
    assert len(await listed(api, archived=1)) == 1
    manager.delete_after_days = 1e-9
    await manager.upkeep.cull()
    assert await listed(api, archived=1) == []


async def test_the_environment_sets_the_defaults(jp_serverapp, monkeypatch, manager):
    made = type(manager)
    monkeypatch.setenv("SESSION_MAX_AGE_HOURS", "2.5")
    monkeypatch.setenv("SESSION_MAX_CONCURRENT", "7")
    monkeypatch.setenv("SESSION_HISTORY_LIMIT", "9")
    fresh = made(manager.services, manager.root)
    assert (fresh.max_age_hours, fresh.max_sessions, fresh.history_limit) == (2.5, 7, 9)
    monkeypatch.setenv("SESSION_MAX_CONCURRENT", "many")
    with pytest.raises(ValueError, match="SESSION_MAX_CONCURRENT"):
        made(manager.services, manager.root)


async def test_a_branch_grows_from_an_earlier_turn(api, notebook):
    _, first = await api.quick("help one")
    session = first["session_id"]
    await api.quick("help two")
    body = {"query": "help three", "parent": first["turn_id"], "id": "branch"}
    status, _ = await api.post("sessions", session, "turns", body=body)
    assert status == 202

    async def ended():
        _, turn = await api.get("sessions", session, "turns", "branch")
        return turn["status"] == "completed"

    await eventually(ended)
    _, told = await api.get("sessions", session, "history")
    asked = [m["content"] for m in told["history"] if m["role"] == "user"]
    assert (told["turn_count"], asked) == (2, ["help one", "help three"])


async def test_older_turns_are_compacted_into_a_summary(api, notebook):
    for number in range(5):
        _, answer = await api.quick(f"help {number}")
    status, done = await api.post("sessions", answer["session_id"], "compact")
    assert (status, done) == (200, {"done": True})
    status, done = await api.post("sessions", answer["session_id"], "compact")
    assert (status, done) == (200, {"done": False})
    _, told = await api.get("sessions", answer["session_id"], "history")
    assert told["turn_count"] == 5, "the log keeps all"


async def test_every_route_is_described_and_every_description_is_a_route(api):
    status, document = await api.get("openapi.json")
    assert status == 200

    described = {(path, verb) for path, verbs in document["paths"].items() for verb in verbs}
    routed = set()
    for path, verb in described:
        example = re.sub(r"\{[^}]+\}", "x", path)
        handler = next(h for pattern, h, *_ in default_handlers if re.fullmatch(pattern, example))
        assert verb in vars(handler), f"{verb} {path} is described and not there"
        routed.add((handler, verb))
    for pattern, handler, *_ in default_handlers:
        if handler.__name__ in ("NotBuiltHandler", "UnknownHandler"):
            continue
        for verb in ("get", "post", "put", "patch", "delete"):
            if verb in vars(handler):
                assert (handler, verb) in routed, f"{verb} {pattern} is not described"


async def test_health_says_that_it_works(api):
    status, health = await api.get("health")
    assert (status, health["status"], health["store"]) == (200, "ok", "ok")
    assert health["model"] == "embedded"


async def test_models_lists_the_embedded_one_and_what_has_a_key(api, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    _, before = await api.get("models")
    assert before["default"] == before["models"][0]["name"] == "embedded"
    assert before["models"][0]["local"] is True
    assert not any(m["provider"] == "openai" for m in before["models"])
    body = {"key": "sk-test-0123456789abcdef"}
    assert (await api.call("PUT", "models", "openai", "key", body=body))[0] == 204
    _, after = await api.get("models")
    assert after["keys"] == ["openai"]
    assert "sk-test" not in json.dumps(after)
    assert any(m["provider"] == "openai" and m["ready"] for m in after["models"])
    assert after["default"] == "embedded", "a key alone changes nothing"
    assert (await api.call("DELETE", "models", "openai", "key"))[0] == 204


async def test_live_variables_are_read_while_a_cell_runs(api, open_notebook):
    person = await open_notebook()
    await person.run("import pandas as pd; frame = pd.DataFrame({'a': [1, 2]}); secret_token = 'x'")
    _, idle = await api.get("kernels", person.kernel_id, "variables")
    assert idle["source"] == "main"
    assert idle["variables"]["frame"]["shape"] == [2, 1]
    person.begin("import time; time.sleep(3)")

    async def busy():
        _, answer = await api.get("kernels", person.kernel_id, "variables")
        return answer if answer["source"] == "control" else None

    answer = await eventually(busy)
    assert answer["variables"]["frame"]["shape"] == [2, 1]
    assert "'x'" not in json.dumps(answer)
    _, one = await api.get("kernels", person.kernel_id, "variables", "frame")
    assert one["variable"]["columns"]


async def test_turns_are_counted_on_the_servers_own_metrics(api, notebook, jp_fetch):
    async def counted():
        lines = (await jp_fetch("metrics")).body.decode().split("\n")
        wanted = 'jupyter_agent_turns_total{status="completed"}'
        return next((float(line.split()[-1]) for line in lines if line.startswith(wanted)), 0.0)

    before = await counted()
    await api.quick("help")
    assert await counted() == before + 1

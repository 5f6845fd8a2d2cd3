"""Bad input gets the right status and a message that says what to do next."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import stat

import pytest
from tornado.httpclient import HTTPClientError

from tests.server.conftest import eventually, limit_pages

GONE = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def opened(jp_asyncio_loop, api, notebook):
    opening = api.post("sessions", body={"notebook": notebook})
    _, info = jp_asyncio_loop.run_until_complete(opening)
    return info["session_id"]


def refused(answer, status, code):
    """Check the shape that every error has."""
    got, body = answer
    assert (got, body.get("code")) == (status, code), body
    assert body["message"]
    assert body["hint"]
    return body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ("sessions", "nobody")),
        ("PATCH", ("sessions", "nobody")),
        ("DELETE", ("sessions", "nobody")),
        ("GET", ("sessions", "nobody", "history")),
        ("GET", ("sessions", "nobody", "events")),
        ("GET", ("sessions", "nobody", "turns", "t")),
        ("GET", ("sessions", "nobody", "blobs", "0" * 64)),
        ("POST", ("sessions", "nobody", "interrupt")),
        ("POST", ("sessions", "nobody", "compact")),
        ("GET", ("kernels", GONE, "variables")),
        ("GET", ("kernels", GONE, "variables", "x")),
        ("GET", ("nothing", "of", "the", "kind")),
        ("DELETE", ("models", "openai", "key")),
    ],
)
async def test_what_is_not_there_is_404(api, method, path):
    body = {} if method in ("POST", "PATCH") else None
    refused(await api.call(method, *path, body=body), 404, "not_found")


async def test_a_turn_or_an_answer_for_an_unknown_session_is_404(api):
    refused(await api.post("sessions", "no", "turns", body={"query": "hi"}), 404, "not_found")
    body = {"decision": "approve"}
    refused(await api.post("sessions", "no", "requests", "r", body=body), 404, "not_found")


async def test_unknown_parts_of_a_known_session_are_404(api, opened):
    refused(await api.get("sessions", opened, "turns", "t"), 404, "not_found")
    refused(await api.get("sessions", opened, "blobs", "0" * 64), 404, "not_found")
    refused(await api.get("sessions", opened, "blobs", "..%2f.."), 404, "not_found")
    body = {"decision": "approve"}
    refused(await api.post("sessions", opened, "requests", "r", body=body), 404, "not_found")
    body = {"query": "hi", "parent": "nowhere"}
    refused(await api.post("sessions", opened, "turns", body=body), 404, "not_found")


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (b"{", ""),
        (b"\xff\xfe", ""),
        (b"[]", "object"),
        (b'{"query": 7}', "$.query"),
        (b'{"query": "x", "timeout": NaN}', ""),
        (b'{"query": "x", "context": {"notebook_id": 3}}', "$.context.notebook_id"),
        (b'{"query": "x", "mode": "god"}', "$.mode"),
        (b'{"query": "x", "id": "a b"}', "$.id"),
        (b'{"context": {}}', "query"),
        (b"", "query"),
    ],
)
async def test_a_body_that_is_wrong_is_400_and_names_the_field(api, raw, named):
    body = refused(await api.call("POST", "quick", raw=raw), 400, "bad_request")
    assert named in body["message"]


async def test_an_empty_query_is_400(api, notebook):
    refused(await api.quick("  \n"), 400, "bad_request")


async def test_a_query_of_ten_megabytes_is_413(api, notebook):
    refused(await api.quick("x" * 10_000_000), 413, "too_large")


async def test_a_body_over_the_limit_is_413(api):
    refused(await api.call("POST", "quick", raw=b" " * 17_000_000), 413, "too_large")


async def test_a_query_that_names_no_place_is_400(api):
    body = refused(await api.post("quick", body={"query": "hi"}), 400, "bad_request")
    assert "notebook_id" in body["hint"]


@pytest.mark.parametrize("notebook_id", ["../secret.ipynb", "a/../../b", "..", "a\x00b"])
async def test_a_notebook_outside_the_root_is_400(api, notebook_id):
    refused(await api.quick("hi", notebook=notebook_id), 400, "bad_request")


async def test_a_notebook_that_is_not_there_is_404(api):
    refused(await api.quick("hi", notebook="missing.ipynb"), 404, "not_found")


@pytest.mark.parametrize("session_id", ["a/b/../c", "名前 ☃", "x" * 256, "..", "a?b#c&d=e", "%2F"])
async def test_odd_session_ids_are_names_like_any_other(api, notebook, session_id):
    status, answer = await api.quick("help", context={"session_id": session_id})
    assert (status, answer["session_id"]) == (200, session_id)
    status, info = await api.get("sessions", session_id)
    assert (status, info["turn_count"]) == (200, 1)
    status, _ = await api.get("sessions", session_id, "history")
    assert status == 200


@pytest.mark.parametrize("session_id", ["", "x" * 10_000, "a\nb", "a\x00b"])
async def test_ids_that_cannot_name_a_session_are_400(api, notebook, session_id):
    refused(await api.quick("hi", context={"session_id": session_id}), 400, "bad_request")


async def test_a_session_id_with_another_notebook_is_409(api, make_notebook, opened):
    make_notebook("other.ipynb")
    answer = await api.quick("hi", notebook="other.ipynb", context={"session_id": opened})
    body = refused(answer, 409, "conflict")
    assert body["notebook_id"] == "analysis.ipynb"


async def test_an_unknown_kernel_is_404(api, notebook):
    refused(await api.quick("hi", context={"kernel_id": GONE}), 404, "not_found")


async def test_two_kernels_of_a_notebook_have_to_be_told_apart(api, open_notebook):
    one = await open_notebook(name="first")
    two = await open_notebook("RTC:analysis.ipynb", name="second")
    body = refused(await api.quick("hi"), 409, "ambiguous_kernel")
    assert sorted(body["kernels"]) == sorted([one.kernel_id, two.kernel_id])
    status, first = await api.quick("help", context={"kernel_id": one.kernel_id})
    assert status == 200
    status, second = await api.quick("help", context={"kernel_id": two.kernel_id})
    assert status == 200
    assert first["session_id"] != second["session_id"]


@pytest.mark.parametrize("value", ["-1", "x", "1e3", "9" * 40])
async def test_a_number_that_is_none_is_400(api, opened, jp_fetch, value):
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("agent", "sessions", opened, "history", params={"max_turns": value})
    assert caught.value.code == 400
    assert value[:10] in json.loads(caught.value.response.body)["message"]


async def test_a_model_that_is_not_allowed_is_refused(api, notebook, jp_serverapp):
    manager = jp_serverapp.web_app.settings["jupyter_agent_ext"]
    manager.allowed_models = ["embedded"]
    refused(await api.quick("hi", model="openai/gpt-5"), 403, "forbidden")


async def test_a_provider_without_a_key_fails_the_turn_and_says_how_to_set_it(
    api, notebook, monkeypatch
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    status, answer = await api.quick("hi", model="openai/gpt-5")
    assert (status, answer["status"]) == (200, "failed")
    assert "key" in answer["reason"]


async def test_without_a_token_nothing_is_answered(jp_http_port, jp_base_url, http_server_client):
    for path in ("agent/health", "agent/sessions", "agent/nothing"):
        with pytest.raises(HTTPClientError) as caught:
            await http_server_client.fetch(f"{jp_base_url}{path}")
        assert caught.value.code == 403
        assert set(json.loads(caught.value.response.body)) >= {"message", "code", "hint"}


async def test_a_call_that_is_not_built_says_so(api, opened):
    refused(await api.post("sessions", opened, "undo"), 501, "not_built")


async def test_a_dead_kernel_is_named_and_the_next_execution_starts_a_new_one(
    api, open_notebook, jp_serverapp
):
    person = await open_notebook()
    await person.run("kept = 1")
    await api.quick("What variables are there?")
    manager = jp_serverapp.kernel_manager
    manager.get_kernel(person.kernel_id)
    await manager.shutdown_kernel(person.kernel_id, now=True)
    refused(await api.get("kernels", person.kernel_id, "variables"), 404, "not_found")
    status, answer = await api.quick("What variables are there?")
    assert status == 200
    assert answer["changed"]["lost"] == ["kept"]
    status, answer = await api.quick("Load sales.csv")
    assert (status, answer["status"]) == (200, "completed")
    assert "df" in answer["variables"]


async def test_a_kernel_killed_in_mid_execution_ends_the_call_not_the_session(
    api, open_notebook, jp_serverapp
):
    person = await open_notebook()
    km = jp_serverapp.kernel_manager.get_kernel(person.kernel_id)
    _, running = await api.quick("Load sales.csv")
    assert "df" in running["variables"]
    os.kill(km.provisioner.pid, signal.SIGKILL)
    status, first = await api.quick("describe df")
    assert status == 200, first
    assert first["status"] in ("completed", "failed")

    async def alive():
        status, listed = await api.get("kernels", person.kernel_id, "variables")
        return status == 200 and listed["source"] == "main"

    await eventually(alive, 30)
    status, second = await api.quick("What variables are there?")
    assert second["variables"] == []
    assert "df" in first["changed"].get("lost", []) + second["changed"].get("lost", [])


async def test_a_kernel_that_never_answers_does_not_hold_up_a_turn(api, open_notebook):
    person = await open_notebook()
    await person.run("x = 1")
    await api.quick("What variables are there?")
    person.begin("import ctypes; ctypes.PyDLL(None).sleep(6)")
    await asyncio.sleep(0.3)
    began = asyncio.get_running_loop().time()
    status, answer = await api.quick("What variables are there?")
    assert (status, answer["status"]) == (200, "completed")
    assert "x" in answer["response"]
    assert asyncio.get_running_loop().time() - began < 5


async def test_a_store_that_is_full_says_so_and_works_again_later(api, notebook, jp_serverapp):
    store = jp_serverapp.web_app.settings["jupyter_agent_ext"].services.store
    _, first = await api.quick("help")
    assert stat.S_IMODE(os.stat(store.location).st_mode) == 0o600
    with sqlite3.connect(store.location) as database:
        pages = database.execute("PRAGMA page_count").fetchone()[0]
    await limit_pages(store, pages)
    body = refused(await api.quick("x" * 200_000), 503, "store")
    assert "space" in body["hint"]
    await limit_pages(store, 1_000_000)
    status, again = await api.quick("help")
    assert (status, again["session_id"]) == (200, first["session_id"])
    status, told = await api.get("sessions", first["session_id"])
    assert told["turn_count"] == 2


@pytest.mark.parametrize(
    "model",
    ["oobabooga/http://127.0.0.1:9/v1", "openai/x y", "a\x00", "../../etc", "x" * 300, "//x"],
)
async def test_a_models_name_is_never_an_address(api, notebook, opened, model):
    refused(await api.quick("hi", model=model), 400, "bad_request")
    refused(await api.call("PATCH", "sessions", opened, body={"model": model}), 400, "bad_request")
    body = {"query": "hi", "model": model}
    refused(await api.post("sessions", opened, "turns", body=body), 400, "bad_request")
    body = {"notebook": "label", "model": model}
    refused(await api.post("sessions", body=body), 400, "bad_request")


async def test_json_nested_without_end_is_400(api):
    raw = '{"query": "x", "context": {"variables": ' + "[" * 100_000
    refused(await api.call("POST", "quick", raw=raw), 400, "bad_request")


async def test_names_hold_no_control_characters(api, opened):
    status, _ = await api.call("PATCH", "sessions", opened, body={"title": "a\nb"})
    assert status == 400
    status, _ = await api.post("sessions", opened, "turns", body={"query": "x", "id": "a\n"})
    assert status == 400


@pytest.mark.parametrize(
    "content",
    ["", "no json", "[]", '{"nbformat": 99}', '{"cells": [{"source": "\\ud800"}], "nbformat": 4}'],
)
async def test_a_broken_notebook_stops_neither_the_turn_nor_the_kernel(
    api, jp_root_dir, notebook, jp_kernel_env, content
):
    (jp_root_dir / "broken.ipynb").write_text(content)
    status, answer = await api.quick("Load sales.csv", notebook="broken.ipynb", mode="auto")
    assert status in (200, 202), answer
    if answer["status"] == "paused":  # a notebook that cannot be read is not trusted
        rid = answer["requests"][0]["request_id"]
        where = ("sessions", answer["session_id"], "requests", rid)
        await api.post(*where, body={"decision": "approve"})

    async def over():
        _, turn = await api.get("sessions", answer["session_id"], "turns", answer["turn_id"])
        return turn if turn["status"] != "running" and turn["status"] != "paused" else None

    turn = await eventually(over, 30)
    assert turn["status"] == "completed", turn
    assert "df" in turn["variables"], turn


async def test_a_store_whose_file_is_deleted_says_so(api, notebook, jp_serverapp):
    store = jp_serverapp.web_app.settings["jupyter_agent_ext"].services.store
    await api.quick("help")
    aside = f"{store.location}.aside"
    os.rename(store.location, aside)
    status, health = await api.get("health")
    assert (status, health["status"]) == (503, "failing")
    refused(await api.quick("help"), 503, "store")
    os.rename(aside, store.location)
    status, _ = await api.quick("help")
    assert status == 200
    status, _ = await api.get("health")
    assert status == 200


async def test_code_waits_while_the_server_restarts_a_kernel_that_died(
    api, open_notebook, jp_serverapp
):
    person = await open_notebook()
    await api.quick("help")
    km = jp_serverapp.kernel_manager.get_kernel(person.kernel_id)
    os.kill(km.provisioner.pid, signal.SIGKILL)
    await eventually(lambda: km.provisioner.process.poll() is not None)
    status, answer = await api.quick("Load sales.csv")
    assert (status, answer["status"]) == (200, "completed")
    assert "1,000 rows" in answer["response"], answer

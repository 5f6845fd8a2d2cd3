"""The open notebook through its page: what the person sees is read and changed, by one page."""

from __future__ import annotations

import asyncio
import json

import nbformat
import pytest

from tests.scripted_model import LITELLM_WARNINGS, Call, Text
from tests.server.conftest import eventually

from .conftest import file_sources, result_text, user_text
from .page import digest

pytestmark = LITELLM_WARNINGS


async def test_the_agent_sees_unsaved_text(api, book, attach, scripted_model):
    path, cells = book
    page, _ = await attach(path)
    page.cell(path, cells[0][0])["source"] = "unsaved = 'what I type'"
    scripted_model.script(Call("read_notebook", {}))
    scripted_model.script(Text("seen"))
    _, answer = await api.quick("What do I see?", notebook=path)
    assert answer["status"] == "completed"
    assert "unsaved = 'what I type'" in user_text(scripted_model.requests[0])
    assert "unsaved = 'what I type'" in result_text(scripted_model.requests[1])


async def test_edits_are_made_by_the_page_and_the_file_is_not_touched(
    api, book, attach, scripted_model, jp_root_dir
):
    path, cells = book
    page, session = await attach(path)
    before = (jp_root_dir / path).read_bytes()
    (first, source), (second, source2), _ = cells
    scripted_model.script(
        Call("edit_cell", {"cell_id": first, "hash": digest(source), "source": "a = 10"}),
        Call("insert_cell", {"source": "# new", "cell_type": "markdown", "after": first}),
        Call("delete_cell", {"cell_id": second, "hash": digest(source2)}),
    )
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Change it", notebook=path)
    calls = answer["steps"][0]["calls"]
    assert [c["status"] for c in calls] == ["ok"] * 3, calls
    assert page.sources(path) == ["a = 10", "# new", "print(b)"]
    assert (jp_root_dir / path).read_bytes() == before
    edit, insert, delete = (c["changes"][0] for c in calls)
    assert (edit["before"]["cell"]["source"], edit["after"]["cell"]["source"]) == (
        "a = 1",
        "a = 10",
    )
    assert (insert["before"], insert["after"]["index"]) == (None, 1)
    assert (delete["before"]["cell"]["source"], delete["after"], delete["hash"]) == (
        "b = a + 1",
        None,
        None,
    )
    assert all(code == 200 for code, _ in page.answers)
    kinds = [k for k in page.kinds(session) if k.startswith("request")]
    one = ["request.opened", "request.leased", "request.started", "request.answered"]
    assert kinds == one * 3


async def test_a_page_that_does_not_follow_the_session_is_handed_the_errand(
    api, book, attach, scripted_model
):
    path, _ = book
    page, session = await attach(path)
    page.say({"type": "unsubscribe", "session": session})
    scripted_model.script(Call("insert_cell", {"source": "x = 1"}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Add", notebook=path)
    assert answer["steps"][0]["calls"][0]["status"] == "ok"
    assert page.sources(path).count("x = 1") == 1
    assert "request.opened" not in page.kinds(session)


async def test_an_edit_is_no_pause(api, book, attach, scripted_model):
    path, _cells = book
    page, session = await attach(path)
    seen = []

    async def look(payload):
        _, info = await api.get("sessions", session)
        seen.append((info["status"], info["requests"]))

    page.before_edit = look
    scripted_model.script(Call("insert_cell", {"source": "1"}))
    scripted_model.script(Text("done"))
    await api.quick("Add", notebook=path)
    assert seen == [("running", [])]


async def test_a_stale_edit_is_refused_with_the_present_text(api, book, attach, scripted_model):
    path, cells = book
    page, _ = await attach(path)
    first, source = cells[0]

    async def type_first(payload):
        page.cell(path, first)["source"] = "a = 'typed in between'"

    page.before_edit = type_first
    call = {"cell_id": first, "hash": digest(source), "source": "a = 10"}
    scripted_model.script(Call("edit_cell", call))
    scripted_model.script(Text("I see"))
    _, answer = await api.quick("Change it", notebook=path)
    assert answer["steps"][0]["calls"][0]["status"] == "error"
    assert "typed in between" in result_text(scripted_model.requests[1])
    assert page.sources(path)[0] == "a = 'typed in between'"


async def test_only_the_page_last_focused_carries_it_out(api, book, attach, scripted_model):
    path, _ = book
    first, session = await attach(path, "page-aaaa")
    second, _ = await attach(path, "page-bbbb")
    first.tell(path, focused=True)
    second.tell(path, focused=False)
    await asyncio.sleep(0.05)
    scripted_model.script(Call("insert_cell", {"source": "x = 1"}))
    scripted_model.script(Text("done"))
    await api.quick("Add", notebook=path)
    assert (len(first.applied), len(second.applied)) == (1, 0)
    request_id = first.applied[0][0]
    status, answer = await second.answer(session, request_id, {"decision": "done", "result": {}})
    assert (status, answer["code"]) == (409, "conflict")


@pytest.mark.usefixtures("short_lease")
async def test_a_lapsed_edit_goes_to_the_next_page_if_nothing_happened(
    api, book, attach, scripted_model
):
    path, _ = book
    silent, session = await attach(path, "page-aaaa")
    other, _ = await attach(path, "page-bbbb")
    silent.tell(path, focused=True)
    other.tell(path, focused=False)

    async def never(payload):
        await asyncio.Event().wait()

    silent.before_edit = never
    scripted_model.script(Call("insert_cell", {"source": "x = 1"}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Add", notebook=path)
    assert answer["steps"][0]["calls"][0]["status"] == "ok"
    assert "x = 1" in other.sources(path)
    assert "x = 1" not in silent.sources(path)
    await eventually(lambda: silent.kinds(session).count("request.answered") == 2)
    lapsed = [e for e in silent.events(session) if e["type"] == "request.answered"]
    assert [e["data"]["decision"] for e in lapsed] == ["lapsed", "done"]
    late = lapsed[0]["data"]["request_id"]
    status, _ = await silent.answer(session, late, {"decision": "done", "result": {}})
    assert status == 409


@pytest.mark.usefixtures("short_lease")
@pytest.mark.parametrize("op", ["insert", "replace", "delete"])
async def test_a_page_that_applied_and_fell_silent_is_believed_by_the_hashes(
    api, book, attach, scripted_model, op
):
    path, cells = book
    page, _session = await attach(path)
    first, source = cells[0]

    async def never(opened):
        await asyncio.Event().wait()

    page.before_answer = never
    arguments = {
        "insert": ("insert_cell", {"source": "x = 1", "after": first}),
        "replace": ("edit_cell", {"cell_id": first, "hash": digest(source), "source": "x = 1"}),
        "delete": ("delete_cell", {"cell_id": first, "hash": digest(source)}),
    }[op]
    # it reads on, as a page does whose POST is lost
    page.kept = page.notebooks
    scripted_model.script(Call(*arguments))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Change", notebook=path)
    assert len(page.applied) == 1
    (call,) = answer["steps"][0]["calls"]
    assert call["status"] == "ok", call
    change = call["changes"][0]
    assert (change["before"] is None) == (op == "insert")
    assert (change["after"] is None) == (op == "delete")


@pytest.mark.usefixtures("short_lease")
async def test_a_tab_closed_before_it_edits_hands_over_to_the_file(
    api, book, attach, scripted_model, jp_root_dir
):
    path, cells = book
    page, _ = await attach(path)
    first, source = cells[0]

    async def close(payload):
        page.socket.close()
        await asyncio.Event().wait()

    page.before_edit = close
    call = {"cell_id": first, "hash": digest(source), "source": "a = 10"}
    scripted_model.script(Call("edit_cell", call))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Change it", notebook=path)
    assert answer["steps"][0]["calls"][0]["status"] == "ok"
    assert file_sources(jp_root_dir, path) == ["a = 10", "b = a + 1", "print(b)"]


@pytest.mark.usefixtures("short_lease")
async def test_a_tab_closed_after_it_edited_and_saved_is_not_repeated(
    api, book, attach, scripted_model, jp_root_dir
):
    path, _cells = book
    page, _ = await attach(path)

    async def save_and_close(opened):
        book = nbformat.read(jp_root_dir / path, as_version=4)
        book["cells"] = [nbformat.from_dict(c) for c in page.notebooks[path]]
        nbformat.write(book, jp_root_dir / path)
        page.socket.close()
        await asyncio.Event().wait()

    page.before_answer = save_and_close
    scripted_model.script(Call("insert_cell", {"source": "x = 1"}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Add", notebook=path)
    assert answer["steps"][0]["calls"][0]["status"] == "ok"
    assert file_sources(jp_root_dir, path).count("x = 1") == 1


async def test_a_page_that_is_not_ours_keeps_the_file_from_being_written(
    api, open_notebook, jp_ws_fetch, scripted_model, jp_root_dir
):
    person = await open_notebook("analysis.ipynb")
    foreign = await jp_ws_fetch("api", "kernels", person.kernel_id, "channels")
    before = (jp_root_dir / "analysis.ipynb").read_bytes()
    scripted_model.script(Call("insert_cell", {"source": "x = 1"}))
    scripted_model.script(Text("I see"))
    _, answer = await api.quick("Add")
    foreign.close()
    assert answer["steps"][0]["calls"][0]["status"] == "error"
    assert "open elsewhere" in result_text(scripted_model.requests[1])
    assert (jp_root_dir / "analysis.ipynb").read_bytes() == before


async def test_wrong_answers_are_refused(api, book, attach, scripted_model):
    path, _ = book
    page, session = await attach(path)
    told = []

    async def answer_wrongly(payload):
        request_id = page.events(session)[-1]["data"]["request_id"]
        for body in (
            {"decision": "approve"},
            {"decision": "started"},
            {"decision": "started", "client_id": "page-other"},
            {"decision": "started", "client_id": page.client_id},
            {"decision": "done", "result": {"changes": []}},
            {"decision": "done", "client_id": "page-other", "result": {}},
            {"decision": "done", "client_id": page.client_id, "result": []},
            {"decision": "failed", "client_id": page.client_id, "error": {"code": "tired"}},
        ):
            status, _ = await api.post("sessions", session, "requests", request_id, body=body)
            told.append(status)

    page.before_edit = answer_wrongly
    scripted_model.script(Call("insert_cell", {"source": "x = 1"}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Add", notebook=path)
    assert told == [400, 400, 409, 200, 400, 409, 400, 400], "a repeated claim changes nothing"
    assert answer["steps"][0]["calls"][0]["status"] == "ok"
    again = await page.answer(
        session, page.applied[0][0], {"decision": "done", "result": page_result(page, session)}
    )
    assert again[0] == 200, "the same answer again"


def page_result(page, session):
    answered = [e for e in page.events(session) if e["type"] == "request.answered"][-1]
    return json.loads(json.dumps(answered["data"]["result"]))

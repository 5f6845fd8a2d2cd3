"""What a turn may do: modes, approvals, questions, rules."""

from __future__ import annotations

import nbformat
import pytest

from tests.scripted_model import (
    LITELLM_WARNINGS,
    Call,
    Text,
)
from tests.server.conftest import eventually, scripted_config, sent, text_of

pytestmark = LITELLM_WARNINGS


@pytest.fixture
def agent_config(scripted_model):
    return scripted_config(scripted_model)


async def test_an_approval_pauses_the_turn_and_lets_it_go_on(api, open_notebook, scripted_model):
    person = await open_notebook()
    scripted_model.script(Call("run_code", {"code": "y = 1"}), Call("list_variables", {}))
    scripted_model.script(Text("done"))
    status, paused = await api.quick("Set y", mode="ask")
    assert (status, paused["status"]) == (202, "paused")
    (request,) = paused["requests"]
    assert request["payload"]["arguments"]["code"] == "y = 1"
    assert (await person.run("assert 'y' not in globals()"))["status"] == "ok"

    where = ("sessions", paused["session_id"], "requests", request["request_id"])
    status, wrong = await api.post(*where, body={"decision": "approve", "args_hash": "0"})
    assert (status, wrong["code"]) == (409, "conflict")
    body = {"decision": "approve", "args_hash": request["args_hash"]}
    status, _ = await api.post(*where, body=body)
    assert status == 200
    status, again = await api.post(*where, body=body)
    assert (status, again["answer"]["decision"]) == (200, "approve"), "idempotent"
    status, late = await api.post(*where, body={"decision": "deny"})
    assert (status, late["code"]) == (409, "conflict")

    async def ended():
        _, turn = await api.get("sessions", paused["session_id"], "turns", paused["turn_id"])
        return turn if turn["status"] == "completed" else None

    turn = await eventually(ended)
    assert turn["response"] == "done"
    assert (await person.run("assert y == 1"))["status"] == "ok"


async def test_a_person_may_edit_the_code_before_approving(api, open_notebook, scripted_model):
    person = await open_notebook()
    scripted_model.script(Call("run_code", {"code": "z = 'agent'"}))
    scripted_model.script(Text("done"))
    _, paused = await api.quick("Set z", mode="ask")
    where = (
        "sessions",
        paused["session_id"],
        "requests",
        paused["requests"][0]["request_id"],
    )
    status, refused = await api.post(
        *where, body={"decision": "approve", "arguments": {"kode": "z = 1"}}
    )
    assert status == 400, refused
    await api.post(*where, body={"decision": "approve", "arguments": {"code": "z = 'person'"}})
    await eventually(lambda: len(scripted_model.requests) == 2)
    assert (await person.run("assert z == 'person'"))["status"] == "ok"
    (result,) = sent(scripted_model.requests[1], "tool")
    assert "changed the arguments" in text_of(result)


async def test_a_denial_is_told_to_the_model_with_its_reason(api, open_notebook, scripted_model):
    await open_notebook()
    scripted_model.script(Call("run_code", {"code": "1/0"}))
    scripted_model.script(Text("Then not."))
    _, paused = await api.quick("Do it", mode="ask")
    rid = paused["requests"][0]["request_id"]
    await api.post(
        "sessions",
        paused["session_id"],
        "requests",
        rid,
        body={"decision": "deny", "reason": "too risky"},
    )
    await eventually(lambda: len(scripted_model.requests) == 2)
    (result,) = sent(scripted_model.requests[1], "tool")
    assert "too risky" in text_of(result)


async def test_always_is_a_rule_for_the_rest_of_the_session(api, open_notebook, scripted_model):
    await open_notebook()
    scripted_model.script(Call("run_code", {"code": "a = 1"}))
    scripted_model.script(Call("run_code", {"code": "b = 1"}))
    scripted_model.script(Text("done"))
    _, paused = await api.quick("Do it", mode="ask")
    rid = paused["requests"][0]["request_id"]
    await api.post("sessions", paused["session_id"], "requests", rid, body={"decision": "always"})
    await eventually(lambda: len(scripted_model.requests) == 3)
    _, info = await api.get("sessions", paused["session_id"])
    assert [r["tool"] for r in info["rules"]] == ["run_code"]


async def test_read_only_refuses_everything_but_reading(api, open_notebook, scripted_model):
    person = await open_notebook()
    scripted_model.script(Call("list_variables", {}), Call("run_code", {"code": "q = 1"}))
    scripted_model.script(Text("I may not."))
    status, answer = await api.quick("Set q", mode="read-only")
    assert (status, answer["response"]) == (200, "I may not.")
    assert [c["status"] for c in answer["steps"][0]["calls"]] == ["ok", "denied"]
    assert (await person.run("assert 'q' not in globals()"))["status"] == "ok"


async def test_a_question_waits_for_the_persons_answer(api, notebook, scripted_model):
    scripted_model.script(Call("ask_user", {"question": "Which one?", "options": ["a", "b"]}))
    scripted_model.script(Text("b it is"))
    status, paused = await api.quick("Choose")
    assert (status, paused["requests"][0]["kind"]) == (202, "question")
    rid = paused["requests"][0]["request_id"]
    where = ("sessions", paused["session_id"], "requests", rid)
    status, _ = await api.post(*where, body={"decision": "approve"})
    assert status == 400
    await api.post(*where, body={"decision": "answer", "answer": "b"})
    await eventually(lambda: len(scripted_model.requests) == 2)
    assert "b" in text_of(sent(scripted_model.requests[1], "tool")[0])


async def test_a_third_identical_call_asks_before_it_runs(api, notebook, scripted_model):
    for _ in range(3):
        scripted_model.script(Call("list_files", {"path": ""}))
    scripted_model.script(Text("enough"))
    status, paused = await api.quick("Loop")
    assert (status, paused["status"]) == (202, "paused")
    (request,) = paused["requests"]
    assert request["payload"]["options"] == ["go on", "stop"]
    await api.post(
        "sessions",
        paused["session_id"],
        "requests",
        request["request_id"],
        body={"decision": "answer", "answer": "stop"},
    )
    await eventually(lambda: len(scripted_model.requests) == 4)


async def test_a_new_query_supersedes_a_paused_turn(api, open_notebook, scripted_model):
    await open_notebook()
    scripted_model.script(Call("run_code", {"code": "never = 1"}))
    scripted_model.script(Text("something else"))
    _, paused = await api.quick("First", mode="ask")
    status, second = await api.quick("Second", mode="ask")
    assert (status, second["response"]) == (200, "something else")
    _, first = await api.get("sessions", paused["session_id"], "turns", paused["turn_id"])
    assert first["status"] == "interrupted"
    assert "superseded" in first["reason"]
    roles = [m["role"] for m in scripted_model.requests[1].body["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "user"], "every call has its result"


async def test_a_notebook_that_is_not_trusted_asks_even_in_mode_auto(
    api, jp_root_dir, open_notebook, scripted_model
):
    cell = nbformat.v4.new_code_cell("1")
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": "<script></script>"})]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), jp_root_dir / "foreign.ipynb")
    await open_notebook("foreign.ipynb")
    scripted_model.script(Call("run_code", {"code": "1"}))
    status, paused = await api.quick("Go", notebook="foreign.ipynb", mode="auto")
    assert (status, paused["status"]) == (202, "paused")


async def test_approved_edits_change_the_notebook_and_nothing_else_in_it(
    api, notebook, jp_root_dir, scripted_model
):
    before = nbformat.read(jp_root_dir / notebook, 4)
    scripted_model.script(Call("insert_cell", {"source": "answer = 42", "cell_type": "code"}))
    scripted_model.script(Text("inserted"))
    status, paused = await api.quick("Insert", mode="ask")
    assert (status, paused["requests"][0]["payload"]["effect"]) == (202, "edit")
    assert nbformat.read(jp_root_dir / notebook, 4) == before
    rid = paused["requests"][0]["request_id"]
    where = ("sessions", paused["session_id"], "requests", rid)
    await api.post(*where, body={"decision": "approve"})
    await eventually(lambda: len(scripted_model.requests) == 2)
    after = nbformat.read(jp_root_dir / notebook, 4)
    assert after.cells[:-1] == before.cells
    assert after.cells[-1].source == "answer = 42"
    assert after.metadata == before.metadata


async def test_an_approved_run_is_for_the_source_that_was_shown(
    api, make_notebook, jp_root_dir, open_notebook, scripted_model
):
    make_notebook("run.ipynb", "ran = 'shown'")
    person = await open_notebook("run.ipynb")
    cell = nbformat.read(jp_root_dir / "run.ipynb", 4).cells[0]
    scripted_model.script(Call("run_cell", {"cell_id": cell.id}))
    scripted_model.script(Text("It changed."))
    _, paused = await api.quick("Run it", notebook="run.ipynb", mode="ask")
    (request,) = paused["requests"]
    assert request["payload"]["source"] == "ran = 'shown'"
    assert request["payload"]["arguments"]["hash"]
    make_notebook("run.ipynb", "ran = 'other'")
    changed = nbformat.read(jp_root_dir / "run.ipynb", 4)
    changed.cells[0]["id"] = cell.id
    nbformat.write(changed, jp_root_dir / "run.ipynb")
    where = ("sessions", paused["session_id"], "requests", request["request_id"])
    await api.post(*where, body={"decision": "approve"})
    await eventually(lambda: len(scripted_model.requests) == 2)
    (result,) = sent(scripted_model.requests[1], "tool")
    assert "has changed since" in text_of(result)
    assert "ran = 'other'" in text_of(result)
    assert (await person.run("assert 'ran' not in globals()"))["status"] == "ok"


async def test_code_that_ran_says_so_even_where_its_outputs_cannot_be_written(
    api, make_notebook, jp_root_dir, open_notebook, scripted_model
):
    make_notebook("run.ipynb", "ran = 1; ran", "second = 2")
    person = await open_notebook("run.ipynb")
    path = jp_root_dir / "run.ipynb"
    cell = nbformat.read(path, 4).cells[0]
    scripted_model.script(
        Call("run_cell", {"cell_id": cell.id}), Call("run_code", {"code": "after = 1"})
    )
    scripted_model.script(Text("Done."))
    await person.run(f"import os; os.remove({str(path)!r})")
    make_notebook("run.ipynb", "ran = 1; ran")
    moved = nbformat.read(path, 4)
    moved.cells[0]["id"] = cell.id
    moved.cells[0]["source"] = f"import os; os.remove({str(path)!r}); ran = 1"
    nbformat.write(moved, path)
    await api.quick("Run it", notebook="run.ipynb", mode="auto")
    results = [text_of(m) for m in sent(scripted_model.requests[1], "tool")]
    assert "The code ran, but its outputs were not written" in results[0]
    assert (await person.run("assert ran == 1 and after == 1"))["status"] == "ok"

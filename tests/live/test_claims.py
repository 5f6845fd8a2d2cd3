"""A page claims an errand before it acts: a late one does nothing, a broken one is in no way."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from jupyter_agent_ext.agent.evidence import whole
from jupyter_agent_ext.answers import Answer, answering, kept
from jupyter_agent_ext.errors import ConflictError
from jupyter_agent_ext.fold import Request, Turn
from jupyter_agent_ext.kernels import following
from jupyter_agent_ext.tools.registry import Toolset
from tests.scripted_model import LITELLM_WARNINGS, Call, Text
from tests.server.conftest import eventually

from .conftest import hostile, result_text, user_text
from .page import digest

pytestmark = LITELLM_WARNINGS


class _Sleep:
    """Keeps a page from claiming until it wakes up."""

    def __init__(self, page):
        self.awake = asyncio.Event()
        page.before_claim = self.wait

    async def wait(self, opened):
        await self.awake.wait()


@pytest.mark.usefixtures("short_lease")
async def test_an_edit_that_a_sleeping_page_did_not_claim_is_made_once_by_the_next(
    api, book, attach, scripted_model
):
    path, _ = book
    sleeper, _ = await attach(path, "page-aaaa")
    other, _ = await attach(path, "page-bbbb")
    sleep = _Sleep(sleeper)
    sleeper.tell(path, focused=True)
    other.tell(path, focused=False)
    await asyncio.sleep(0.05)
    scripted_model.script(Call("insert_cell", {"source": "x = 1"}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Add", notebook=path)
    sleep.awake.set()
    await eventually(lambda: sleeper.claims)
    assert answer["steps"][0]["calls"][0]["status"] == "ok"
    assert [status for _, status in sleeper.claims] == [409]
    assert other.sources(path).count("x = 1") == 1
    assert sleeper.applied == []


@pytest.mark.usefixtures("short_lease")
async def test_a_run_that_a_sleeping_page_did_not_claim_is_not_sent_by_it_later(
    api, book, attach, open_notebook, scripted_model
):
    path, cells = book
    person = await open_notebook(path)
    page, _ = await attach(path, person=person)
    sleep = _Sleep(page)
    scripted_model.script(Call("run_cell", {"cell_id": cells[0][0]}))
    scripted_model.script(Text("I see"))
    _, answer = await api.quick("Run it", notebook=path)
    sleep.awake.set()
    await eventually(lambda: page.claims)
    assert answer["steps"][0]["calls"][0]["status"] == "error"
    assert [status for _, status in page.claims] == [409]
    assert page.sent_runs == []


@pytest.mark.parametrize("kind", ["edit", "run"])
@pytest.mark.parametrize("claimed", [False, True])
def test_no_claim_is_granted_after_the_time_of_the_lease(kind, claimed):
    lease = {"client_id": "page-0001", "seconds": 10, "until": time.time() - 0.001}
    lease |= {"msg_id": None} if claimed else {}
    request = Request("r1", "t1", kind, "c1", "", lease=lease)
    turn = Turn("t1", None, "?", "rest", "m", "auto", 0.0, requests={"r1": request})
    answer = Answer("started", client_id="page-0001")
    with pytest.raises(ConflictError):
        answering(Toolset([]), turn, request, answer)
    lease["until"] = time.time() + 60
    granted = answering(Toolset([]), turn, request, answer)
    assert (granted is None) == claimed, "a repeated claim changes nothing"


async def test_a_run_that_was_begun_but_never_reached_the_kernel_ends(
    api, book, attach, open_notebook, scripted_model, monkeypatch
):
    monkeypatch.setattr(following, "LOST", 1.0)
    path, cells = book
    person = await open_notebook(path)
    page, _ = await attach(path, person=person)

    async def die(session, request_id, payload):
        body = {"decision": "started", "result": {"msg_id": "never-sent"}}
        await page.answer(session, request_id, body)
        page.socket.close()
        await asyncio.Event().wait()

    page._run = die
    scripted_model.script(Call("run_cell", {"cell_id": cells[0][0]}))
    scripted_model.script(Text("I see"))
    _, answer = await api.quick("Run it", notebook=path)
    assert answer["steps"][0]["calls"][0]["status"] == "error"
    assert "unknown" in result_text(scripted_model.requests[1])
    assert (await person.run("assert 'a' not in globals()"))["status"] == "ok"


async def test_a_page_that_cannot_read_is_passed_over(api, book, attach, scripted_model):
    path, cells = book
    broken, _ = await attach(path, "page-aaaa")
    other, _ = await attach(path, "page-bbbb")
    broken.tell(path, focused=True)
    other.tell(path, focused=False)
    other.cell(path, cells[0][0])["source"] = "typed = 1"

    def refuse(frame):
        asked.append(frame)
        error = {"message": "out of order"}
        broken.say({"type": "cells", "read_id": frame["read_id"], "error": error})

    asked = []
    broken.answer_read = refuse
    await asyncio.sleep(0.05)
    scripted_model.script(Call("insert_cell", {"source": "x = 1"}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Add", notebook=path)
    assert "typed = 1" in user_text(scripted_model.requests[0])
    assert answer["steps"][0]["calls"][0]["status"] == "ok"
    assert "x = 1" in other.sources(path)
    assert len(asked) == 1, "it is not asked again for a while"


@pytest.mark.parametrize("closed", [True, False])
async def test_a_notebook_that_is_replaced_on_disk_is_not_trusted(
    api, book, attach, scripted_model, jp_root_dir, closed
):
    path, _ = book
    page, session = await attach(path)
    scripted_model.script(Call("insert_cell", {"source": "x = 1"}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Add", notebook=path)
    assert answer["status"] == "completed"
    if closed:
        await page.close()
    (jp_root_dir / path).write_text(hostile())
    if closed:
        await attach(path, "page-bbbb")
    scripted_model.script(Call("insert_cell", {"source": "y = 1"}))
    _, answer = await api.quick("Add", notebook=path)
    assert answer["status"] == "paused"
    await api.post("sessions", session, "interrupt")


async def test_long_images_of_cells_stay_out_of_the_log(api, book, attach, scripted_model):
    path, cells = book
    page, session = await attach(path)
    (first, source), (second, source2), _ = cells
    for cell_id in (first, second):
        text = {"output_type": "stream", "name": "stdout", "text": cell_id * 20_000}
        page.cell(path, cell_id)["outputs"] = [text]
    long = "# " + "long " * 20_000
    scripted_model.script(
        Call("edit_cell", {"cell_id": first, "hash": digest(source), "source": "a = 10"}),
        Call("delete_cell", {"cell_id": second, "hash": digest(source2)}),
        Call("insert_cell", {"source": long, "cell_type": "markdown"}),
    )
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Change", notebook=path)
    calls = answer["steps"][0]["calls"]
    assert [c["status"] for c in calls] == ["ok"] * 3, calls
    await page.until(session, "turn.ended")
    answered = [e for e in page.events(session) if e["type"] == "request.answered"]
    assert all(len(json.dumps(e)) < 65_536 for e in answered)
    replaced, deleted, inserted = (e["data"]["result"]["changes"][0] for e in answered)
    assert "outputs" not in replaced["before"]["cell"]
    assert "outputs" not in replaced["after"]["cell"]
    assert deleted["before"] == calls[1]["changes"][0]["before"]
    assert set(deleted["before"]) == {"blob", "size"}
    status, kept = await api.get("sessions", session, "blobs", deleted["before"]["blob"])
    assert status == 200
    assert (second * 20_000).encode() in (
        kept if isinstance(kept, bytes) else json.dumps(kept).encode()
    )
    assert set(inserted["after"]) == {"blob", "size"}
    assert calls[2]["changes"][0]["hash"] == digest(long)


async def test_what_is_kept_of_an_answer_can_be_made_whole_again():
    cell = {
        "cell_type": "code",
        "id": "c1",
        "source": "x",
        "metadata": {},
        "outputs": ["é" * 70_000],
    }
    before = {"index": 0, "cell": cell}
    payload = {"operations": [{"op": "delete", "cell_id": "c1", "expected": digest("x")}]}
    request = Request("r1", "t1", "edit", "c1", "", payload=payload)
    result = {"changes": [{"cell_id": "c1", "before": before, "after": None}]}
    answer, blobs = kept(request, Answer("done", client_id="page-0001", result=result))
    assert len(json.dumps(answer.result)) < 1_000

    async def read(name):
        return blobs.get(name)

    assert await whole(answer.result, read) == result
    again, _ = kept(request, answer)
    assert again == answer


async def test_an_answer_that_makes_no_sense_does_no_harm(api, book, attach, scripted_model):
    path, _ = book
    page, _ = await attach(path)
    nonsense = [
        {"cell_id": ["x"], "before": "b", "after": {"cell": 3}},
        {"cell_id": {}, "after": {"blob": "0" * 64}},
        "what?",
    ]
    apply = page.apply

    def babble(payload):
        apply(payload)
        return nonsense

    page.apply = babble
    scripted_model.script(Call("insert_cell", {"source": "x = 1"}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Add", notebook=path)
    call = answer["steps"][0]["calls"][0]
    assert call["status"] == "ok", call
    assert call["changes"][0]["after"]["cell"]["source"] == "x = 1"

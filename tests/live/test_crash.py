"""A server that is killed while a page has an errand: nothing is done twice, nothing is lost."""

from __future__ import annotations

import asyncio

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.scripted_model import Call, Text
from tests.server.conftest import eventually
from tests.server.process import TOKEN, ServerProcess

from .page import ScriptedPage


class _Api:
    """The API of a server in another process, called from threads."""

    def __init__(self, server):
        self.server = server

    async def get(self, *path):
        return await asyncio.to_thread(self.server.call, "GET", *path)

    async def post(self, *path, body=None):
        return await asyncio.to_thread(self.server.call, "POST", *path, body=body or {})


class _Stage:
    """A server that can be killed, its page, and the turn that was asked."""

    def __init__(self, server, root):
        self.server, self.root, self.api = server, root, _Api(server)
        self.page = self.session = self.turn = None

    async def open_page(self, notebooks=None, before_edit=None, before_claim=None):
        url = f"{self.server.base.replace('http', 'ws')}agent/ws?token={TOKEN}"
        self.page = ScriptedPage(await websocket_connect(HTTPRequest(url)), self.api, "page-0001")
        self.page.notebooks, self.page.before_edit = notebooks or {}, before_edit
        self.page.before_claim = before_claim
        self.page.say({"type": "hello", "client_id": "page-0001"})
        self.page.show("book.ipynb", self.root)
        _, info = await self.api.post("sessions", body={"notebook": "book.ipynb"})
        self.session = info["session_id"]
        self.page.subscribe(self.session)
        await self.page.until(self.session, "synced")
        return self.page

    async def ask(self):
        body = {"query": "Change it", "mode": "auto"}
        _, told = await self.api.post("sessions", self.session, "turns", body=body)
        self.turn = told["turn_id"]

    async def kill(self):
        await asyncio.to_thread(self.server.kill)
        await self.page.close()
        return self.page.notebooks

    async def start(self):
        await asyncio.to_thread(self.server.start)

    async def ended(self):
        async def check():
            _, turn = await self.api.get("sessions", self.session, "turns", self.turn)
            return turn if turn.get("status") not in ("running", "queued") else None

        return await eventually(check, 30)


@pytest.fixture
def stage(jp_asyncio_loop, tmp_path, make_notebook, jp_root_dir, scripted_model):
    make_notebook("book.ipynb", "a = 1", "b = 2")
    config = {
        "AgentExtension.api_bases": f"{{'openai': '{scripted_model.url}'}}",
        "AgentSessionManager.default_model": "openai/scripted",
    }
    server = ServerProcess(jp_root_dir, tmp_path, config).start()
    stage = _Stage(server, jp_root_dir)
    yield stage
    jp_asyncio_loop.run_until_complete(stage.page.close())
    server.stop()


async def never(_):
    await asyncio.Event().wait()


async def test_an_edit_that_the_page_made_is_found_after_a_crash(stage, scripted_model):
    page = await stage.open_page()
    page.before_answer = never
    scripted_model.script(Call("insert_cell", {"source": "new = 1"}))
    scripted_model.script(Text("done"))
    await stage.ask()
    await eventually(lambda: page.applied, 30)
    kept = await stage.kill()
    await stage.start()
    page = await stage.open_page(kept)
    turn = await stage.ended()
    assert turn["status"] == "completed"
    assert turn["steps"][0]["calls"][0]["status"] == "ok"
    assert page.sources("book.ipynb").count("new = 1") == 1


async def test_an_edit_that_the_page_did_not_make_is_not_made_after_a_crash(stage, scripted_model):
    page = await stage.open_page(before_edit=never)
    scripted_model.script(Call("insert_cell", {"source": "new = 1"}))
    scripted_model.script(Text("done"))
    await stage.ask()
    await page.until(stage.session, "request.leased")
    kept = await stage.kill()
    await stage.start()
    page = await stage.open_page(kept, before_edit=never)
    turn = await stage.ended()
    call = turn["steps"][0]["calls"][0]
    assert (turn["status"], call["status"]) == ("completed", "interrupted")
    assert "not in the notebook" in call["content"][0]["text"]
    assert page.sources("book.ipynb") == ["a = 1", "b = 2"]
    answered = [e for e in page.events(stage.session) if e["type"] == "request.answered"]
    assert [e["data"]["decision"] for e in answered] == ["lapsed"]


async def test_an_edit_that_no_page_claimed_was_not_made(stage, scripted_model):
    page = await stage.open_page(before_claim=never)
    scripted_model.script(Call("insert_cell", {"source": "new = 1"}))
    scripted_model.script(Text("done"))
    await stage.ask()
    await page.until(stage.session, "request.leased")
    await stage.kill()
    await stage.start()
    turn = await stage.ended()  # without its page: there is nothing to ask it
    call = turn["steps"][0]["calls"][0]
    assert call["status"] == "interrupted"
    assert "not in the notebook" in call["content"][0]["text"]

"""A real server, and a page that talks to its real socket as the panel does."""

from __future__ import annotations

import nbformat
import pytest

from jupyter_agent_ext import errands
from tests.live.page import ScriptedPage
from tests.server.conftest import *  # noqa: F403
from tests.server.conftest import eventually


@pytest.fixture
def open_page(jp_asyncio_loop, jp_ws_fetch, api):
    """Return what opens a page: a socket, and the notebooks that it shows."""
    pages = []

    async def open_it(client_id="page-0001", *, hello=True, **options):
        socket = await jp_ws_fetch("agent", "ws", **options)
        page = ScriptedPage(socket, api, client_id)
        pages.append(page)
        if hello:
            page.say({"type": "hello", "client_id": client_id})
        return page

    yield open_it
    for page in pages:
        jp_asyncio_loop.run_until_complete(page.close())


@pytest.fixture
def agent_config(scripted_model):
    return {
        "AgentExtension": {"api_bases": {"openai": scripted_model.url}},
        "AgentSessionManager": {"default_model": "openai/scripted", "max_retries": 0},
    }


@pytest.fixture
def short_lease(monkeypatch):
    monkeypatch.setattr(errands, "LEASE_SECONDS", 0.5)
    monkeypatch.setattr(errands, "CLAIMED_SECONDS", 0.5)
    monkeypatch.setattr(errands, "RETURN_SECONDS", 0.1)


@pytest.fixture
def book(make_notebook, jp_root_dir):
    """A notebook of three cells, as (id, source)."""
    path = make_notebook("book.ipynb", "a = 1", "b = a + 1", "print(b)")
    cells = nbformat.read(jp_root_dir / path, as_version=4)["cells"]
    return path, [(c["id"], c["source"]) for c in cells]


@pytest.fixture
def session_of(api):
    async def open_session(path):
        _, info = await api.post("sessions", body={"notebook": path})
        return info["session_id"]

    return open_session


@pytest.fixture
def attach(open_page, session_of, jp_root_dir, jp_serverapp):
    """Open a page that shows the notebook and follows its session."""
    pages = jp_serverapp.web_app.settings["jupyter_agent_ext"].services.pages

    async def attach_it(path, client_id="page-0001", **options):
        session = await session_of(path)
        page = await open_page(client_id)
        page.show(path, jp_root_dir, **options)
        page.subscribe(session)
        await page.until(session, "synced")
        await eventually(
            lambda: any(p.client_id == client_id for p in pages.showing("local", path))
        )
        return page, session

    return attach_it


def hostile():
    """The text of a notebook that nobody here has run: its output is a script."""
    html = {"text/html": "<script>alert(1)</script>"}
    output = nbformat.v4.new_output("display_data", data=html)
    cell = nbformat.v4.new_code_cell("show()", outputs=[output])
    return nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))


def file_sources(root, path):
    return [c["source"] for c in nbformat.read(root / path, as_version=4)["cells"]]


def result_text(asked, n=-1):
    message = [m for m in asked.body["messages"] if m["role"] == "tool"][n]
    content = message["content"]
    return content if isinstance(content, str) else "\n".join(p.get("text", "") for p in content)


def user_text(asked):
    message = [m for m in asked.body["messages"] if m["role"] == "user"][-1]
    content = message["content"]
    return content if isinstance(content, str) else "\n".join(p.get("text", "") for p in content)

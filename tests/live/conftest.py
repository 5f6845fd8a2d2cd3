"""A real server, and a page that talks to its real socket as the panel does."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.live.page import ScriptedPage
from tests.server.conftest import *  # noqa: F403


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


async def settle():
    """Let what is on its way through the socket arrive."""
    await asyncio.sleep(0.05)


def frame(value):
    return json.dumps(value)

"""The page's socket: the same events as the stream, presence, bad frames, who may."""

from __future__ import annotations

import json

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_agent_ext.agent.log import MAX_BEHIND
from jupyter_agent_ext.events import SessionKey
from tests.server.conftest import eventually


@pytest.fixture
def agent_config():
    return {}


@pytest.fixture
def pages(jp_serverapp):
    return jp_serverapp.web_app.settings["jupyter_agent_ext"].services.pages


async def asked(api, query="What variables are there?", **more):
    status, answer = await api.quick(query, **more)
    assert status == 200, answer
    return answer["session_id"]


async def test_a_page_gets_the_same_events_as_a_stream(api, notebook, open_page, follow):
    session = await asked(api)
    page = await open_page()
    page.subscribe(session)
    await page.until(session, "synced")
    stream = follow("sessions", session, "events")
    await stream.until("synced")
    durable = [event for _, number, event in stream.frames if number]
    assert [e for e in page.events(session) if e["seq"]] == durable
    assert page.seqs(session) == list(range(1, len(durable) + 1))


async def test_a_page_goes_on_after_the_seq_it_has_seen_and_live(api, notebook, open_page):
    session = await asked(api)
    page = await open_page()
    page.subscribe(session, after=3)
    await page.until(session, "synced")
    assert page.seqs(session)[0] == 4
    await asked(api, "And now?", context={"session_id": session})
    await eventually(lambda: page.kinds(session).count("turn.ended") == 2)
    seqs = page.seqs(session)
    assert seqs == list(range(4, seqs[-1] + 1))


async def test_one_page_follows_several_sessions_until_it_unsubscribes(
    api, make_notebook, open_page
):
    first = await asked(api, notebook=make_notebook("a.ipynb", "1"))
    second = await asked(api, notebook=make_notebook("b.ipynb", "2"))
    page = await open_page()
    page.subscribe(first)
    page.subscribe(second)
    await page.until(first, "synced")
    await page.until(second, "synced")
    page.say({"type": "unsubscribe", "session": first})
    page.say({"type": "unsubscribe", "session": "never subscribed"})
    before = len(page.events(first))
    await asked(api, "More", notebook="b.ipynb")
    await asked(api, "More", notebook="a.ipynb")
    await eventually(lambda: page.kinds(second).count("turn.ended") == 2)
    assert len(page.events(first)) == before


async def test_subscribing_again_replays_once(api, notebook, open_page):
    session = await asked(api)
    page = await open_page()
    page.subscribe(session)
    await page.until(session, "synced")
    last = page.seqs(session)[-1]
    page.subscribe(session, after=last - 2)
    await eventually(lambda: page.kinds(session).count("synced") == 2)
    assert page.seqs(session) == [*range(1, last + 1), last - 1, last]
    await asked(api, "More", context={"session_id": session})
    await eventually(lambda: page.kinds(session).count("turn.ended") >= 2)
    tail = [s for s in page.seqs(session) if s > last]
    assert tail == sorted(set(tail)), "two subscriptions would send each event twice"


BAD_FRAMES = [
    ("{", "not as expected"),
    (b"\xff\xfe", "not as expected"),
    ("[]", "not as expected"),
    ('{"type": "dance"}', "dance"),
    ('{"type": "hello", "client_id": "short"}', "client_id"),
    ('{"type": "subscribe", "session": 5}', "session"),
    ('{"type": "subscribe", "session": "x", "after": -1}', "after"),
    ('{"type": "subscribe", "session": ""}', "session"),
    ('{"type": "presence", "notebooks": [{"focused": true}]}', "path"),
    ('{"type": "presence", "notebooks": []}', "hello"),
    ('{"type": "cells", "read_id": "x", "cells": []}', "hello"),
    (json.dumps({"type": "subscribe", "session": "x", "pad": "a" * 300_000}), "at most"),
]


async def test_a_bad_frame_is_answered_and_the_socket_stays(api, notebook, open_page):
    session = await asked(api)
    page = await open_page(hello=False)
    for count, (frame, told) in enumerate(BAD_FRAMES, start=1):
        page.say(frame)
        await eventually(lambda count=count: len(page.errors()) == count)
        error = page.errors()[-1]
        assert error["session"] is None
        assert {"message", "code", "hint"} <= error["error"].keys()
        assert told in error["error"]["message"]
    page.subscribe(session)
    await page.until(session, "synced")


async def test_an_unknown_session_is_an_error_of_that_session(notebook, open_page):
    page = await open_page()
    page.subscribe("nobody/knows ✓")
    error = await page.until_error()
    assert (error["session"], error["error"]["code"]) == ("nobody/knows ✓", "not_found")


async def test_a_deleted_session_ends_its_subscription_with_an_error(api, notebook, open_page):
    session = await asked(api)
    page = await open_page()
    page.subscribe(session)
    await page.until(session, "synced")
    await api.call("DELETE", "sessions", session)
    error = await page.until_error()
    assert (error["session"], page.closed) == (session, False)


async def test_a_page_that_falls_behind_is_told_to_resync_and_misses_no_durable_event(
    api, notebook, open_page, jp_serverapp
):
    session = await asked(api)
    page = await open_page()
    page.subscribe(session)
    await page.until(session, "synced")
    manager = jp_serverapp.web_app.settings["jupyter_agent_ext"]
    log = await manager.peek(SessionKey("local", manager.root, session))
    for number in range(MAX_BEHIND + 10):
        log.publish("tool.output", {"call_id": "c", "output": number}, "t")
    await page.until(session, "resync")
    await asked(api, "And now?", context={"session_id": session})
    await eventually(lambda: page.kinds(session).count("turn.ended") == 2)
    seqs = page.seqs(session)
    assert seqs == list(range(1, seqs[-1] + 1))


async def test_the_page_last_focused_comes_first(notebook, open_page, pages):
    first, second = await open_page("page-aaaa"), await open_page("page-bbbb")

    def order():
        return [p.client_id for p in pages.showing("local", "a.ipynb")]

    def show(page, *, focused, visible=True, path="a.ipynb"):
        shown = [{"path": path, "focused": focused}, {"path": "other.ipynb"}]
        page.say({"type": "presence", "notebooks": shown, "visible": visible})

    show(first, focused=True)
    await eventually(lambda: order() == ["page-aaaa"])
    show(second, focused=True, path="RTC:a.ipynb")
    await eventually(lambda: order() == ["page-bbbb", "page-aaaa"])
    show(first, focused=True)
    await eventually(lambda: order() == ["page-aaaa", "page-bbbb"])
    show(second, focused=True, visible=False)
    show(first, focused=False)
    await asyncio_turn(first, pages)
    assert order() == ["page-aaaa", "page-bbbb"], "a hidden page has no focus"
    await first.close()
    await eventually(lambda: order() == ["page-bbbb"])
    assert pages.showing("somebody else", "a.ipynb") == []


async def asyncio_turn(page, pages):
    """Wait until the server has taken in all that the page has said."""
    page.say({"type": "dance"})
    await page.until_error()


async def test_the_same_page_after_a_reconnect_replaces_the_former_one(open_page, pages):
    first = await open_page("page-aaaa")
    await eventually(lambda: pages.get("local", "page-aaaa"))
    former = pages.get("local", "page-aaaa")
    await open_page("page-aaaa")
    await eventually(lambda: pages.get("local", "page-aaaa") is not former)
    assert former.left.is_set()
    await first.close()
    assert pages.get("local", "page-aaaa") is not None, "the late goodbye of the former page"


async def test_nothing_goes_without_the_token(jp_serverapp, jp_ws_fetch):
    with pytest.raises(HTTPClientError) as refused:
        await jp_ws_fetch("agent", "ws", headers={"Authorization": "token wrong"})
    assert refused.value.code == 403


async def test_a_page_of_another_origin_is_refused(
    jp_serverapp, jp_fetch, jp_ws_fetch, jp_http_port
):
    token = jp_serverapp.identity_provider.token
    browser = {"Authorization": "", "Host": f"localhost:{jp_http_port}"}
    login = await jp_fetch("api", "me", params={"token": token}, headers=browser)
    logged_in = {"Authorization": "", "Cookie": login.headers["Set-Cookie"].split(";")[0]}
    foreign = {**logged_in, "Origin": "https://evil.example"}
    with pytest.raises(HTTPClientError) as refused:
        await jp_ws_fetch("agent", "ws", headers=foreign)
    assert refused.value.code == 403
    socket = await jp_ws_fetch("agent", "ws", headers=logged_in)
    socket.close()


async def test_a_page_that_asks_for_it_gets_the_replay_in_bundles(api, notebook, open_page):
    session = await asked(api)
    page = await open_page()
    page.say({"type": "subscribe", "session": session, "after": 0, "batch": True})
    await eventually(lambda: [f for f in page.frames if f.get("type") == "events"])
    bundle = next(f for f in page.frames if f["type"] == "events")
    assert bundle["session"] == session
    kinds = [event["type"] for event in bundle["events"]]
    assert kinds[0] == "session.created"
    assert kinds[-2:] == ["turn.ended", "synced"]
    await asked(api, "And now?", context={"session_id": session})
    await eventually(lambda: page.kinds(session).count("turn.ended") == 1)
    assert page.seqs(session)[0] == bundle["events"][-2]["seq"] + 1

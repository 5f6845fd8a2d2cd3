"""LiteLLMModel over real HTTP against the scripted server."""

import asyncio
import contextlib
import json
import logging
import threading
import time

import pytest

from jupyter_agent_ext.messages import Message, Usage, text_part
from jupyter_agent_ext.models.litellm import LiteLLMModel
from jupyter_agent_ext.protocols import Model
from jupyter_agent_ext.records import (
    ModelDone,
    ReasoningDelta,
    TextDelta,
)
from tests.models.asking import RUN_CODE, ask, calls, collect, failure, gone, result
from tests.scripted_model import (
    LITELLM_WARNINGS,
    Burst,
    Call,
    Finish,
    Hang,
    NoEnd,
    Raw,
    Reasoning,
    Status,
    Text,
    Tokens,
    ToolDelta,
    Until,
)

pytestmark = LITELLM_WARNINGS


def test_it_is_a_model(model):
    assert isinstance(model, Model)


async def test_text_streams_as_deltas_and_ends_whole(model, server):
    server.script(Text("It ", "is ", "2."), Tokens(100, 5, cached=40, reasoning=2))
    *deltas, done = await collect(model, ask())
    assert deltas == [TextDelta("It "), TextDelta("is "), TextDelta("2.")]
    assert done == ModelDone([text_part("It is 2.")], "stop", Usage(100, 5, 40, 2, None))


async def test_reasoning_comes_before_the_text(model, server):
    server.script(Reasoning("Hm", "m."), Text("Yes."))
    *deltas, done = await collect(model, ask())
    assert deltas == [ReasoningDelta("Hm"), ReasoningDelta("m."), TextDelta("Yes.")]
    assert done.parts == [{"type": "reasoning", "text": "Hmm."}, text_part("Yes.")]


async def test_several_calls_in_pieces_after_text(model, server):
    server.script(
        Text("I look."),
        Call("run_code", {"code": "1 + 1"}, call_id="a", pieces=4),
        Call("list_files", {}, call_id="b"),
    )
    done = (await collect(model, ask(tools=[RUN_CODE])))[-1]
    assert done.finish_reason == "tool_calls"
    assert done.parts[1:] == [
        {"type": "tool_call", "call_id": "a", "name": "run_code", "arguments": '{"code": "1 + 1"}'},
        {"type": "tool_call", "call_id": "b", "name": "list_files", "arguments": "{}"},
    ]


@pytest.mark.parametrize(
    "script",
    [
        [Call("f", '{"a":1}', index=0), Call("g", '{"b":2}', index=0)],
        [Call("f", '{"a":1}', call_id=None), Call("g", '{"b":2}', call_id=None)],
        [Call("f", '{"a":1}', index=None), Call("g", '{"b":2}', index=None)],
        [
            ToolDelta(function={"name": "f", "arguments": '{"a":1}'}),
            ToolDelta(function={"name": "g", "arguments": '{"b":2}'}),
            Finish("stop"),
        ],
    ],
    ids=["index 0 twice", "no ids", "no index", "neither, and finish reason stop"],
)
async def test_calls_of_disorderly_servers_are_told_apart(model, server, script):
    server.script(*script)
    done = (await collect(model, ask(tools=[RUN_CODE])))[-1]
    assert calls(done) == [("f", '{"a":1}'), ("g", '{"b":2}')]
    assert len({p["call_id"] for p in done.parts}) == 2
    assert done.finish_reason == "tool_calls"


async def test_half_a_call_is_handed_on_for_the_loop_to_refuse(model, server):
    server.script(Call("run_code", '{"code": "1 +'), Finish("length"))
    done = (await collect(model, ask(tools=[RUN_CODE])))[-1]
    assert calls(done) == [("run_code", '{"code": "1 +')]
    assert done.finish_reason == "length"


async def test_what_is_sent_is_the_openai_shape_with_the_configured_options(model, server):
    server.script(Text("ok"))
    await collect(model, ask("How many rows?", tools=[RUN_CODE], max_tokens=50))
    body = server.requests[0].body
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How many rows?"},
    ]
    assert body["tools"][0]["function"]["name"] == "run_code"
    assert body["stream_options"] == {"include_usage": True}
    assert body["model"] == "scripted"
    assert 50 in (body.get("max_tokens"), body.get("max_completion_tokens"))


async def test_a_stored_key_is_sent_to_its_provider(model, server, keys):
    keys.set("openai", "sk-stored")
    server.script(Text("ok"))
    await collect(model, ask())
    assert server.requests[0].headers["Authorization"] == "Bearer sk-stored"


async def test_cancelling_the_turn_closes_the_connection(model, server):
    release = threading.Event()
    server.script(Text("a"), Until(release), Text("b"))
    began = asyncio.Event()

    async def turn():
        async for _ in model.stream(ask()):
            began.set()

    task = asyncio.create_task(turn())
    await asyncio.wait_for(began.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(server)
    release.set()


async def test_leaving_early_closes_the_connection(model, server):
    server.script(Text("a"), Hang())
    async with contextlib.aclosing(model.stream(ask())) as events:
        async for _ in events:
            break
    await gone(server)


async def test_a_burst_lets_others_run(model, server):
    server.script(Text("warm"))
    await collect(model, ask())
    server.script(Burst(600))
    longest, stop = 0.0, False

    async def watch():
        nonlocal longest
        last = time.perf_counter()
        while not stop:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    watcher = asyncio.create_task(watch())
    events = await collect(model, ask())
    stop = True
    await watcher
    assert len(events) == 601
    assert longest < 0.25, "600 chunks in one read would block for about 0.3 s"


async def test_a_configured_price_gives_the_cost(server, keys, litellm):
    model = LiteLLMModel(
        keys,
        api_bases={"openai": server.url},
        environ={},
        overrides={"openai/scripted": {"input_cost": 1e-6, "output_cost": 2e-6}},
    )
    server.script(Text("ok"), Tokens(1000, 100))
    done = (await collect(model, ask()))[-1]
    assert done.usage.cost == pytest.approx(0.0012)


async def test_nothing_of_prompt_or_key_is_logged_even_at_debug(model, server, keys, caplog):
    keys.set("openai", "sk-do-not-log-this")
    server.script(Text("secret answer"))
    server.script(Status(500, "secret failure"))
    with caplog.at_level(logging.DEBUG):
        await collect(model, ask("secret question", tools=[RUN_CODE]))
        await failure(model, ask("secret question"))
    logged = "\n".join(f"{r.name} {r.getMessage()} {r.exc_text}" for r in caplog.records)
    assert "secret" not in logged
    assert "do-not-log" not in logged


def anthropic(*events):
    """The Raw script of a server that speaks the Anthropic protocol."""
    return [Raw(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n") for e in events]


async def test_signed_thinking_is_kept_and_goes_back_unchanged(server, keys, litellm):
    keys.set("anthropic", "sk-ant")
    name = "anthropic/claude-sonnet-4-5"
    base = server.url.removesuffix("/v1")
    model = LiteLLMModel(keys, api_bases={"anthropic": base}, environ={})
    thinking = {"type": "thinking_delta", "thinking": "Let me "}
    usage = {"input_tokens": 9, "output_tokens": 5}
    server.script(
        *anthropic(
            {"type": "message_start", "message": {"id": "m", "content": [], "usage": usage}},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "thinking", "thinking": "", "signature": ""},
            },
            {"type": "content_block_delta", "index": 0, "delta": thinking},
            {"type": "content_block_delta", "index": 0, "delta": {**thinking, "thinking": "see."}},
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "signature_delta", "signature": "signed"},
            },
            {"type": "content_block_stop", "index": 0},
            {
                "type": "content_block_start",
                "index": 1,
                "content_block": {"type": "tool_use", "id": "t1", "name": "run_code", "input": {}},
            },
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "input_json_delta", "partial_json": '{"code": "1"}'},
            },
            {"type": "content_block_stop", "index": 1},
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": usage},
            {"type": "message_stop"},
        ),
        NoEnd(),
    )
    request = ask(model=name, tools=[RUN_CODE])
    done = (await collect(model, request))[-1]
    blocks = [{"type": "thinking", "thinking": "Let me see.", "signature": "signed"}]
    assert done.parts[0] == {
        "type": "reasoning",
        "text": "Let me see.",
        "provider": {"name": "anthropic", "thinking_blocks": blocks},
    }
    assert calls(done) == [("run_code", '{"code": "1"}')]
    assert done.usage.input_tokens == 9

    server.script(Status(500))
    request.messages += [
        Message("a1", "assistant", done.parts),
        Message("t1", "tool", [result("t1")]),
    ]
    await failure(model, request)
    sent = server.requests[1].body
    assert sent["messages"][1]["content"][0] == blocks[0]
    assert sent["messages"][1]["content"][-1]["id"] == "t1"
    assert sent["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert server.requests[1].headers["X-Api-Key"] == "sk-ant"


async def test_no_cache_marks_are_sent_to_a_generic_server(model, server):
    server.script(Text("ok"))
    await collect(model, ask())
    assert "cache_control" not in json.dumps(server.requests[0].body)


async def test_two_answers_stream_at_once(model, server):
    server.respond(lambda asked: [Text(asked.last_user_text), Text("!")])
    first, second = await asyncio.gather(collect(model, ask("one")), collect(model, ask("two")))
    assert first[-1].parts == [text_part("one!")]
    assert second[-1].parts == [text_part("two!")]


def test_info_is_honest_about_where_data_goes(keys, server, litellm):
    model = LiteLLMModel(keys, api_bases={"openai/mine": server.url}, environ={})
    assert model.info("openai/mine").local
    assert model.info("openai/mine").ready
    assert not model.info("openai/gpt-4o").local
    assert not model.info("openai/gpt-4o").ready
    assert model.info("ollama/llama3.1").local
    assert not model.info("ollama/gpt-oss:120b-cloud").local
    assert model.info("openai/gpt-4o").context_window == 128_000
    assert model.info("openai/gpt-4o").images


def test_the_environment_is_listed(keys):
    keys.set("mistral", "k")
    keys.environ = {"OPENAI_API_KEY": "sk-x"}
    model = LiteLLMModel(keys, environ=keys.environ, overrides={"ollama/mine": {}})
    listed = {info.name: info for info in model.available()}
    assert "openai/gpt-5" in listed
    assert "mistral/mistral-large-latest" in listed
    assert listed["ollama/mine"].local
    assert not any(name.startswith("anthropic") for name in listed)
    assert all(info.ready for info in listed.values())


def test_models_that_ollama_has_pulled_are_listed_as_local(keys, tmp_path):
    manifests = tmp_path / ".ollama/models/manifests/registry.ollama.ai/library/qwen3"
    manifests.mkdir(parents=True)
    (manifests / "8b").write_text("{}")
    (listed,) = LiteLLMModel(keys, environ={"HOME": str(tmp_path)}).available()
    assert listed.name == "ollama_chat/qwen3:8b"
    assert listed.local
    assert listed.ready

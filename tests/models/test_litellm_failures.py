"""What goes wrong at a provider, as errors that say what to do."""

import time

import pytest

from jupyter_agent_ext.errors import ContextWindowError, ModelAuthError, ModelError
from jupyter_agent_ext.messages import Message
from jupyter_agent_ext.models.litellm import LiteLLMModel
from tests.models.asking import ask, call, collect, failure, gone, result
from tests.scripted_model import (
    LITELLM_WARNINGS,
    Call,
    Cut,
    Endless,
    Fail,
    Hang,
    NoEnd,
    Raw,
    Status,
    Text,
)

pytestmark = LITELLM_WARNINGS


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, ModelError, False),
        (401, ModelAuthError, False),
        (403, ModelAuthError, False),
        (404, ModelError, False),
        (422, ModelError, False),
        (429, ModelError, True),
        (500, ModelError, True),
        (502, ModelError, True),
        (503, ModelError, True),
        (529, ModelError, True),
    ],
)
async def test_each_http_error_has_its_kind(model, server, status, kind, retryable):
    server.script(Status(status, "scripted reason", retry_after="7"))
    error = await failure(model)
    assert type(error) is kind
    assert error.retryable is retryable
    assert "scripted reason" in str(error)
    # litellm 1.80 reports 422 as 400
    assert error.details["provider_status"] in ((400, 422) if status == 422 else (status,))
    assert error.hint
    assert len(server.requests) == 1, "retries are the loop's"
    if retryable:
        assert error.retry_after == 7.0


async def test_a_used_up_account_is_not_worth_a_retry(model, server):
    server.script(Status(429, "You exceeded your current quota, check your billing."))
    error = await failure(model)
    assert not error.retryable
    assert "billing" in error.hint


async def test_a_conversation_that_is_too_long_has_its_own_error(model, server):
    server.script(Status(400, "This model's maximum context length is 8192 tokens. You sent 9000."))
    error = await failure(model)
    assert type(error) is ContextWindowError
    assert not error.retryable


@pytest.mark.parametrize(
    "script",
    [
        [NoEnd()],
        [Text("half an"), NoEnd()],
        [Call("run_code", '{"co'), NoEnd()],
        [Text("half an"), Cut()],
        [Cut()],
        [Text("half an"), Fail()],
        [Fail()],
        [Raw("<html>no stream</html>"), NoEnd()],
        [Raw("data: {garbage\n\n"), NoEnd()],
        [Raw(b"data: \xff\xfe\n\n"), NoEnd()],
        [Text()],
    ],
    ids=[
        "nothing",
        "no end",
        "no end in a call",
        "cut",
        "cut at once",
        "error object",
        "error object at once",
        "html",
        "no json",
        "no utf-8",
        "an empty answer",
    ],
)
async def test_an_end_that_is_no_end_is_an_error(model, server, script):
    server.script(*script)
    error = await failure(model)
    assert type(error) is ModelError
    assert error.retryable


async def test_silence_after_tool_results_is_an_answer(model, server):
    server.script(Text())
    request = ask()
    request.messages += [
        Message("a1", "assistant", [call("c1")]),
        Message("t1", "tool", [result("c1")]),
    ]
    assert (await collect(model, request))[-1].parts == []


async def test_a_refused_connection_is_told_as_such(keys, litellm):
    model = LiteLLMModel(keys, api_bases={"openai": "http://127.0.0.1:9/v1"}, environ={})
    error = await failure(model)
    assert "cannot be reached" in str(error)
    assert error.retryable


async def test_a_missing_key_is_found_before_anything_is_imported_or_sent(keys):
    error = await failure(LiteLLMModel(keys, environ={}), ask(model="anthropic/claude-sonnet-4-5"))
    assert type(error) is ModelAuthError
    assert "agent/models/anthropic/key" in error.hint
    assert "ANTHROPIC_API_KEY" in error.hint


async def test_an_unknown_provider_is_refused(keys, litellm):
    error = await failure(LiteLLMModel(keys, environ={}), ask(model="nosuch/model"))
    assert not error.retryable


async def test_the_key_is_cut_out_of_the_message(model, server, keys):
    keys.set("openai", "my-odd-key-123")
    server.script(Status(401, "Incorrect API key provided: my-odd-key-123 or sk-abcdefgh12345."))
    message = str(await failure(model))
    assert "my-odd-key-123" not in message
    assert "sk-abcdefgh12345" not in message


async def test_a_key_of_the_environment_is_cut_out_too(server, keys, litellm):
    environ = {"OPENAI_API_KEY": "odd-environment-key"}
    model = LiteLLMModel(keys, api_bases={"openai": server.url}, environ=environ)
    server.script(Status(400, "You sent odd-environment-key and none of the rest."))
    message = str(await failure(model))
    assert "odd-environment-key" not in message
    assert "none of the rest" in message


@pytest.mark.parametrize(("script", "shown"), [([Hang()], 0), ([Text("a"), Hang()], 1)])
async def test_a_model_that_stops_answering_is_given_up(server, keys, litellm, script, shown):
    model = LiteLLMModel(
        keys,
        api_bases={"openai": server.url},
        environ={},
        first_timeout=0.4,
        chunk_timeout=0.4,
    )
    server.script(*script)
    events, began = [], time.monotonic()

    async def read():
        async for event in model.stream(ask()):
            events.append(event)

    with pytest.raises(ModelError, match=r"sent nothing within 0.4 s") as caught:
        await read()
    assert caught.value.retryable
    assert len(events) == shown
    assert time.monotonic() - began < 5
    await gone(server)


async def test_an_endless_answer_is_given_up_and_its_connection_closed(server, keys, litellm):
    model = LiteLLMModel(keys, api_bases={"openai": server.url}, environ={}, total_timeout=0.5)
    server.script(Endless())
    with pytest.raises(ModelError, match=r"did not finish its answer within 0.5 s"):
        await collect(model, ask())
    await gone(server)

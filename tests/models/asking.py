"""Short ways to ask a model, shared by the tests of LiteLLMModel."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from jupyter_agent_ext.errors import ModelError
from jupyter_agent_ext.messages import Message, text_part
from jupyter_agent_ext.records import ModelRequest, ToolSpec

RUN_CODE = ToolSpec(
    "run_code", "Run code.", {"type": "object", "properties": {"code": {"type": "string"}}}
)


def ask(text="hello", model="openai/scripted", **rest):
    return ModelRequest(model, "Be brief.", [Message("u1", "user", [text_part(text)])], **rest)


async def collect(model, request):
    return [event async for event in model.stream(request)]


async def failure(model, request=None):
    with pytest.raises(ModelError) as caught:
        await collect(model, request or ask())
    return caught.value


def calls(done):
    return [(p["name"], p["arguments"]) for p in done.parts if p["type"] == "tool_call"]


async def gone(server):
    deadline = time.monotonic() + 5
    while not server.disconnects:
        assert time.monotonic() < deadline, "the connection stayed open"
        await asyncio.sleep(0.01)


def call(call_id, arguments="{}"):
    return {
        "type": "tool_call",
        "call_id": call_id,
        "name": "run_code",
        "arguments": json.dumps(arguments) if isinstance(arguments, dict) else arguments,
    }


def result(call_id):
    content = [text_part("done")]
    return {
        "type": "tool_result",
        "call_id": call_id,
        "name": "run_code",
        "status": "ok",
        "content": content,
    }

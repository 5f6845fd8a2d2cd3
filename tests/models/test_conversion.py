"""Our messages in the shape that providers take."""

import base64
import json

import pytest

from jupyter_agent_ext.messages import Message, text_part
from jupyter_agent_ext.models.conversion import MAX_IMAGE_BYTES, Converter
from jupyter_agent_ext.records import ModelRequest

PNG = b"\x89PNG picture"


async def blob(digest):
    return {"p1": PNG, "p2": PNG + b"2"}[digest]


async def convert(*messages, system="", provider="openai", images=True, cached=False):
    request = ModelRequest("m", system, list(messages), blob=blob)
    converter = Converter(request, provider=provider, images=images, cached=cached)
    return await converter.messages()


def user(*parts):
    return Message("u", "user", list(parts))


def assistant(*parts):
    return Message("a", "assistant", list(parts))


def call(call_id, arguments="{}", name="run_code"):
    return {"type": "tool_call", "call_id": call_id, "name": name, "arguments": arguments}


def result(call_id, *content, status="ok"):
    part = {"type": "tool_result", "call_id": call_id, "name": "run_code", "status": status}
    return Message(call_id, "tool", [{**part, "content": list(content)}])


def image(digest="p1", **rest):
    return {"type": "image", "mime": "image/png", "blob": digest, **rest}


def url(data):
    text = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return {"type": "image_url", "image_url": {"url": text}}


async def test_a_whole_step_keeps_its_order():
    converted = await convert(
        user(text_part("data"), text_part("question")),
        assistant(text_part("I look."), call("a", '{"code": "1"}'), call("b")),
        result("a", text_part("one")),
        result("b"),
        assistant(text_part("Done.")),
        system="Be brief.",
    )
    assert converted == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "data\n\nquestion"},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "run_code", "arguments": '{"code": "1"}'},
                },
                {
                    "id": "b",
                    "type": "function",
                    "function": {"name": "run_code", "arguments": "{}"},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "one"},
        {"role": "tool", "tool_call_id": "b", "content": "(ok, no output)"},
        {"role": "assistant", "content": "Done."},
    ]


@pytest.mark.parametrize("arguments", ["", "  ", '{"code": "1 +', "[1]", "null", "text"])
async def test_arguments_in_the_history_are_always_an_object(arguments):
    converted = await convert(assistant(call("a", arguments)))
    sent = json.loads(converted[0]["tool_calls"][0]["function"]["arguments"])
    assert sent == ({} if not arguments.strip() else {"invalid_arguments": arguments})


async def test_images_go_as_data_where_the_model_takes_them():
    (message,) = await convert(user(text_part("look"), image()))
    assert message["content"] == [{"type": "text", "text": "look"}, url(PNG)]


async def test_images_are_told_where_the_model_takes_none():
    (message,) = await convert(user(text_part("look"), image(size=12)), images=False)
    assert message["content"].startswith("look\n\n[image: image/png, 12 bytes;")


async def test_an_image_that_is_too_large_is_told():
    (message,) = await convert(user(image(size=MAX_IMAGE_BYTES + 1)))
    assert "[image:" in message["content"]


async def test_images_of_results_follow_after_the_last_result():
    converted = await convert(
        assistant(call("a"), call("b")),
        result("a", text_part("plot"), image("p1")),
        result("b", image("p2")),
        user(text_part("and now?")),
    )
    assert [m["role"] for m in converted] == ["assistant", "tool", "tool", "user", "user"]
    assert converted[3]["content"][1:] == [url(PNG), url(PNG + b"2")]
    assert converted[4]["content"] == "and now?"


async def test_signed_reasoning_goes_back_to_the_provider_that_signed_it_only():
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    reasoning = {
        "type": "reasoning",
        "text": "hm",
        "provider": {"name": "anthropic", "thinking_blocks": blocks},
    }
    message = assistant(reasoning, text_part("yes"))
    assert (await convert(message, provider="anthropic"))[0]["thinking_blocks"] == blocks
    assert "thinking_blocks" not in (await convert(message, provider="openai"))[0]


async def test_an_empty_message_is_left_out():
    assert await convert(user(), assistant(), assistant({"type": "reasoning", "text": "hm"})) == []


async def test_cache_marks_stand_at_the_system_prompt_and_at_the_end():
    mark = {"cache_control": {"type": "ephemeral"}}
    first, middle, last = await convert(
        user(text_part("one")), user(text_part("two")), system="s", cached=True
    )
    assert first["content"] == [{"type": "text", "text": "s", **mark}]
    assert middle["content"] == "one"
    assert last["content"] == [{"type": "text", "text": "two", **mark}]
    *_, tool = await convert(assistant(call("a")), result("a", text_part("x")), cached=True)
    assert tool["cache_control"] == mark["cache_control"]

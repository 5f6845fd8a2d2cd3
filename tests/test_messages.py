"""Messages, their parts, and the adding up of usage."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from jupyter_agent_ext.messages import Message, Usage, text_part

CALL = {"type": "tool_call", "call_id": "c1", "name": "run_code", "arguments": "{not json"}
SECOND = {"type": "tool_call", "call_id": "c2", "name": "list_files", "arguments": "{}"}
REASONING = {"type": "reasoning", "text": "Hm.", "provider": {"signature": "x"}}
IMAGE = {"type": "image", "mime": "image/png", "blob": "a" * 64}
RESULT = {
    "type": "tool_result",
    "call_id": "c1",
    "name": "run_code",
    "status": "ok",
    "content": [text_part("inner"), IMAGE],
}


def message(*parts: Any) -> Message:
    return Message("m1", "assistant", list(parts))


def test_the_text_of_a_message_is_its_text_parts_only() -> None:
    parts = (REASONING, text_part("One."), CALL, text_part(""), IMAGE, text_part("Two."), RESULT)
    assert message(*parts).text() == "One.\n\nTwo."


def test_a_message_without_text_has_an_empty_text() -> None:
    assert message().text() == ""
    assert message(CALL).text() == ""


def test_tool_calls_keep_the_order_in_which_they_were_written() -> None:
    assert message(SECOND, text_part("and"), CALL).tool_calls() == [SECOND, CALL]


def test_messages_do_not_share_their_parts() -> None:
    first, second = Message("a", "user"), Message("b", "user")
    first.parts.append(text_part("x"))
    assert second.parts == []


def test_a_message_of_all_parts_survives_json() -> None:
    whole = message(text_part("x"), REASONING, CALL, IMAGE, RESULT)
    assert msgspec.json.decode(msgspec.json.encode(whole), type=Message) == whole


def test_usage_adds_up() -> None:
    total = Usage(1, 2, 3, 4, 0.5)
    total.add(Usage(10, 20, 30, 40, 0.25))
    assert total == Usage(11, 22, 33, 44, 0.75)


@pytest.mark.parametrize(
    ("costs", "expected"),
    [((None, None), None), ((None, 0.5), 0.5), ((0.5, None), 0.5), ((None, 0.0), 0.0)],
)
def test_an_unknown_price_is_not_a_price_of_zero(
    costs: tuple[float | None, ...], expected: float | None
) -> None:
    total = Usage()
    for cost in costs:
        total.add(Usage(cost=cost))
    assert total.cost == expected

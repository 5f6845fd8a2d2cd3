"""Deltas of tool calls, as orderly and disorderly servers send them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_agent_ext.models.accumulator import ToolCallAccumulator


def collect(*deltas):
    accumulator = ToolCallAccumulator()
    for delta in deltas:
        accumulator.add(**delta)
    return [(p["call_id"], p["name"], p["arguments"]) for p in accumulator.parts()]


def test_arguments_in_many_pieces_are_joined():
    assert collect(
        {"index": 0, "call_id": "a", "name": "run_code", "arguments": ""},
        {"index": 0, "arguments": '{"co'},
        {"index": 0, "arguments": 'de": 1}'},
    ) == [("a", "run_code", '{"code": 1}')]


def test_several_calls_keep_the_order_in_which_they_began():
    assert collect(
        {"index": 1, "call_id": "b", "name": "g", "arguments": "{"},
        {"index": 0, "call_id": "a", "name": "f", "arguments": "{"},
        {"index": 1, "arguments": "}"},
        {"index": 0, "arguments": "}"},
    ) == [("b", "g", "{}"), ("a", "f", "{}")]


def test_a_new_id_on_an_occupied_index_is_a_new_call():
    assert collect(
        {"index": 0, "call_id": "a", "name": "f", "arguments": '{"a":1}'},
        {"index": 0, "call_id": "b", "name": "g", "arguments": '{"b"'},
        {"index": 0, "arguments": ":2}"},
    ) == [("a", "f", '{"a":1}'), ("b", "g", '{"b":2}')]


def test_a_missing_id_is_made_up():
    ((call_id, name, arguments),) = collect({"index": 0, "name": "f", "arguments": "{}"})
    assert call_id.startswith("call_")
    assert (name, arguments) == ("f", "{}")


def test_made_up_ids_stay_the_same_and_differ_from_each_other():
    accumulator = ToolCallAccumulator()
    accumulator.add(index=0, name="f", arguments="{}")
    accumulator.add(index=1, name="f", arguments="{}")
    first = accumulator.parts()
    assert first == accumulator.parts()
    assert first[0]["call_id"] != first[1]["call_id"]


def test_an_id_used_for_two_calls_is_replaced_in_the_second():
    calls = collect(
        {"index": 0, "call_id": "x", "name": "f", "arguments": "{}"},
        {"index": 1, "call_id": "x", "name": "g", "arguments": "{}"},
    )
    assert [name for _, name, _ in calls] == ["f", "g"]
    assert calls[0][0] == "x" != calls[1][0]


def test_a_missing_index_continues_the_newest_call():
    assert collect(
        {"call_id": "a", "name": "f", "arguments": '{"a"'},
        {"arguments": ":1}"},
        {"call_id": "b", "name": "g", "arguments": "{}"},
    ) == [("a", "f", '{"a":1}'), ("b", "g", "{}")]


def test_whole_calls_without_index_and_id_are_told_apart():
    calls = collect({"name": "f", "arguments": '{"a":1}'}, {"name": "f", "arguments": '{"a":2}'})
    assert [(n, a) for _, n, a in calls] == [("f", '{"a":1}'), ("f", '{"a":2}')]


def test_a_name_and_an_id_repeated_in_every_piece_are_one_call():
    assert collect(
        {"index": 0, "call_id": "a", "name": "f", "arguments": '{"a"'},
        {"index": 0, "call_id": "a", "name": "f", "arguments": ":1"},
        {"index": 0, "call_id": "a", "name": "f", "arguments": "}"},
    ) == [("a", "f", '{"a":1}')]


def test_an_index_that_grows_with_every_piece_is_one_call_if_the_id_says_so():
    assert collect(
        {"index": 0, "call_id": "a", "name": "f", "arguments": "{"},
        {"index": 1, "call_id": "a", "arguments": "}"},
    ) == [("a", "f", "{}")]


def test_an_id_that_comes_late_is_taken():
    assert collect(
        {"index": 0, "name": "f", "arguments": "{"},
        {"index": 0, "call_id": "late", "arguments": "}"},
    ) == [("late", "f", "{}")]


def test_a_name_in_pieces_is_joined():
    assert collect(
        {"index": 0, "call_id": "a", "name": "run_"},
        {"index": 0, "name": "code"},
        {"index": 0, "arguments": "{}"},
    ) == [("a", "run_code", "{}")]


def test_a_call_without_arguments_is_kept_as_empty_text():
    assert collect({"index": 0, "call_id": "a", "name": "f"}) == [("a", "f", "")]


@pytest.mark.parametrize("delta", [{}, {"index": 0}, {"index": 0, "call_id": "", "arguments": ""}])
def test_an_empty_delta_begins_nothing(delta):
    accumulator = ToolCallAccumulator()
    accumulator.add(**delta)
    assert not accumulator
    assert accumulator.parts() == []


def test_half_a_call_is_handed_on_as_it_is():
    assert collect({"index": 0, "call_id": "a", "name": "f", "arguments": '{"a": '}) == [
        ("a", "f", '{"a": ')
    ]


@given(
    st.lists(
        st.dictionaries(st.text(max_size=5), st.integers(), min_size=1), min_size=1, max_size=4
    ),
    st.integers(1, 7),
    st.sampled_from(["orderly", "index 0", "no index", "id and name in every piece"]),
)
def test_any_calls_survive_any_cutting(calls, size, habit):
    deltas, wanted = [], []
    for place, arguments in enumerate(calls):
        text = json.dumps(arguments)
        wanted.append((f"id{place}", f"f{place}", text))
        head = {"call_id": f"id{place}", "name": f"f{place}"}
        index = {"orderly": place, "index 0": 0}.get(habit, None if habit == "no index" else place)
        for start in range(0, len(text), size):
            every = start == 0 or habit == "id and name in every piece"
            piece = {"index": index, "arguments": text[start : start + size]}
            deltas.append({**(head if every else {}), **piece})
    assert collect(*deltas) == wanted

"""The fold: shared examples (events in, state out), and what holds for every log."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_agent_ext import events as ev
from jupyter_agent_ext import fold as fold_module
from jupyter_agent_ext.events import Event
from jupyter_agent_ext.fold import Session, fold

EXAMPLES = sorted((Path(__file__).parent / "events").glob("*.json"))
UPDATE = "UPDATE_EVENT_EXAMPLES"
NOT_FOLDED: set[str] = set()
EPHEMERAL = {
    ev.MESSAGE_DELTA,
    ev.REASONING_DELTA,
    ev.MESSAGE_PARTIAL,
    ev.TOOL_OUTPUT,
    ev.VARIABLES_CHANGED,
    ev.SYNCED,
    ev.RESYNC,
}
TYPES = {v for k, v in vars(ev).items() if k.isupper() and isinstance(v, str)}


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def log_of(path: Path) -> list[Event]:
    return [Event.from_json(wire) for wire in load(path)["events"]]


def state_of(events: list[Event]) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(fold(events))))


def through_storage(session: Session) -> Session:
    return msgspec.json.decode(msgspec.json.encode(session), type=Session)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_folds_into_its_state(path: Path) -> None:
    example, state = load(path), state_of(log_of(path))
    if os.environ.get(UPDATE):
        example["state"] = state
        path.write_text(json.dumps(example, indent=2, ensure_ascii=False) + "\n", "utf-8")
    assert state == example["state"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_events_survive_the_wire(path: Path) -> None:
    assert [event.to_json() for event in log_of(path)] == load(path)["events"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_folding_can_be_stored_and_continued_after_any_event(path: Path) -> None:
    events = log_of(path)
    whole = fold(events)
    for cut in range(len(events) + 1):
        half = through_storage(fold(events[:cut]))
        assert fold(events[cut:], half) == whole


def test_the_examples_show_every_durable_event() -> None:
    shown = {event.type for path in EXAMPLES for event in log_of(path)}
    assert shown >= TYPES - EPHEMERAL


def test_every_durable_event_is_folded() -> None:
    assert set(fold_module._FOLDS) == TYPES - EPHEMERAL - NOT_FOLDED


def test_every_event_is_documented() -> None:
    text = (Path(__file__).parent.parent / "docs" / "events.md").read_text("utf-8")
    assert [name for name in sorted(TYPES) if f"`{name}`" not in text] == []


@pytest.mark.parametrize("seq", [0, 1, 3])
def test_a_gap_or_a_repetition_in_the_numbers_is_refused(seq: int) -> None:
    first = Event(1, ev.SESSION_CREATED, 1.0, {"session_id": "s"})
    state = fold([first])
    with pytest.raises(ValueError, match=f"event {seq} does not follow 1"):
        fold([Event(seq, ev.SESSION_UPDATED, 2.0, {"title": "no"})], state)
    assert state == fold([first])


def test_binding_and_updates_are_no_activity() -> None:
    log = [
        Event(1, ev.SESSION_CREATED, 1.0, {"session_id": "s"}),
        Event(2, ev.SESSION_BOUND, 2.0, {"kernel_id": "k"}),
        Event(3, ev.SESSION_UPDATED, 3.0, {"title": "t"}),
    ]
    assert fold(log).last_activity == 1.0


def test_the_state_says_what_the_session_is_doing() -> None:
    expected = {"paused": "paused", "queue": "running", "conversation": "idle", "root": "idle"}
    found = {p.stem: fold(log_of(p)).status() for p in EXAMPLES if p.stem in expected}
    assert found == expected


def test_the_path_follows_the_parents_of_the_head() -> None:
    session = fold(log_of(Path(__file__).parent / "events" / "branch.json"))
    assert [turn.turn_id for turn in session.path()] == ["t1", "t2", "t3"]
    assert [turn.turn_id for turn in session.path("t4")] == ["t1", "t2", "t4"]
    assert session.turns["t4"].response() == "3b"


def test_calls_without_a_result_are_unanswered() -> None:
    session = fold(log_of(Path(__file__).parent / "events" / "paused.json"))
    turn = session.running()
    assert turn is not None
    assert [call["call_id"] for call in turn.unanswered()] == ["c1"]
    assert [request.request_id for request in turn.open_requests()] == ["r1"]


# ---------------------------------------------------------------- any log

TEXT = st.text(max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=2)
NAMES = st.lists(st.sampled_from("abc"), max_size=2, unique=True)
USAGE = st.fixed_dictionaries(
    {"input_tokens": st.integers(0, 99)}, optional={"cost": st.floats(0, 1)}
)


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """A log such as a server could write: one turn at a time, calls answered or not."""
    steps: list[tuple[str, dict[str, Any], str | None]] = [
        (ev.SESSION_CREATED, {"session_id": "s", "epoch": draw(st.none() | TEXT)}, None)
    ]
    done: list[str] = []
    for number in range(draw(st.integers(0, 3))):
        turn = f"t{number}"
        parent = draw(st.sampled_from([None, *done]))
        steps.append((ev.TURN_STARTED, {"query": draw(TEXT), "parent": parent}, turn))
        for index in range(draw(st.integers(0, 3))):
            steps += draw(happening(turn, f"{turn}-{index}"))
        steps.append((ev.TURN_ENDED, {"status": "completed"}, turn))
        done.append(turn)
        if draw(st.booleans()):
            reason = draw(st.sampled_from(["undo", "redo", "switch"]))
            steps.append(
                (ev.HEAD_MOVED, {"head": draw(st.sampled_from(done)), "reason": reason}, None)
            )
    return [Event(i, kind, float(i), data, turn) for i, (kind, data, turn) in enumerate(steps, 1)]


@st.composite
def happening(
    draw: st.DrawFn, turn: str, name: str
) -> list[tuple[str, dict[str, Any], str | None]]:
    """Something that happens in a turn; `name` makes its ids unique."""
    call = {"call_id": name, "name": "run_code"}
    reading = {
        "stamp": {"epoch": draw(st.none() | TEXT)},
        "reset": draw(st.booleans()),
        "set": {n: draw(OBJECT) for n in draw(NAMES)},
        "gone": draw(NAMES),
        "changed": draw(OBJECT),
    }
    part = {"type": "tool_call", **call, "arguments": draw(TEXT)}
    message = {"message_id": name, "role": "assistant", "parts": [part], "usage": draw(USAGE)}
    options: list[list[tuple[str, dict[str, Any], str | None]]] = [
        [(ev.VARIABLES_READ, reading, turn)],
        [(ev.MESSAGE_COMPLETED, message, turn)],
        [
            (ev.TOOL_CALLED, {**call, "effect": "execute", "arguments": draw(OBJECT)}, turn),
            (ev.REQUEST_OPENED, {"request_id": name, "kind": "approval", **call}, turn),
            (ev.REQUEST_ANSWERED, {"request_id": name, "arguments": draw(OBJECT)}, turn),
            (ev.TOOL_STARTED, call, turn),
            (ev.TOOL_COMPLETED, {**call, "status": "ok", "changes": [draw(OBJECT)]}, turn),
        ],
        [(ev.SESSION_BOUND, {"epoch": draw(st.none() | TEXT)}, None)],
        [(ev.TURN_QUEUED, {"query": draw(TEXT)}, f"q{name}")],
        [("unheard.of", draw(OBJECT), turn)],
    ]
    return draw(st.sampled_from(options))


@settings(deadline=None, max_examples=150)
@given(log=logs(), data=st.data())
def test_any_log_folds_alike_in_one_go_and_in_two(log: list[Event], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(log)))
    assert fold(log[cut:], through_storage(fold(log[:cut]))) == fold(log)


@settings(deadline=None, max_examples=50)
@given(log=logs())
def test_folding_leaves_the_events_as_they_were(log: list[Event]) -> None:
    before = json.dumps([event.to_json() for event in log])
    fold(log)
    assert json.dumps([event.to_json() for event in log]) == before


@settings(deadline=None, max_examples=50)
@given(log=logs(), data=st.data())
def test_any_log_with_a_missing_event_is_refused(log: list[Event], data: st.DataObject) -> None:
    missing = data.draw(st.integers(0, len(log) - 1))
    holed = [event for index, event in enumerate(log) if index != missing]
    if missing == len(log) - 1:  # a log cut short is a log
        assert fold(holed).seq == len(log) - 1
    else:
        with pytest.raises(ValueError, match="does not follow"):
            fold(holed)

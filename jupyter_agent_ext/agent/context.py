"""What the model is shown: the path's messages, cut to what fits, and today's state (floor 3)."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..envelope import wrap
from ..fold import Session, Turn
from ..messages import Content, Message, Part, ToolResultPart, text_part
from ..records import Json, Snapshot
from .notebook_map import CHARS_PER_TOKEN

VARIABLES_CHARS = 16_000
_STUB_CHARS = 200


@dataclass(slots=True)
class Surroundings:
    """What is true at the moment: the kernel's snapshot, and the notebook's map as data."""

    snapshot: Snapshot | None = None
    notebook: str = ""
    changed: Json = field(default_factory=dict)
    note: str = ""


def build(session: Session, turn: Turn, now: Surroundings, history_limit: int) -> list[Message]:
    """Return the messages for the model, oldest first, the newest user message enriched.

    At most `history_limit` turns; those before the last summary are replaced by it.
    """
    path = session.path(turn.turn_id)
    kept, summary = since_summary(session, path)
    kept = kept[-history_limit:]
    cleared = _cleared_through(session, path)
    messages: list[Message] = []
    if summary:
        data = wrap("summary", summary)
        messages.append(
            Message("summary", "user", [text_part(f"The conversation so far, summarised.\n{data}")])
        )
        messages.append(Message("summary-read", "assistant", [text_part("Understood.")]))
    for past in kept:
        short = past.turn_id in cleared
        for message in past.messages:
            if message.message_id == turn.turn_id:
                messages.append(_newest(message, session, now))
            else:
                messages.append(_render(message, short=short))
    return messages


def estimate_tokens(messages: Sequence[Message]) -> int:
    """Return a rough count of tokens, on the high side for English and code."""
    chars = sum(len(json.dumps(m.parts, ensure_ascii=False)) for m in messages)
    return int(chars / CHARS_PER_TOKEN)


def variables_envelope(session: Session, now: Surroundings) -> str:
    """Return the live variables as data, newest first, within VARIABLES_CHARS."""
    snapshot = now.snapshot
    body: Json = {
        "source": snapshot.source if snapshot else "none",
        "state": snapshot.state if snapshot else "unknown",
        "age_s": round(max(0.0, time.time() - snapshot.time), 1) if snapshot else None,
        "execution_count": snapshot.execution_count if snapshot else None,
        "total": snapshot.total if snapshot else 0,
        "changed": now.changed,
        "note": now.note or (snapshot.note if snapshot else ""),
    }
    shown, left = {}, VARIABLES_CHARS
    variables = snapshot.variables if snapshot else {}
    for name, summary in variables.items():
        left -= len(name) + len(json.dumps(summary, ensure_ascii=False)) + 6
        if left < 0:
            break
        shown[name] = summary
    body["variables"] = shown
    body["skipped"] = body["total"] - len(shown) if snapshot else 0
    return wrap("variables", json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def _newest(message: Message, session: Session, now: Surroundings) -> Message:
    parts: list[Part] = [text_part(variables_envelope(session, now))]
    if now.notebook:
        parts.append(text_part(now.notebook))
    return Message(message.message_id, "user", [*parts, *message.parts])


def _render(message: Message, *, short: bool) -> Message:
    if message.role != "tool":
        return message
    return Message(
        message.message_id,
        "tool",
        [
            _result(part, short=short) if part["type"] == "tool_result" else part
            for part in message.parts
        ],
    )


def _result(part: ToolResultPart, *, short: bool) -> ToolResultPart:
    """Put a tool's text into the envelope; cut it where older outputs were cleared.

    What a person answered or gave as the reason of a denial is no outside data.
    """
    ours = part["name"] == "ask_user" or part["status"] == "denied"
    content: list[Content] = []
    for piece in part["content"]:
        if piece["type"] == "image" and not short:
            content.append(piece)
            continue
        text = "[image left out]" if piece["type"] == "image" else piece["text"]
        if short and len(text) > _STUB_CHARS:
            text = f"{text[:_STUB_CHARS]}\n[{len(text) - _STUB_CHARS} more characters left out]"
        if not ours:
            text = wrap("tool_result", text, tool=part["name"], status=part["status"])
        content.append(text_part(text))
    return {**part, "content": content}


def since_summary(session: Session, path: list[Turn]) -> tuple[list[Turn], str]:
    """Return the turns after the newest summary that lies on this path, and the summary."""
    places = {turn.turn_id: n for n, turn in enumerate(path)}
    for entry in reversed(session.compactions):
        if entry["stage"] == "summary" and entry["through"] in places:
            return path[places[entry["through"]] + 1 :], entry["summary"]
    return path, ""


def _cleared_through(session: Session, path: list[Turn]) -> set[str]:
    """Return the turns whose long outputs were cleared."""
    places = {turn.turn_id: n for n, turn in enumerate(path)}
    last = max(
        (places[e["through"]] for e in session.compactions if e["through"] in places), default=-1
    )
    return {turn.turn_id for turn in path[: last + 1]}

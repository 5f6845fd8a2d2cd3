"""From the folded session to the answers of the API (floor 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast
from urllib.parse import quote

from ..fold import Session, Turn
from ..messages import Message, Usage
from ..records import Card
from .base import iso
from .bodies import (
    CallInfo,
    HistoryEntry,
    RequestInfo,
    SessionInfo,
    SessionLine,
    StepInfo,
    TurnAnswer,
    UsageInfo,
)


def session_info(session: Session) -> SessionInfo:
    """Describe a session."""
    return SessionInfo(
        session_id=session.session_id,
        notebook_id=session.notebook_id,
        notebook=session.notebook,
        kernel_id=session.kernel_id,
        title=session.title,
        status=session.status(),
        turn_count=len(session.path()),
        created=iso(session.created),
        last_activity=iso(session.last_activity),
        variables=list(session.variables),
        snapshot={k: v for k, v in session.snapshot.items() if k != "token"},
        model=session.model,
        mode=session.mode,
        archived=session.archived,
        head=session.head,
        seq=session.seq,
        requests=open_requests(session),
        queued=[q.turn_id for q in session.queue],
        rules=session.rules,
        usage=_usage(session.usage),
    )


def session_line(card: Card) -> SessionLine:
    """Describe a session in a list."""
    return SessionLine(
        session_id=card.key.session_id,
        title=card.title,
        notebook_id=card.notebook_id,
        kernel_id=card.kernel_id,
        status=card.status,
        archived=card.archived,
        turn_count=card.turn_count,
        created=iso(card.created),
        last_activity=iso(card.last_activity),
    )


def turn_answer(session: Session, turn_id: str, blob_url: str, notes: list[str]) -> TurnAnswer:
    """Describe a turn as it stands; `blob_url` is the address under which blobs are read."""
    turn = session.turns.get(turn_id)
    if turn is None:  # still queued
        return TurnAnswer(
            session.session_id,
            turn_id,
            status="queued",
            reason="",
            response="",
            steps=[],
            variables=list(session.variables),
            changed={},
            usage=_usage(Usage()),
            requests=[],
            notes=notes,
        )
    paused = turn.status == "running" and bool(turn.open_requests())
    return TurnAnswer(
        session.session_id,
        turn_id,
        status="paused" if paused else turn.status,
        reason=turn.reason,
        response=turn.response(),
        steps=_steps(turn, blob_url),
        variables=list(session.variables),
        changed=turn.changed,
        usage=_usage(turn.usage),
        requests=[r for r in open_requests(session) if r.turn_id == turn_id],
        notes=notes,
    )


def history(
    session: Session, turns: Sequence[Turn], blob_url: str, *, parts: bool
) -> list[HistoryEntry]:
    """List the messages of `turns`."""
    return [
        HistoryEntry(
            role=message.role,
            content=_content(message),
            turn_id=turn.turn_id,
            message_id=message.message_id,
            parts=[_with_urls(cast("dict[str, Any]", p), blob_url) for p in message.parts]
            if parts
            else None,
        )
        for turn in turns
        for message in turn.messages
    ]


def open_requests(session: Session) -> list[RequestInfo]:
    """List the requests that wait for an answer."""
    turn = session.running()
    return [
        RequestInfo(r.request_id, r.turn_id, r.kind, r.call_id, r.args_hash, r.payload)
        for r in (turn.open_requests() if turn else [])
    ]


def blob_url(base_url: str, session_id: str) -> str:
    """Return the address under which a session's blobs are read, without the hash."""
    return f"{base_url}agent/sessions/{quote(session_id, safe='')}/blobs/"


def _usage(usage: Usage) -> UsageInfo:
    return UsageInfo(**asdict(usage))


def _steps(turn: Turn, url: str) -> list[StepInfo]:
    results = {
        part["call_id"]: part["content"]
        for message in turn.messages
        for part in message.parts
        if part["type"] == "tool_result"
    }
    steps = []
    for message in turn.messages:
        if message.role != "assistant":
            continue
        calls = []
        for part in message.tool_calls():
            call = turn.calls.get(part["call_id"])
            content = cast("list[dict[str, Any]]", results.get(part["call_id"], []))
            took = call.ended - call.started if call and call.ended and call.started else None
            calls.append(
                CallInfo(
                    part["call_id"],
                    part["name"],
                    call.arguments if call else {},
                    call.status if call else None,
                    [_with_urls(c, url) for c in content],
                    call.changes if call else [],
                    round(took, 4) if took is not None else None,
                )
            )
        steps.append(StepInfo(message.text(), calls))
    return steps


def _with_urls(part: dict[str, Any], url: str) -> dict[str, Any]:
    if part["type"] == "tool_result":
        return {**part, "content": [_with_urls(c, url) for c in part["content"]]}
    return {**part, "url": url + part["blob"]} if part.get("blob") else part


def _content(message: Message) -> str:
    if message.role != "tool":
        return message.text()
    lines = []
    for part in message.parts:
        if part["type"] != "tool_result":
            continue
        for piece in part["content"]:
            lines.append(piece["text"] if piece["type"] == "text" else f"[{piece['mime']}]")
    return "\n".join(lines)

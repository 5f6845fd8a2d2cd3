"""Settle the tool calls at the end of the history: ask, run, record (floor 3)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from .. import events as ev
from ..errors import AgentError, LeaseError, StoreError, ToolError
from ..fold import Request, ToolCall, Turn
from ..messages import Content, ToolCallPart, text_part
from ..operations import slim
from ..protocols import Tool
from ..records import Json, ToolResult
from .call_context import CallContext
from .endings import result_data
from .evidence import outcome
from .permissions import IDENTICAL_CALLS, args_hash, decide, granted, is_repetition
from .run import Run

GO_ON = "go on"
STOP = "stop"


@dataclass(slots=True)
class _Settled:
    """The end of one call, ready for the log."""

    data: Json
    blobs: dict[str, bytes] = field(default_factory=dict)

    def keep(self, data: bytes) -> str:
        """Keep bytes as a blob, written with the result."""
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest


async def settle_calls(run: Run) -> bool:
    """Give every unanswered call of the turn its result, in the order of the calls.

    Reads next to each other run at the same time, everything else one by one. Returns False
    where the next call waits for a person: the turn is paused.
    """
    await _plan(run)
    while pending := run.turn.unanswered():
        turn = run.turn
        call = turn.calls[pending[0]["call_id"]]
        request = request_of(turn, call.call_id)
        if call.state == "started":
            became = await outcome(run, call)
            settled = _settled(call, became.status, became.text)
            settled.data["changes"] = [slim(c, settled.keep) for c in became.changes]
            await _complete(run, [settled])
        elif request is not None and request.answer is None:
            return False
        elif request is not None and not _may_run(request):
            await _complete(run, [_settled(call, "denied", _denial(request))])
        else:
            await _execute(run, _group(run, [turn.calls[c["call_id"]] for c in pending]))
    return True


def request_of(turn: Turn, call_id: str) -> Request | None:
    """Return the request to a person that is bound to a call, if one was opened."""
    requests = (r for r in turn.requests.values() if not r.is_errand)
    return next((r for r in requests if r.call_id == call_id), None)


def is_blocked(turn: Turn) -> bool:
    """Say whether the next call of the turn waits for a person."""
    pending = turn.unanswered()
    request = request_of(turn, pending[0]["call_id"]) if pending else None
    return request is not None and request.answer is None


def is_stuck(turn: Turn) -> bool:
    """Say whether the model repeats a call that is refused each time."""
    parts = [part for message in turn.messages for part in message.tool_calls()]
    last = parts[-IDENTICAL_CALLS:]
    return (
        len({(part["name"], part["arguments"]) for part in last}) == 1
        and all(
            turn.calls[part["call_id"]].status in ("denied", "error")
            and turn.calls[part["call_id"]].started is None
            for part in last
        )
        and len(last) == IDENTICAL_CALLS
    )


# ---------------------------------------------------------------- planning


async def _plan(run: Run) -> None:
    """Check the calls that are new: refuse what cannot run, ask for what needs a person."""
    drafts: list[tuple[str, Json]] = []
    recent = [(c.name, args_hash(c.arguments)) for c in run.turn.calls.values()]
    for part in run.turn.unanswered():
        if part["call_id"] not in run.turn.calls:
            drafts += await _plan_one(run, part, recent)
    if drafts:
        await run.append(*drafts)


async def _plan_one(
    run: Run, part: ToolCallPart, recent: list[tuple[str, str]]
) -> list[tuple[str, Json]]:
    beside: Json = {}
    try:
        tool = run.toolset.get(part["name"])
        arguments = tool.validate(_parse(part["arguments"]))
        if tool.bind is not None:
            context = CallContext(run, part["call_id"], None)
            arguments, beside = await tool.bind(context, arguments)
    except (StoreError, LeaseError):
        raise
    except (ToolError, AgentError) as error:
        told = error.told() if isinstance(error, AgentError) else str(error)
        content: list[Content] = [text_part(told)]
        data = result_data(part["call_id"], part["name"], "error", content)
        return [(ev.TOOL_COMPLETED, data)]
    called = {
        "call_id": part["call_id"],
        "name": part["name"],
        "effect": tool.effect,
        "arguments": arguments,
    }
    drafts: list[tuple[str, Json]] = [(ev.TOOL_CALLED, called)]
    digest = args_hash(arguments)
    decision = decide(run.session, run.turn, tool, trusted=run.trusted, free=run.free)
    if decision.verdict == "deny":
        content = [text_part(decision.reason)]
        data = result_data(part["call_id"], part["name"], "denied", content)
        drafts.append((ev.TOOL_COMPLETED, data))
    elif is_repetition(recent, part["name"], digest):
        drafts.append(_opened(part, tool, "question", digest, _repetition(part["name"], arguments)))
    elif decision.verdict == "ask":
        payload = {"tool": part["name"], "effect": tool.effect, "arguments": arguments, **beside}
        if decision.kind == "question":
            payload |= {k: arguments[k] for k in ("question", "options") if arguments.get(k)}
        drafts.append(_opened(part, tool, decision.kind, digest, payload))
    recent.append((part["name"], digest))
    return drafts


def _parse(arguments: str) -> dict[str, Any]:
    """Parse a call's arguments. Raises ToolError with what is wrong."""
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError) as error:
        raise ToolError(
            f"The arguments are no valid JSON ({error}). Send the whole call again."
        ) from error
    if not isinstance(value, dict):
        raise ToolError("The arguments must be a JSON object.")
    return value


def _opened(
    part: ToolCallPart, tool: Tool, kind: str, digest: str, payload: Json
) -> tuple[str, Json]:
    return ev.REQUEST_OPENED, {
        "request_id": uuid.uuid4().hex[:12],
        "kind": kind,
        "call_id": part["call_id"],
        "args_hash": digest,
        "payload": payload,
    }


def _repetition(name: str, arguments: Json) -> Json:
    return {
        "tool": name,
        "arguments": arguments,
        "repeated": IDENTICAL_CALLS,
        "question": f"The agent asked for the same {name} call {IDENTICAL_CALLS} times in a row. "
        "Shall it go on?",
        "options": [GO_ON, STOP],
    }


# ---------------------------------------------------------------- running


def _group(run: Run, calls: list[ToolCall]) -> list[ToolCall]:
    """Return the calls to run together: one, or the reads that follow each other."""
    group = [calls[0]]
    if _is_free_read(run, calls[0]):
        for call in calls[1:]:
            if not _is_free_read(run, call):
                break
            group.append(call)
    return group


def _is_free_read(run: Run, call: ToolCall) -> bool:
    return (
        call.effect == "read"
        and call.state == "called"
        and request_of(run.turn, call.call_id) is None
    )


async def _execute(run: Run, group: list[ToolCall]) -> None:
    starting = [c for c in group if not run.toolset.starts(c.name)]
    if starting:
        await run.append(*((ev.TOOL_STARTED, {"call_id": c.call_id}) for c in starting))
    tasks = [asyncio.ensure_future(_run_one(run, call)) for call in group]
    try:
        settled = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await _complete(run, settled)


async def _run_one(run: Run, call: ToolCall) -> _Settled:
    request = request_of(run.turn, call.call_id)
    answer = request.answer.get("answer") if request and request.answer else None
    context, began = CallContext(run, call.call_id, answer), time.monotonic()
    result = await _result(run, call, context)
    if request and request.answer and "arguments" in request.answer:
        told = json.dumps(call.arguments, ensure_ascii=False)
        result.content.insert(0, text_part(f"The person changed the arguments to {told}"))
    data = result_data(call.call_id, call.name, result.status, result.content)
    changes = [slim(change, context.keep) for change in result.changes]
    data |= {"changes": changes, "duration": round(time.monotonic() - began, 4)}
    return _Settled(data, context.blobs)


async def _result(run: Run, call: ToolCall, context: CallContext) -> ToolResult:
    """Run the tool; what goes wrong in it is a result that the model reads."""
    try:
        tool: Tool = run.toolset.get(call.name)
        return await tool.run(context, call.arguments)
    except (StoreError, LeaseError):
        raise
    except ToolError as error:
        text = str(error)
    except AgentError as error:
        details = f"\n{json.dumps(error.details, ensure_ascii=False)}" if error.details else ""
        text = error.told() + details
    except Exception as error:
        run.logger.exception("Tool %s failed", call.name)
        text = f"The tool {call.name} failed unexpectedly: {type(error).__name__}: {error}"
    return ToolResult([text_part(text)], status="error")


async def _complete(run: Run, settled: list[_Settled]) -> None:
    blobs = {digest: data for one in settled for digest, data in one.blobs.items()}
    await run.append(*((ev.TOOL_COMPLETED, one.data) for one in settled), blobs=blobs)


def _settled(call: ToolCall, status: str, text: str) -> _Settled:
    return _Settled(result_data(call.call_id, call.name, status, [text_part(text)]))


def _may_run(request: Request) -> bool:
    if request.payload.get("repeated"):
        return granted(request) and (request.answer or {}).get("answer", GO_ON) == GO_ON
    return granted(request)


def _denial(request: Request) -> str:
    reason = (request.answer or {}).get("reason") or ""
    if request.payload.get("repeated"):
        return "The person stopped this repetition. Answer with what you know by now."
    return f"The person denied this call{': ' + reason if reason else '.'}"

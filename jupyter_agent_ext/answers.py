"""Answers: a person's to approvals and questions, a page's to edits and runs (floor 4)."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Literal

from . import events as ev
from .agent.evidence import is_claimed
from .agent.permissions import args_hash
from .errors import BadRequestError, ConflictError, NotFoundError, ToolError
from .events import Draft
from .fold import Request, Session, Turn
from .operations import slim
from .records import Json
from .tools.registry import Toolset

Decision = Literal["approve", "deny", "always", "answer", "done", "failed", "started"]
FROM_PAGES = ("done", "failed", "started")
CLAIMED_SECONDS: Final = 10.0  # a page that has claimed a request gets to carry it out


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request; a page's has `client_id` and `result` or `error`."""

    decision: Decision
    by: str = ""
    answer: str | None = None
    reason: str | None = None
    arguments: Json | None = None
    args_hash: str | None = None
    client_id: str | None = None
    result: Json | None = None
    error: Json | None = None


def kept(request: Request, answer: Answer) -> tuple[Answer, dict[str, bytes]]:
    """Return the answer as the log keeps it, and the blobs that hold long images of cells.

    A `replace` changes no outputs: its images go without them.
    """
    blobs: dict[str, bytes] = {}

    def keep(data: bytes) -> str:
        digest = sha256(data).hexdigest()
        blobs[digest] = data
        return digest

    told = (answer.result or {}).get("changes")
    if request.kind != "edit" or not isinstance(told, list):
        return answer, blobs
    operations = request.payload.get("operations") or ()
    replaced = {o["cell_id"] for o in operations if o["op"] == "replace"}
    replaced -= {o["cell_id"] for o in operations if o["op"] != "replace"}
    changes = [
        slim(_without_outputs(c) if str(c.get("cell_id")) in replaced else c, keep)
        for c in told
        if isinstance(c, dict)
    ]
    return replace(answer, result={**(answer.result or {}), "changes": changes}), blobs


def _without_outputs(change: Json) -> Json:
    bare = dict(change)
    for side in ("before", "after"):
        image = change.get(side)
        if isinstance(image, dict) and isinstance(image.get("cell"), dict):
            cell = {k: v for k, v in image["cell"].items() if k != "outputs"}
            bare[side] = {**image, "cell": cell}
    return bare


def find_request(session: Session, request_id: str) -> tuple[Turn, Request]:
    """Return a request and its turn. Raises NotFoundError."""
    for turn in session.turns.values():
        if request_id in turn.requests:
            return turn, turn.requests[request_id]
    raise NotFoundError(f"There is no request {request_id!r} in this session.")


def answering(toolset: Toolset, turn: Turn, request: Request, answer: Answer) -> Draft | None:
    """Return the event that records an answer, None where just this one is recorded already.

    Raises BadRequestError for an answer of the wrong kind, ConflictError where the first
    answer was another one or the page does not hold the lease.
    """
    if request.is_errand:
        data = _from_page(request, answer)
        if answer.decision == "started":
            return _started(turn, request, data)
    else:
        data = _from_person(toolset, turn, request, answer)
    if request.answer is not None:
        if all(request.answer.get(k) == v for k, v in data.items() if k != "by"):
            return None
        raise ConflictError("This request was answered already.", answer=request.answer)
    return Draft(ev.REQUEST_ANSWERED, {"request_id": request.request_id, **data}, turn.turn_id)


def _started(turn: Turn, request: Request, data: Json) -> Draft | None:
    """Return the event of a claim, or of the `msg_id` of a run that was claimed."""
    lease = request.lease or {}
    claimed, known = is_claimed(request), lease.get("msg_id")
    msg_id = (data["result"].get("msg_id") or None) if request.kind == "run" else None
    if request.answer is not None:
        raise ConflictError("This request was answered already.", answer=request.answer)
    if claimed and known is not None and known != msg_id:
        raise ConflictError("The code of this request was sent already.", msg_id=known)
    if not (claimed and msg_id) and time.time() >= lease.get("until", 0.0):
        raise ConflictError("The lease of this request is over.")
    if claimed and known == msg_id:
        return None
    told = {"request_id": request.request_id, "client_id": data["client_id"], "msg_id": msg_id}
    if not claimed:
        told["until"] = time.time() + CLAIMED_SECONDS
    return Draft(ev.REQUEST_STARTED, told, turn.turn_id)


def _from_page(request: Request, answer: Answer) -> Json:
    if answer.decision not in FROM_PAGES:
        raise BadRequestError(f'A request of kind {request.kind!r} takes "done" or "failed".')
    holder = (request.lease or {}).get("client_id")
    if answer.client_id is None:
        raise BadRequestError("Which page answers? Send its client_id.")
    if answer.client_id != holder:
        raise ConflictError("Another page holds this request.", client_id=holder)
    data: Json = {"decision": answer.decision, "by": answer.by, "client_id": answer.client_id}
    if answer.decision == "failed":
        return data | {"error": answer.error or {"code": "failed", "message": ""}}
    return data | {"result": answer.result or {}}


def _from_person(toolset: Toolset, turn: Turn, request: Request, answer: Answer) -> Json:
    if answer.args_hash is not None and answer.args_hash != request.args_hash:
        raise ConflictError(
            "The answer is for other arguments than those of the request.",
            args_hash=request.args_hash,
        )
    asked = request.kind == "question"
    if asked and answer.decision not in ("answer", "deny"):
        raise BadRequestError('A question takes the decision "answer" or "deny".')
    if not asked and answer.decision not in ("approve", "always", "deny"):
        raise BadRequestError('An approval takes "approve", "always" or "deny".')
    data: Json = {
        "decision": answer.decision,
        "by": answer.by,
        "args_hash": request.args_hash,
    }
    if asked and answer.decision == "answer":
        if not answer.answer:
            raise BadRequestError("The answer is empty.", hint="Send it in `answer`.")
        data["answer"] = answer.answer
    if answer.reason:
        data["reason"] = answer.reason
    if answer.arguments is not None and answer.decision in ("approve", "always"):
        data |= _edited(toolset, turn, request, answer.arguments)
    if answer.decision == "always":
        data["rule"] = {"tool": turn.calls[request.call_id].name}
    return data


def _edited(toolset: Toolset, turn: Turn, request: Request, arguments: Json) -> Json:
    """Return the person's own arguments, checked like the model's."""
    tool = toolset.get(turn.calls[request.call_id].name)
    try:
        checked = tool.validate(arguments)
    except ToolError as error:
        raise BadRequestError(str(error)) from error
    digest = args_hash(checked)
    if digest == request.args_hash:
        return {}
    return {"arguments": checked, "args_hash": digest}

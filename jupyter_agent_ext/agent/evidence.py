"""What became of an edit or a run that a page had when the server died (floor 3).

Nothing is done again: the page's answer tells, else the hashes in the notebook, else nobody
knows.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from .. import events as ev
from ..errors import AgentError
from ..fold import Request, Session, ToolCall
from ..messages import ToolStatus
from ..operations import changes_of, evidence
from ..records import Json
from .endings import INTERRUPTED_UNKNOWN
from .run import Run

BACK_SECONDS: Final = 8.0
NOT_MADE: Final = (
    "Interrupted: the server was restarted before the change was made; it is not in the notebook."
)
MADE: Final = "The change was made; the server was restarted meanwhile. Read the notebook again."


@dataclass(slots=True)
class Outcome:
    """How a call ends that had started."""

    status: ToolStatus = "interrupted"
    text: str = INTERRUPTED_UNKNOWN
    changes: list[Json] = field(default_factory=list)


async def outcome(run: Run, call: ToolCall) -> Outcome:
    """Say what became of a call that had started when the server died."""
    errands = [r for r in run.turn.requests.values() if r.is_errand and r.call_id == call.call_id]
    if not errands:
        return Outcome()
    errand = await _answered(run, errands[-1])
    answer = errand.answer or {}
    if answer.get("decision") == "failed":
        return Outcome("error", str((answer.get("error") or {}).get("message") or "It failed."))
    if errand.kind == "run":
        return _of_run(answer)
    if answer.get("decision") == "done":
        path = str(errand.payload.get("path", ""))
        result = await whole(answer.get("result") or {}, run.log.blob)
        return Outcome("ok", MADE, changes_of(path, result))
    if not is_claimed(errand):
        return Outcome("interrupted", NOT_MADE)
    return await _of_edit(run, errand)


def is_claimed(errand: Request) -> bool:
    """Say whether the page has said that it begins: without that it may not act."""
    return "msg_id" in (errand.lease or {})  # null in the claim, known once the code is sent


async def whole(result: Json, read: Callable[[str], Awaitable[bytes | None]]) -> Json:
    """Return the result of an edit with the images that the log keeps as blobs."""
    told = result.get("changes")
    changes = [dict(c) for c in (told if isinstance(told, list) else ()) if isinstance(c, dict)]
    for change in changes:
        for side in ("before", "after"):
            image = change.get(side)
            digest = image.get("blob") if isinstance(image, dict) else None
            data = await read(digest) if isinstance(digest, str) else None
            if data is not None:
                with contextlib.suppress(ValueError):  # a page may name what is no image
                    change[side] = json.loads(data)
    return {**result, "changes": changes}


async def _answered(run: Run, errand: Request) -> Request:
    """Give the page a moment to come back and to answer; settle the request."""

    def is_answered(session: Session) -> bool:
        request = session.turns[run.turn_id].requests[errand.request_id]
        return request.answer is not None

    client_id = str((errand.lease or {}).get("client_id", ""))
    waits = errand.answer is None and is_claimed(errand)
    if waits and await run.workspace.page_back(client_id, BACK_SECONDS):
        await run.log.wait_for(is_answered, 1.0)
    async with run.log.gate:
        if not is_answered(run.session):
            lapsed = {"request_id": errand.request_id, "decision": "lapsed", "by": ""}
            await run.append((ev.REQUEST_ANSWERED, lapsed))
    return run.turn.requests[errand.request_id]


def _of_run(answer: Json) -> Outcome:
    result = answer.get("result")
    if answer.get("decision") != "done" or not isinstance(result, dict):
        return Outcome()
    status, count = result.get("status"), result.get("execution_count")
    text = (
        f"The page ran the cell: status {status}, execution count {count}. The server was "
        "restarted meanwhile: its outputs are in the notebook."
    )
    return Outcome("ok" if status == "ok" else "error", text)


async def _of_edit(run: Run, errand: Request) -> Outcome:
    try:
        notebook = await run.workspace.notebook()
        cells = await notebook.cells() if notebook is not None else []
        found = {evidence(operation, cells) for operation in errand.payload["operations"]}
    except (AgentError, KeyError):
        return Outcome()
    if found == {"applied"}:
        return Outcome("ok", MADE)
    return Outcome("interrupted", NOT_MADE) if found == {"open"} else Outcome()

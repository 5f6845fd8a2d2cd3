"""From a snapshot of the kernel to the log's `variables.read` (floor 3)."""

from __future__ import annotations

import json
import re
import time

from .. import events as ev
from ..errors import KernelError, NotFoundError
from ..fold import Session
from ..records import Json, Snapshot
from .run import Run

_NAME = re.compile(r"[^\W\d]\w*")


async def read_variables(run: Run, mentioned: str = "") -> tuple[Snapshot | None, Json, str]:
    """Pull the variables and note in the log what is new since the last reading.

    Returns the snapshot (None where no kernel runs), what changed, and a note for the model.
    """
    try:
        kernel = await run.workspace.kernel()
        if kernel is None:
            return None, await _note_loss(run), "No kernel is running; run_code starts one."
        snapshot = await kernel.pull(
            since=run.session.snapshot.get("token"), mentioned=_NAME.findall(mentioned)[:50]
        )
    except (KernelError, NotFoundError) as error:
        return None, await _note_loss(run), f"The kernel cannot be read: {error}"
    data = reading(run.session, snapshot)
    if data is not None:
        await run.append((ev.VARIABLES_READ, data))
    return snapshot, data["changed"] if data else {}, ""


def reading(session: Session, snapshot: Snapshot) -> Json | None:
    """Return the data of `variables.read`, None where the snapshot tells nothing new."""
    if snapshot.source == "none" or (
        snapshot.source == "last" and snapshot.time <= session.snapshot.get("time", 0.0)
    ):
        return None
    known_epoch = session.snapshot.get("epoch")
    reset = known_epoch is not None and snapshot.epoch != known_epoch
    before = {} if reset else session.variables
    gone = _gone(before, snapshot)
    fresh = {n: s for n, s in snapshot.variables.items() if before.get(n) != s}
    lost = [
        *session.lost,
        *(n for n in (session.variables if reset else ()) if n not in session.lost),
    ]
    return {
        "stamp": {
            "epoch": snapshot.epoch,
            "execution_count": snapshot.execution_count,
            "time": snapshot.time,
            "source": snapshot.source,
            "state": snapshot.state,
            "total": snapshot.total,
            "token": snapshot.token,
        },
        "reset": reset,
        "set": dict(reversed(fresh.items())),  # a dict's newest is its last; a snapshot's its first
        "gone": gone,
        "changed": _changed(session, snapshot, before, fresh, gone, lost),
    }


def describe(changed: Json, snapshot: Snapshot) -> str:
    """Return what an execution changed as one line for the model, or the empty string."""
    rest = {*changed.get("rebound", ()), *changed.get("mutated", ())}
    told = {
        "new": {n: snapshot.variables.get(n, {}) for n in changed.get("new", ())},
        "changed": {n: s for n, s in snapshot.variables.items() if n in rest},
        "removed": changed.get("gone", []),
    }
    if not any(told.values()):
        return ""
    return "variables changed: " + json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _changed(
    session: Session,
    snapshot: Snapshot,
    before: Json,
    fresh: Json,
    gone: list[str],
    lost: list[str],
) -> Json:
    diff = snapshot.diff
    if diff is None and not session.snapshot and not lost:  # the first reading: all is new
        return {}
    if diff is None:
        diff = {
            "new": [n for n in fresh if n not in before],
            "mutated": [n for n in fresh if n in before],
        }
    kinds = ("new", "rebound", "mutated", "maybe")
    changed: Json = {kind: diff[kind] for kind in kinds if diff.get(kind)}
    if gone:
        changed["gone"] = gone
    if still := [name for name in lost if name not in snapshot.variables]:
        changed["lost"] = still
    return changed


def _gone(before: Json, snapshot: Snapshot) -> list[str]:
    removed = set(snapshot.diff["removed"]) if snapshot.diff else set()
    complete = snapshot.skipped == 0
    return [n for n in before if n in removed or (complete and n not in snapshot.variables)]


async def _note_loss(run: Run) -> Json:
    """Where the kernel is gone, note which variables went with it."""
    session = run.session
    lost = [*session.lost, *(n for n in session.variables if n not in session.lost)]
    if not lost:
        return {}
    changed = {"lost": lost}
    stamp = {"source": "none", "state": "dead", "time": time.time()}
    if session.variables:
        data = {"stamp": stamp, "reset": True, "set": {}, "gone": [], "changed": changed}
        await run.append((ev.VARIABLES_READ, data))
    return changed

"""Changes of cells as data, and how the cells tell whether one was made (floor 0)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final, Literal

from .records import Cell, Json

Evidence = Literal["applied", "open", "other"]
MAX_INLINE: Final = 65_536  # bytes of an image that stays in the event itself


def source_hash(source: str) -> str:
    """Return the hash that names this source: the first 16 hex digits of its SHA-256."""
    return sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def evidence(operation: Json, cells: Sequence[Cell]) -> Evidence:
    """Say by ids and hashes whether an operation (docs/socket.md) was applied to the notebook.

    `open`: it was not, and could be; `other`: the cell is neither as before nor as intended.
    """
    cell = next((c for c in cells if c.cell_id == operation["cell_id"]), None)
    kind = operation["op"]
    if kind == "insert":
        return "open" if cell is None else "applied"
    if kind == "delete" and cell is None:
        return "applied"
    if cell is None:
        return "other"
    if kind == "replace" and cell.hash == source_hash(operation["source"]):
        return "applied"
    if cell.hash != operation["expected"]:
        return "other"
    if kind == "outputs" and _same_outputs(operation, cell):
        return "applied"
    return "open"


def change_of(path: str, cell_id: str, before: Json | None, after: Json | None) -> Json:
    """Return the change that a writer of `protocols.Notebook` reports."""
    digest = source_hash(joined(after["cell"]["source"])) if after else None
    return {
        "kind": "cell",
        "path": path,
        "cell_id": cell_id,
        "hash": digest,
        "before": before,
        "after": after,
    }


def changes_of(path: str, result: Any) -> list[Json]:
    """Return the changes that a page reports in the result of an `edit`, those well formed."""
    told = result.get("changes") if isinstance(result, dict) else None
    return [
        change_of(path, entry["cell_id"], _image(entry.get("before")), _image(entry.get("after")))
        for entry in (told if isinstance(told, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("cell_id"), str)
    ]


def slim(change: Json, keep: Callable[[bytes], str]) -> Json:
    """Return a change whose long pre- or post-image was kept as a blob; `keep` gives its name."""
    slimmed = dict(change)
    for side in ("before", "after"):
        encoded = json.dumps(change.get(side), ensure_ascii=False).encode("utf-8", "replace")
        if len(encoded) > MAX_INLINE:
            slimmed[side] = {"blob": keep(encoded), "size": len(encoded)}
    return slimmed


def joined(source: Any) -> str:
    """Return a source, which nbformat allows to be a list of lines, as one text."""
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _image(value: Any) -> Json | None:
    if not isinstance(value, dict) or not isinstance(value.get("cell"), dict):
        return None
    if not isinstance(value.get("index"), int) or "source" not in value["cell"]:
        return None
    return {"index": value["index"], "cell": value["cell"]}


def _same_outputs(operation: Json, cell: Cell) -> bool:
    return (operation["execution_count"], operation["outputs"]) == (
        cell.execution_count,
        cell.outputs,
    )

"""The map of the notebook that the model gets, within a budget of tokens (floor 3)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

from ..records import Cell, Json

MAP_TOKENS: Final = 8_000
CHARS_PER_TOKEN: Final = 3.5
AROUND: Final = 2
NAMED: Final = 30
_LINE_CHARS: Final = 120
_SHORT_CHARS: Final = 24
_SOURCE_CHARS: Final = 3_000
_SOURCE_SHARE: Final = 0.4


def notebook_map(
    path: str | None,
    cells: Sequence[Cell],
    *,
    active: str | None = None,
    changed: Json | None = None,
    tokens: int = MAP_TOKENS,
) -> str:
    """Return JSON of at most about `tokens` tokens that shows where everything is.

    `cells` are those told at length: the sources around the active cell, then the newest, then
    a line each; where that is too long `others` has short lines (`id type lines first words`).
    `left_out` counts the cells that are not named at all, `left_out_indices` says which.
    `changed` is what `seen_changes` gave.
    """
    budget = _Budget(int(tokens * CHARS_PER_TOKEN))
    body: Json = {"path": path, "total": len(cells)}
    if active is not None:
        body["active"] = active
    if changed:
        body["changed_since_you_looked"] = _named(changed)
    budget.take(_size(body) + 120)
    order = by_interest(cells, active)
    told = _sources(cells, order, budget)
    others = _lines(cells, order, told, budget)
    body["cells"] = [told[index] for index in sorted(told)]
    if others:
        body["others"] = [others[index] for index in sorted(others)]
    body["left_out"] = len(cells) - len(told) - len(others)
    if body["left_out"]:
        missing = (i for i in range(len(cells)) if i not in told and i not in others)
        body["left_out_indices"] = ranges(missing)[:NAMED]
    return _json(body)


def by_interest(cells: Sequence[Cell], active: str | None) -> list[int]:
    """Return indices: those around the active cell, then newest first: last run, last placed."""
    near: list[int] = []
    index = next((c.index for c in cells if c.cell_id == active), None) if active else None
    if index is not None:
        around = range(max(0, index - AROUND), min(len(cells), index + AROUND + 1))
        near = sorted(around, key=lambda i: (abs(i - index), i))
    rest = sorted(range(len(cells)), key=lambda i: (cells[i].execution_count or 0, i), reverse=True)
    taken = set(near)
    return near + [i for i in rest if i not in taken]


def seen_changes(seen: dict[str, str], cells: Sequence[Cell]) -> Json:
    """Return which cells are `new`, `edited` or `deleted` since `seen` (id → hash); {} if none."""
    if not seen:
        return {}
    now = {cell.cell_id: cell.hash for cell in cells}
    found = {
        "new": [i for i in now if i not in seen],
        "edited": [i for i, digest in now.items() if seen.get(i, digest) != digest],
        "deleted": [i for i in seen if i not in now],
    }
    return {kind: ids for kind, ids in found.items() if ids}


def reading(seen: dict[str, str], cells: Sequence[Cell]) -> Json | None:
    """Return the data of `notebook.read`, None where nothing is new."""
    now = {cell.cell_id: cell.hash for cell in cells}
    fresh = {i: digest for i, digest in now.items() if seen.get(i) != digest}
    gone = [i for i in seen if i not in now]
    if not fresh and not gone:
        return None
    return {"set": fresh, "gone": gone, "changed": _named(seen_changes(seen, cells))}


def ranges(indices: Iterable[int]) -> list[str]:
    """Return ascending numbers as ranges: `["0-3", "9"]`."""
    found: list[list[int]] = []
    for index in indices:
        if found and found[-1][1] == index - 1:
            found[-1][1] = index
        else:
            found.append([index, index])
    return [str(a) if a == b else f"{a}-{b}" for a, b in found]


class _Budget:
    """Characters that are left."""

    def __init__(self, chars: int) -> None:
        self.whole = self.left = chars

    def take(self, chars: int) -> bool:
        """Take so many, if there are so many."""
        if chars > self.left:
            return False
        self.left -= chars
        return True


def _sources(cells: Sequence[Cell], order: Sequence[int], budget: _Budget) -> dict[int, Json]:
    """Tell cells with their sources until their share of the budget is used."""
    told: dict[int, Json] = {}
    floor = budget.left * (1 - _SOURCE_SHARE)
    for index in order:
        described = _line(cells[index])
        source = cells[index].source
        described |= {"hash": cells[index].hash, "source": source[:_SOURCE_CHARS]}
        if len(source) > _SOURCE_CHARS:
            described["source_left_out"] = len(source) - _SOURCE_CHARS
        size = _size(described) + 1
        if budget.left - size < floor:
            break
        budget.take(size)
        told[index] = described
    return told


def _lines(
    cells: Sequence[Cell], order: Sequence[int], told: dict[int, Json], budget: _Budget
) -> dict[int, str]:
    """Add a line for each other cell to `told`; return short lines where they are too many."""
    rest = [index for index in order if index not in told]
    if len(rest) * 60 <= budget.left:
        long = {index: _line(cells[index]) for index in rest}
        if budget.take(sum(_size(line) + 1 for line in long.values())):
            told |= long
            return {}
    short: dict[int, str] = {}
    for index in rest:
        line = _short(cells[index])
        if not budget.take(_size(line) + 1):
            break
        short[index] = line
    return short


def _line(cell: Cell) -> Json:
    described: Json = {"id": cell.cell_id, "type": cell.type}
    if cell.execution_count is not None:
        described["execution_count"] = cell.execution_count
    described["lines"] = cell.source.count("\n") + 1
    described["first_line"] = _first(cell.source)[:_LINE_CHARS]
    return described


def _short(cell: Cell) -> str:
    lines = cell.source.count("\n") + 1
    return f"{cell.cell_id} {cell.type} {lines} {_first(cell.source)[:_SHORT_CHARS]}"


def _first(source: str) -> str:
    return source[:2000].strip().split("\n", 1)[0]


def _named(changed: Json) -> Json:
    """Name at most NAMED cells of each kind, and count the others."""
    named: Json = {}
    for kind, ids in changed.items():
        named[kind] = ids[:NAMED]
        if len(ids) > NAMED:
            named[f"{kind}_more"] = len(ids) - NAMED
    return named


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _size(value: object) -> int:
    return len(_json(value))

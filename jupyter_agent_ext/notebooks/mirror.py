"""The cells of a shared document, kept in step with it by its events (floor 1).

Reading a long document anew costs 0.1 ms a cell, as a shared array finds an item by walking to
it. So its cells are read once, in slices that leave the event loop free, and afterwards only
those that an event names.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ..operations import source_hash
from ..records import Cell, Json
from .cells import address

SLICE_SECONDS: Final = 0.008
TRIES: Final = 200


class _Entry:
    """One cell: the shared map, and what was read of it (None where it changed since)."""

    __slots__ = ("cell", "shared")

    def __init__(self, shared: Any) -> None:
        self.shared = shared
        self.cell: Cell | None = None


class Mirror:
    """Follows one document (a `jupyter_ydoc.YNotebook`) until it is closed."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self._entries: list[_Entry] = []
        self._complete = False
        self._version = 0
        self._reading = asyncio.Lock()
        self._subscription = document.ycells.observe_deep(self._on_events)

    def abandoned(self) -> bool:
        """Say whether nobody has the document open any more: the server will drop it."""
        awareness = getattr(self.document, "awareness", None)
        return awareness is not None and not any(awareness.states.values())

    def close(self) -> None:
        """Follow no more."""
        self.document.ycells.unobserve(self._subscription)

    async def cells(self) -> list[Cell]:
        """Return all cells as they are now."""
        async with self._reading:
            for _ in range(TRIES):
                version = self._version
                cells = await self._read()
                if version == self._version:
                    return cells
        return cells  # it changes all the time: what was read is as good as any

    def now(self) -> list[Cell] | None:
        """Return all cells without waiting, None where that would take long."""
        stale = sum(entry.cell is None for entry in self._entries)
        if not self._complete or stale > 50:
            return None
        for index, entry in enumerate(self._entries):
            self._refresh(entry, index)
        return _addressed([entry.cell for entry in self._entries if entry.cell is not None])

    def shared(self, index: int) -> Any:
        """Return the shared map of the cell at `index`."""
        return self._entries[index].shared

    async def _read(self) -> list[Cell]:
        slice_ = _Slice()
        ycells = self.document.ycells
        while not self._complete:
            if len(self._entries) >= len(ycells):
                self._complete = True
                break
            self._entries.append(_Entry(ycells[len(self._entries)]))
            await slice_.pause()
        index, found = 0, []
        while index < len(self._entries):
            found.append(self._refresh(self._entries[index], index))
            index += 1
            await slice_.pause()
        return _addressed(found)

    def _refresh(self, entry: _Entry, index: int) -> Cell:
        cell = entry.cell
        if cell is None:
            cell = entry.cell = _read_cell(entry.shared, index)
        elif cell.index != index:
            cell = entry.cell = _moved(cell, index)
        return cell

    # ------------------------------------------------------------ events

    def _on_events(self, events: Sequence[Any]) -> None:
        self._version += 1
        for event in events:  # paths count positions as they are after all of them
            if not event.path:
                self._apply(event.delta)
        for event in events:
            if event.path and event.path[0] < len(self._entries):
                self._entries[event.path[0]].cell = None

    def _apply(self, delta: Sequence[Json]) -> None:
        """Repeat an array's changes on as much of it as has been read."""
        at = 0
        for step in delta:
            if "retain" in step:
                at += step["retain"]
            elif "delete" in step:
                del self._entries[at : at + step["delete"]]
            else:
                items = step["insert"]
                if at < len(self._entries) or self._complete:
                    self._entries[at:at] = [_Entry(item) for item in items]
                at += len(items)


class _Slice:
    """Gives way to the event loop when a slice of time is over."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def pause(self) -> None:
        if time.monotonic() - self._since >= SLICE_SECONDS:
            await asyncio.sleep(0)
            self._since = time.monotonic()


def _read_cell(shared: Any, index: int) -> Cell:
    value = msgspec.json.decode(str(shared))  # one call of the library, where to_py makes dozens
    source, count = value.get("source", ""), value.get("execution_count")
    return Cell(
        cell_id=value.get("id") or "",
        type=value.get("cell_type", "raw"),
        source=source,
        hash=source_hash(source),
        index=index,
        execution_count=int(count) if count is not None else None,
        outputs=_whole(value.get("outputs") or []),
    )


def _whole(value: Any) -> Any:
    """Return JSON with whole numbers where shared documents keep floats (5.0)."""
    if isinstance(value, dict):
        return {k: _whole(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_whole(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _moved(cell: Cell, index: int) -> Cell:
    return Cell(
        cell.cell_id,
        cell.type,
        cell.source,
        cell.hash,
        index,
        cell.execution_count,
        cell.outputs,
    )


def _addressed(cells: list[Cell]) -> list[Cell]:
    """Give cells whose id is missing or taken an id of their own."""
    if len({cell.cell_id for cell in cells} - {""}) == len(cells):
        return cells
    ids = address([{"source": cell.source} for cell in cells], [cell.cell_id for cell in cells])
    return [
        cell if cell.cell_id == own else Cell(own, *(getattr(cell, f) for f in _FIELDS))
        for cell, own in zip(cells, ids, strict=True)
    ]


_FIELDS: Final = ("type", "source", "hash", "index", "execution_count", "outputs")

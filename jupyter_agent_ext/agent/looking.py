"""Looking at the notebook when a turn starts: what is there, and what changed since (floor 3)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from .. import events as ev
from ..envelope import wrap
from ..records import Cell, Json
from .notebook_map import notebook_map, reading
from .run import Run

LARGE: Final = 300
"""Cells from which on the map is made in a thread."""


async def look_at_notebook(run: Run) -> str:
    """Read the notebook and note in the log what is new; return its map in the envelope.

    Returns the empty string where the session has no notebook. Raises AgentError.
    """
    notebook = await run.workspace.notebook()
    if notebook is None:
        return ""
    cells = await notebook.cells()
    run.trusted = await notebook.trusted()
    seen, path, active = run.session.cells, notebook.path, run.workspace.active_cell()
    if len(cells) < LARGE:
        data, text = _digest(seen, path, cells, active)
    else:
        data, text = await asyncio.to_thread(_digest, seen, path, cells, active)
    if data is not None:
        await run.append((ev.NOTEBOOK_READ, data))
    return text


def _digest(
    seen: dict[str, str], path: str, cells: Sequence[Cell], active: str | None
) -> tuple[Json | None, str]:
    data = reading(seen, cells)
    changed = data["changed"] if data else {}
    return data, wrap("notebook", notebook_map(path, cells, active=active, changed=changed))

"""Tools that read and change the notebook's cells, and run them (floor 2)."""

# ruff: noqa: D417 - the context is no argument of the model's

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from ..abilities import RunsCells
from ..errors import AgentError, NotFoundError, StaleCellError, ToolError
from ..messages import text_part
from ..protocols import Kernel, Notebook, ToolContext
from ..records import Cell, ExecutionResult, Json, ToolResult
from .execution import execute, report
from .kernel import Seconds
from .outputs import brief
from .registry import tool

TOTAL_CHARS = 24_000
SOURCE_CHARS = 4_000
OUTPUT_CHARS = 600


@tool(effect="read", needs=("notebook",))
async def read_notebook(
    ctx: ToolContext,
    start: Annotated[int, Meta(ge=0)] = 0,
    around: str | None = None,
    limit: Annotated[int, Meta(ge=1, le=200)] = 30,
    cell_ids: list[str] | None = None,
) -> str:
    """Read cells of the notebook: id, type, hash, source and short outputs of each.

    Args:
        start: The index of the first cell to read; the first of the notebook is 0.
        around: A cell's id: read that cell and those before and after it. Overrides start.
        limit: How many cells to read at most.
        cell_ids: Read just these cells, with their whole source. Overrides the others.
    """
    notebook = await ctx.notebook()
    cells = await notebook.cells()
    if cell_ids is not None:
        chosen = [_cell(cells, cell_id) for cell_id in cell_ids]
        shown = _bounded(chosen, source_chars=TOTAL_CHARS)
    else:
        if around is not None:
            start = max(0, _cell(cells, around).index - limit // 2)
        chosen = cells[start : start + limit]
        shown = _bounded(chosen, source_chars=SOURCE_CHARS)
    body: Json = {"path": notebook.path, "total": len(cells), "cells": shown}
    body["left_out"] = _left_out(cells, {cell["id"] for cell in shown})
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


@tool(effect="edit", needs=("notebook",))
async def insert_cell(
    ctx: ToolContext,
    source: str,
    cell_type: Literal["code", "markdown"] = "code",
    after: str | None = None,
) -> ToolResult:
    """Insert a cell into the notebook. It is not run: run_cell does that.

    Args:
        source: The cell's source.
        cell_type: What kind of cell.
        after: The id of the cell after which it goes; left out, it goes to the end, an empty
            string puts it at the top.
    """
    notebook = await ctx.notebook()
    if after is None:
        cells = await notebook.cells()
        after = cells[-1].cell_id if cells else None
    change = await notebook.insert(source, cell_type=cell_type, after=after or None)
    return _changed(change, "inserted")


@tool(effect="edit", needs=("notebook",))
async def edit_cell(
    ctx: ToolContext,
    cell_id: str,
    hash: str,  # noqa: A002
    source: str,
) -> ToolResult:
    """Replace the source of a cell. Its outputs stay until it is run.

    Args:
        cell_id: The cell's id.
        hash: The hash of its source, as read_notebook gives it; refused if it has changed.
        source: The whole new source.
    """
    return _changed(await (await ctx.notebook()).edit(cell_id, hash, source), "edited")


@tool(effect="edit", needs=("notebook",))
async def delete_cell(ctx: ToolContext, cell_id: str, hash: str) -> ToolResult:  # noqa: A002
    """Delete a cell of the notebook.

    Args:
        cell_id: The cell's id.
        hash: The hash of its source, as read_notebook gives it; refused if it has changed.
    """
    change = await (await ctx.notebook()).delete(cell_id, hash)
    return ToolResult([text_part(_json({"deleted": cell_id}))], changes=[change])


async def _bound_to_source(ctx: ToolContext, arguments: Json) -> tuple[Json, Json]:
    """Bind a run to the source that the cell has now; show that source."""
    cell = _cell(await (await ctx.notebook()).cells(), arguments["cell_id"])
    return {**arguments, "hash": arguments.get("hash") or cell.hash}, {"source": cell.source}


@tool(effect="execute", needs=("kernel", "notebook"), starts=True, bind=_bound_to_source)
async def run_cell(
    ctx: ToolContext,
    cell_id: str,
    hash: str = "",  # noqa: A002
    timeout: Seconds = 120,
) -> ToolResult:
    """Run a code cell of the notebook in the kernel and write its outputs into the notebook.

    Args:
        cell_id: The cell's id.
        hash: The hash of its source; refused if it has changed. Left out, that of today.
        timeout: Seconds after which it is interrupted.
    """
    notebook = await ctx.notebook()
    cell = _cell(await notebook.cells(), cell_id)
    if cell.type != "code":
        raise ToolError(f"Cell {cell_id!r} is a {cell.type} cell; only code cells run.")
    if not cell.source.strip():
        raise ToolError(f"Cell {cell_id!r} is empty.")
    if hash and cell.hash != hash:
        raise StaleCellError(
            f"Cell {cell_id!r} has changed since; it was not run.",
            source=cell.source,
            hash=cell.hash,
        )
    kernel = await ctx.kernel(start=True)
    result = await _run_in_page(ctx, notebook, cell, kernel, timeout)
    if result is None:
        result = await execute(ctx, kernel, cell.source, timeout, store_history=True)
    note, changes = await _write_back(notebook, cell, result)
    content, status = await report(ctx, result, timeout, note)
    return ToolResult(content, status, changes)


async def _run_in_page(
    ctx: ToolContext, notebook: Notebook, cell: Cell, kernel: Kernel, timeout: int
) -> ExecutionResult | None:
    """Let the page that shows the notebook run the cell, None where there is none."""
    if not isinstance(notebook, RunsCells):
        return None
    return await notebook.run(
        cell, kernel, timeout=float(timeout), on_output=ctx.output, on_start=ctx.started
    )


async def _write_back(
    notebook: Notebook, cell: Cell, result: ExecutionResult
) -> tuple[str, list[Json]]:
    """Write the outputs; return a note where they could not be written, and the changes."""
    if not result.started or result.written:
        return "", []
    try:
        change = await notebook.write_outputs(
            cell.cell_id, cell.hash, result.outputs, result.execution_count
        )
    except NotFoundError:
        return _unwritten("the cell is no longer in it"), []
    except AgentError as error:  # the code has run, whatever became of the file
        return _unwritten(str(error)), []
    return "", [change]


def _unwritten(why: str) -> str:
    return f"The code ran, but its outputs were not written into the notebook: {why}"


def _changed(change: Json, done: str) -> ToolResult:
    """Say what the cell is called now; the id of one without an id in the file may be new."""
    told = {done: change["cell_id"], "hash": change["hash"], "index": change["after"]["index"]}
    return ToolResult([text_part(_json(told))], changes=[change])


def _cell(cells: Sequence[Cell], cell_id: str) -> Cell:
    for cell in cells:
        if cell.cell_id == cell_id:
            return cell
    raise ToolError(f"The notebook has no cell {cell_id!r}; read_notebook lists them.")


def _bounded(cells: Sequence[Cell], *, source_chars: int) -> list[Json]:
    """Return the first of these cells that fit into TOTAL_CHARS, at least one."""
    shown: list[Json] = []
    left = TOTAL_CHARS
    for cell in cells:
        described = _describe(cell, min(source_chars, TOTAL_CHARS))
        left -= len(_json(described))
        if left < 0 and shown:
            break
        shown.append(described)
    return shown


def _describe(cell: Cell, source_chars: int) -> Json:
    described: Json = {"id": cell.cell_id, "index": cell.index, "type": cell.type}
    described |= {"hash": cell.hash, "source": cell.source[:source_chars]}
    if len(cell.source) > source_chars:
        described["source_left_out"] = len(cell.source) - source_chars
    if cell.type == "code":
        described["execution_count"] = cell.execution_count
        described["outputs"] = brief(cell.outputs, OUTPUT_CHARS)
    return described


def _left_out(cells: Sequence[Cell], shown: set[str]) -> Json:
    """Say how many cells were not shown, and which by their indices: `"0-3, 9"`."""
    indices = [cell.index for cell in cells if cell.cell_id not in shown]
    ranges: list[list[int]] = []
    for index in indices:
        if ranges and ranges[-1][1] == index - 1:
            ranges[-1][1] = index
        else:
            ranges.append([index, index])
    named = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
    return {"cells": len(indices), "indices": named}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

"""The tool that shows the last error with all that is needed to mend it (floor 2)."""

from __future__ import annotations

import json
import keyword
import re
import time
from collections.abc import Sequence
from typing import Final

from ..abilities import RemembersErrors
from ..errors import AgentError, ToolError
from ..protocols import Kernel, ToolContext
from ..records import Cell, Json
from .outputs import error_text
from .registry import tool
from .terminal import plain

MAX_NAMES: Final = 40
SOURCE_CHARS: Final = 8_000
VARIABLES_CHARS: Final = 8_000
_NAME = re.compile(r"[^\W\d]\w*")
_CODE_LINE = re.compile(r"^\s*(?:-+>\s*)?\d+[: ]\s?(.*)$", re.MULTILINE)


@tool(effect="read", needs=("kernel",))
async def last_error(ctx: ToolContext) -> str:
    """Show the last error: its traceback, the cell or code, and the variables named in them."""
    kernel = await _kernel(ctx)
    cells = await _cells(ctx)
    found = _of_kernel(kernel, cells) or _of_notebook(cells)
    if found is None:
        return "No error: neither the kernel nor the notebook shows one."
    error = found.pop("error")
    traceback = [str(line) for line in error["traceback"]]
    body: Json = {"error": error_text(error["ename"], error["evalue"], traceback), **found}
    named = _names(found["code"], "\n".join(traceback), error["evalue"])
    body["variables"] = await _variables(kernel, named) if kernel is not None else {}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str)


async def _kernel(ctx: ToolContext) -> Kernel | None:
    try:
        return await ctx.kernel()
    except AgentError:
        return None


async def _cells(ctx: ToolContext) -> list[Cell]:
    try:
        return await (await ctx.notebook()).cells()
    except (ToolError, AgentError):
        return []


def _of_kernel(kernel: Kernel | None, cells: Sequence[Cell]) -> Json | None:
    """Return what the kernel's connection has seen, with the cell of that code."""
    error = kernel.last_error if isinstance(kernel, RemembersErrors) else None
    if error is None:
        return None
    same = [c for c in cells if c.type == "code" and c.source.strip() == error["code"].strip()]
    counted = [c for c in same if c.execution_count == error["execution_count"]]
    cell = (counted or same or [None])[-1]
    found: Json = {"error": error, "code": error["code"][:SOURCE_CHARS]}
    found["execution_count"] = error["execution_count"]
    found["seconds_ago"] = round(time.time() - error["time"], 1)
    return found | (_described(cell) if cell is not None else {"cell": None})


def _of_notebook(cells: Sequence[Cell]) -> Json | None:
    """Return the error of the cell that ran last among those that show one."""
    for cell in sorted(cells, key=lambda c: (c.execution_count or 0, c.index), reverse=True):
        for output in cell.outputs:
            if output.get("output_type") == "error":
                error = {k: output.get(k, "") for k in ("ename", "evalue")}
                error["traceback"] = output.get("traceback") or []
                return {"error": error, "code": cell.source[:SOURCE_CHARS]} | _described(cell)
    return None


def _described(cell: Cell) -> Json:
    return {"cell": {"id": cell.cell_id, "index": cell.index, "hash": cell.hash}}


def _names(code: str, traceback: str, message: str) -> list[str]:
    """Return the names in the code and in the traceback's lines of code, each once."""
    shown = "\n".join(_CODE_LINE.findall(plain(traceback)))
    names = _NAME.findall(f"{code}\n{shown}\n{message}")
    return [n for n in dict.fromkeys(names) if not keyword.iskeyword(n)]


async def _variables(kernel: Kernel, names: Sequence[str]) -> Json:
    """Return summaries of those of the names that are variables."""
    try:
        snapshot = await kernel.pull(mentioned=names)
    except AgentError:
        return {}
    shown: Json = {}
    left = VARIABLES_CHARS
    for name in names:
        if name in snapshot.variables and len(shown) < MAX_NAMES:
            left -= len(json.dumps(snapshot.variables[name], default=str)) + len(name)
            if left < 0:
                break
            shown[name] = snapshot.variables[name]
    return shown

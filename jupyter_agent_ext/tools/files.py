"""Tools that list and read files under the server's root (floor 2)."""

# ruff: noqa: D417 - the context is no argument of the model's

from __future__ import annotations

import json
from typing import Annotated

from msgspec import Meta

from ..errors import ToolError
from ..protocols import ToolContext
from ..records import Json, ToolResult
from .outputs import cut
from .registry import tool

MAX_ENTRIES = 500
READ_CHARS = 16_000


@tool(effect="read")
async def list_files(ctx: ToolContext, path: str = "") -> str:
    """List the files and folders of a folder.

    Args:
        path: The folder, relative to the server's root; the root itself if left out.
    """
    entries = await ctx.files.list(path)
    body: Json = {"path": path, "files": entries[:MAX_ENTRIES]}
    body["left_out"] = max(0, len(entries) - MAX_ENTRIES)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


@tool(effect="read")
async def read_file(
    ctx: ToolContext,
    path: str,
    start_line: Annotated[int, Meta(ge=1)] = 1,
    limit: Annotated[int, Meta(ge=1, le=5_000)] = 500,
) -> ToolResult:
    """Read a text file, or a range of its lines. The first line of the result says which.

    Args:
        path: The file, relative to the server's root.
        start_line: The first line to read; lines count from 1.
        limit: How many lines to read at most.
    """
    lines = (await ctx.files.read(path)).splitlines()
    if start_line > max(1, len(lines)):
        raise ToolError(f"{path!r} has only {len(lines)} lines.")
    shown = lines[start_line - 1 : start_line - 1 + limit]
    end = start_line - 1 + len(shown)
    head = f"{path}: lines {min(start_line, end)}-{end} of {len(lines)}"
    return ToolResult([cut("\n".join([head, *shown]), ctx.keep, limit=READ_CHARS)])

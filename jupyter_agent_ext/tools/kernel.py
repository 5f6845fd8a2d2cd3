"""Tools that read the kernel's variables and run code in it (floor 2)."""

# ruff: noqa: D417 - the context is no argument of the model's

from __future__ import annotations

import json
from typing import Annotated

from msgspec import Meta

from ..messages import text_part
from ..protocols import ToolContext
from ..records import Json, ToolResult
from .execution import execute, report
from .outputs import cut
from .registry import tool

VARIABLES_CHARS = 12_000

Seconds = Annotated[int, Meta(ge=1, le=86_400)]


@tool(effect="read", needs=("kernel",))
async def list_variables(ctx: ToolContext) -> str:
    """List the kernel's variables with a summary of each, newest first, also while a cell runs."""
    snapshot = await (await ctx.kernel()).pull()
    body: Json = {
        "state": snapshot.state,
        "source": snapshot.source,
        "execution_count": snapshot.execution_count,
        "total": snapshot.total,
        "note": snapshot.note,
        "variables": {},
    }
    left = VARIABLES_CHARS
    names_only = []
    for name, summary in snapshot.variables.items():
        left -= len(name) + len(_json(summary)) + 6
        if left >= 0:
            body["variables"][name] = summary
        else:
            names_only.append(name)
    if names_only:
        body["names_only"] = names_only[:1000]
    body["left_out"] = snapshot.total - len(body["variables"])
    return _json(body)


@tool(effect="read", needs=("kernel",))
async def inspect_variable(ctx: ToolContext, name: str) -> ToolResult:
    """Describe one variable of the kernel in detail, with its source if it is a function.

    Args:
        name: The variable's name, as list_variables gives it.
    """
    detail = await (await ctx.kernel()).inspect(name)
    return ToolResult([cut(_json(detail), ctx.keep)])


@tool(effect="execute", needs=("kernel",), starts=True)
async def run_code(ctx: ToolContext, code: str, timeout: Seconds = 120) -> ToolResult:
    """Run code in the kernel to investigate: its outputs come back, no cell is written.

    Args:
        code: The code, in the kernel's language. It sees and changes the user's variables.
        timeout: Seconds after which it is interrupted.
    """
    if not code.strip():
        return ToolResult([text_part("There is no code to run.")], status="error")
    result = await execute(ctx, await ctx.kernel(start=True), code, timeout)
    content, status = await report(ctx, result, timeout)
    return ToolResult(content, status)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)

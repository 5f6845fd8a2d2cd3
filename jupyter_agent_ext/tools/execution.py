"""Run code for a tool and say how it went (floor 2)."""

from __future__ import annotations

from typing import Final

from ..messages import Content, ToolStatus, text_part
from ..protocols import Kernel, ToolContext
from ..records import ExecutionResult, Json
from .outputs import error_text, to_parts

STATUS: Final[dict[str, ToolStatus]] = {"ok": "ok", "interrupted": "interrupted"}


async def execute(
    ctx: ToolContext, kernel: Kernel, code: str, timeout: int, *, store_history: bool = False
) -> ExecutionResult:
    """Run `code` as the effect of this call, its outputs shown as they come."""
    return await kernel.execute(
        code,
        timeout=float(timeout),
        store_history=store_history,
        on_output=ctx.output,
        on_start=ctx.started,
    )


async def report(
    ctx: ToolContext, result: ExecutionResult, timeout: int, *notes: str
) -> tuple[list[Content], ToolStatus]:
    """Return what the model is told: outputs, how it ended, `notes`, what changed."""
    content = to_parts(_outputs(result), ctx.keep)
    ending = [_ending(result, timeout), *notes]
    if result.status not in ("died", "aborted"):
        ending.append(await ctx.variables_changed())
    told = [text_part(text) for text in ending if text]
    if not content and not told:
        told = [text_part("(no output)")]
    return [*content, *told], STATUS.get(result.status, "error")


def _outputs(result: ExecutionResult) -> list[Json]:
    """Return the outputs; the error too where the kernel told it in its reply only."""
    outputs, error = result.outputs, result.error
    shown = any(output["output_type"] == "error" for output in outputs)
    if result.status in ("error", "interrupted") and error is not None and not shown:
        return [*outputs, {"output_type": "error", **error}]
    return outputs


def _ending(result: ExecutionResult, timeout: int) -> str:
    if result.status == "timeout":
        text = f"Timeout: the code ran longer than {timeout} s and was interrupted."
        if result.error is not None:
            name, value = result.error.get("ename", ""), result.error.get("evalue", "")
            text = f"{text} {error_text(name, value, ())}"
        return text
    return {
        "died": "The kernel died or was restarted while the code ran: all its variables are gone."
        if result.started
        else "The kernel died or was restarted before the code ran: all its variables are gone.",
        "aborted": "The code never ran: the kernel aborted it, after an error or an interrupt of "
        "other code. Nothing was changed.",
        "interrupted": "The execution was interrupted.",
    }.get(result.status, "")

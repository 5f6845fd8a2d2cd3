"""The tool that puts a question to the person (floor 2)."""

# ruff: noqa: D417 - the context is no argument of the model's

from __future__ import annotations

from ..errors import ToolError
from ..protocols import ToolContext
from .registry import tool


@tool(effect="read", asks=True)
async def ask_user(ctx: ToolContext, question: str, options: list[str] | None = None) -> str:
    """Ask the person a question and wait for the answer; only where you cannot find out yourself.

    Args:
        question: The question, complete in itself.
        options: Answers to choose from; any other answer is possible too.
    """
    if ctx.answer is None:
        raise ToolError("The person gave no answer.")
    return ctx.answer

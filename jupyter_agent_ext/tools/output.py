"""The tool that reads on where a result was cut (floor 2)."""

# ruff: noqa: D417 - the context is no argument of the model's

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ..errors import ToolError
from ..protocols import ToolContext
from .registry import tool

MAX_LENGTH = 16_000


@tool(effect="read")
async def read_output(
    ctx: ToolContext,
    ref: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")],
    start: Annotated[int, Meta(ge=0)] = 0,
    length: Annotated[int, Meta(ge=1, le=MAX_LENGTH)] = 8_000,
) -> str:
    """Read a part of an output that was cut. The first line of the result says which part.

    Args:
        ref: The reference that stands where the output was cut, 64 hexadecimal digits.
        start: The first character to read; characters count from 0.
        length: How many characters to read.
    """
    try:
        text = (await ctx.blob(ref)).decode("utf-8")
    except UnicodeDecodeError:
        raise ToolError("That is not a text but an image or other binary data.") from None
    if start >= len(text):
        raise ToolError(f"That output has only {len(text)} characters.")
    piece = text[start : start + length]
    return f"characters {start}-{start + len(piece)} of {len(text)}\n{piece}"

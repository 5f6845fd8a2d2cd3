"""How results are worded (floor 1)."""

from __future__ import annotations

import re

from .frames import Frame
from .steps import Outcome

_CUT = 6_000


def number(text: str) -> str:
    """Return a printed number as people write it, anything else as it is."""
    text = text.strip()
    try:
        value = float(text)
    except ValueError:
        return text
    if re.fullmatch(r"[+-]?\d+", text):
        return f"{int(text):,}"
    if value != value or abs(value) == float("inf"):
        return "not a number (there are no values)" if value != value else "infinite"
    if value and abs(value) < 0.001:
        return f"{value:.4g}"
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def block(text: str) -> str:
    """Return text as a code block that it cannot end itself."""
    text = text.strip("\n")
    if len(text) > _CUT:
        text = f"{text[:_CUT]}\n[… {len(text) - _CUT} more characters]"
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"


def shown(headline: str, outcome: Outcome, frame: Frame | None = None) -> str:
    """Return a headline with the table that a call printed."""
    return noted(f"{headline}\n\n{block(outcome.text or '(no output)')}", frame)


def noted(text: str, frame: Frame | None) -> str:
    """Add which frame was taken where there was a choice."""
    return f"{text}\n\n{frame.note}" if frame is not None and frame.note else text

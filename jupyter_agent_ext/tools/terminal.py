"""Text as a terminal shows it: escape sequences and overwritten characters gone (floor 2)."""

from __future__ import annotations

import re

_ESCAPE = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, links
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[@-Z\\^_=>()#][0-9A-B]?"
)


def plain(text: str) -> str:
    """Return `text` as it would stand there: overwritten characters are gone."""
    return _overwrite(_ESCAPE.sub("", text)) if _has_controls(text) else text


def _has_controls(text: str) -> bool:
    return "\x1b" in text or "\r" in text or "\b" in text


def _overwrite(text: str) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(_line(line) if "\r" in line or "\b" in line else line for line in lines)


def _line(line: str) -> str:
    """Play one line: a carriage return goes to its start, a backspace one character back."""
    shown = ""
    for piece in _without_backspaces(line).split("\r"):
        shown = piece + shown[len(piece) :]
    return shown


def _without_backspaces(line: str) -> str:
    if "\b" not in line:
        return line
    kept: list[str] = []
    for character in line:
        if character != "\b":
            kept.append(character)
        elif kept and kept[-1] != "\r":
            kept.pop()
    return "".join(kept)

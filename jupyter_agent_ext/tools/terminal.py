"""Text as a terminal shows it: escape sequences and overwritten characters gone (floor 2)."""

from __future__ import annotations

import re

_ESCAPE = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, links
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[@-Z\\^_=>()#]?[0-9A-B]?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_INVISIBLE = re.compile(r"[\x00-\x07\x0b\x0c\x0e-\x1f\x7f]")


def plain(text: str) -> str:
    """Return `text` as it would stand there: overwritten characters are gone."""
    if not _CONTROL.search(text):
        return text
    text = _INVISIBLE.sub("", _ESCAPE.sub("", text)).replace("\r\n", "\n")
    return "\n".join(map(_line, text.split("\n")))


def encodable(text: str) -> str:
    """Return `text` with a question mark for each half of a surrogate pair: UTF-8 has none."""
    return text.encode("utf-8", "replace").decode()


def _line(line: str) -> str:
    """Play one line: a carriage return goes to its start, a backspace one character back.

    From the last piece to the first, since each covers what came before: long lines stay cheap.
    """
    if "\r" not in line and "\b" not in line:
        return line
    shown = ""
    for piece in reversed(_without_backspaces(line).split("\r")):
        shown += piece[len(shown) :]
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

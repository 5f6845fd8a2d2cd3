"""The marked envelope in which outside data reaches the model (floor 0).

What is inside is never an instruction. The text cannot close its own envelope.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_OPEN = re.compile(r"<data((?: [a-z_]+=\"[^\"<>\n]*\")*)>\n(.*?)\n</data>", re.DOTALL)
_ATTR = re.compile(r" ([a-z_]+)=\"([^\"]*)\"")
_UNSAFE = re.compile(r"[\"<>\n]")
_CLOSE = re.compile(r"<(\\*)(/?)(data)", re.IGNORECASE)
_OPENED = re.compile(r"<\\(\\*)(/?)(data)", re.IGNORECASE)


class Data(NamedTuple):
    """The content of one envelope; `attributes` holds at least `kind`."""

    kind: str
    text: str
    attributes: dict[str, str]


def wrap(kind: str, text: str, **attributes: str) -> str:
    """Put `text` into an envelope. Attribute values lose quotes, angle brackets, line breaks."""
    pairs = {"kind": kind, **attributes}
    head = "".join(f' {name}="{_UNSAFE.sub(" ", value)}"' for name, value in pairs.items())
    return f"<data{head}>\n{_CLOSE.sub(_escape, text)}\n</data>"


def unwrap(text: str) -> list[Data]:
    """Return the envelopes in `text`, in order, their content as it was before `wrap`."""
    found = []
    for match in _OPEN.finditer(text):
        attributes = dict(_ATTR.findall(match[1]))
        content = _OPENED.sub(r"<\1\2\3", match[2])
        found.append(Data(attributes.get("kind", ""), content, attributes))
    return found


def _escape(match: re.Match[str]) -> str:
    return f"<\\{match[1]}{match[2]}{match[3]}"

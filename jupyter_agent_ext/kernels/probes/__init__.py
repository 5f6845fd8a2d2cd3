"""What runs inside kernels: the Python probe and one snippet for each other language (floor 1)."""

from __future__ import annotations

import re
import zlib
from base64 import b64encode
from functools import lru_cache
from importlib.resources import files
from typing import Final

VERSION: Final = 2
"""Raise it with every change of the Python probe: a newer one replaces an older one."""

PROBES: Final = {"r": "r.R", "julia": "julia.jl"}
"""Language of the kernelspec, in lower case, to the snippet that prints its variables."""

_among_parts = re.compile(
    r"^from (?:__future__|\.\w+) import (?:\([^)]*\)|[^(\n]*)\n", re.MULTILINE
)

PARTS: Final = (
    "safety",
    "redaction",
    "previews",
    "scope",
    "code",
    "arrays",
    "blocks",
    "frames",
    "libraries",
    "summaries",
    "fingerprints",
    "reading",
)
"""What the probe loads when it is first asked, in order."""

FIRST: Final = ("control", "magics")
"""What is there at once, from the kernel's start."""

MAGIC: Final = ("options", "showing", "seats", "asking")
"""What `%agent` loads at its first use."""


@lru_cache(maxsize=3)
def python_source(*parts: str) -> str:
    """Join files of the Python probe into one module's source."""
    folder = files(__package__) / "python"
    texts = [(folder / f"{part}.py").read_text("utf-8") for part in parts]
    return "from __future__ import annotations\n" + "\n".join(
        _among_parts.sub("", text) for text in texts
    )


def injection(owner: str) -> str:
    """Return the code that installs the probe in a Python kernel; a no-op the second time."""
    first, rest, magic = _packed()
    return (
        'if getattr(getattr(__import__("builtins"), "_jupyter_agent_probe_", None), "version", 0)'
        f" < {VERSION}: exec(compile({first}, '<jupyter_agent_probe>', 'exec'), "
        "{'__name__': 'jupyter_agent_probe', "
        f"'REST': {rest!r}, 'MAGIC': {magic!r}, 'VERSION': {VERSION}, 'OWNER': {owner!r}}})"
    )


def snippet(language: str) -> str | None:
    """Return the code that prints the variables of another language, if there is one."""
    name = PROBES.get(language)
    return None if name is None else (files(__package__) / name).read_text("utf-8")


@lru_cache(maxsize=1)
def _packed() -> tuple[str, bytes, bytes]:
    """Return an expression for the first parts' source, the others as base64 of zlib.

    Packed, because IPython tokenizes the text of every cell, ours too.
    """
    first = _pack(python_source(*FIRST) + "\ninstall_probe(VERSION, OWNER)\n")
    unpacked = f"__import__('zlib').decompress(__import__('base64').b64decode({first!r}))"
    return unpacked, _pack(python_source(*PARTS)), _pack(python_source(*MAGIC))


def _pack(source: str) -> bytes:
    return b64encode(zlib.compress(source.encode(), 6))

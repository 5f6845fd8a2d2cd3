"""What runs inside kernels: the Python probe and one snippet for each other language (floor 1)."""

from __future__ import annotations

import ast
import zlib
from base64 import b64encode
from functools import lru_cache
from importlib.resources import files
from typing import Final

VERSION: Final = 1
"""Raise it with every change of the Python probe: a newer one replaces an older one."""

PROBES: Final = {"r": "r.R", "julia": "julia.jl"}
"""Language of the kernelspec, in lower case, to the snippet that prints its variables."""

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
"""What the probe loads when it is first asked, in order; `control` is there at once."""


@lru_cache(maxsize=2)
def python_source(*parts: str) -> str:
    """Join files of the Python probe, without docstrings, into one module's source."""
    folder = files(__package__) / "python"
    body: list[ast.stmt] = []
    for part in parts:
        body += ast.parse((folder / f"{part}.py").read_text("utf-8")).body
    module = _Strip().visit(ast.Module(body, type_ignores=[]))
    return "from __future__ import annotations\n" + ast.unparse(ast.fix_missing_locations(module))


def injection(owner: str) -> str:
    """Return the code that installs the probe in a Python kernel; a no-op the second time."""
    first, rest = _packed()
    return (
        'if getattr(getattr(__import__("builtins"), "_jupyter_agent_probe_", None), "version", 0)'
        f" < {VERSION}: exec(compile({first}, '<jupyter_agent_probe>', 'exec'), "
        "{'__name__': 'jupyter_agent_probe', "
        f"'REST': {rest!r}, 'VERSION': {VERSION}, 'OWNER': {owner!r}}})"
    )


def snippet(language: str) -> str | None:
    """Return the code that prints the variables of another language, if there is one."""
    name = PROBES.get(language)
    return None if name is None else (files(__package__) / name).read_text("utf-8")


@lru_cache(maxsize=1)
def _packed() -> tuple[str, bytes]:
    """Return an expression for the first part's source, and the rest as base64 of zlib.

    Packed, because IPython tokenizes the text of every cell, ours too.
    """
    first = _pack(python_source("control") + "\ninstall_probe(VERSION, OWNER)\n")
    unpacked = f"__import__('zlib').decompress(__import__('base64').b64decode({first!r}))"
    return unpacked, _pack(python_source(*PARTS))


def _pack(source: str) -> bytes:
    return b64encode(zlib.compress(source.encode(), 9))


class _Strip(ast.NodeTransformer):
    """Drop what costs time to compile: docstrings, annotations, imports among the parts."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Drop a parameter's annotation."""
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Drop what a function says it returns."""
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """Drop what a coroutine says it returns."""
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """Turn an annotated assignment into a plain one."""
        if node.value is None:
            return None
        return ast.Assign([node.target], node.value)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drop bare strings."""
        return None if isinstance(node.value, ast.Constant) else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        """Drop relative imports and `__future__`."""
        return None if node.level or node.module == "__future__" else node

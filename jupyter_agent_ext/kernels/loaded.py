"""Which names cells have used since a reading of the variables (floor 1)."""

from __future__ import annotations

import ast
import re
import warnings

KEPT_TOKENS = 16
KEPT_CODES = 200
LONGEST = 50_000
_word = re.compile(r"[^\W\d]\w*")


class LoadedNames:
    """The code that ran since each of the last tokens; parsed only when it is asked for."""

    def __init__(self) -> None:
        self._codes: dict[str, list[str]] = {}

    def track(self, token: str) -> None:
        """Begin to remember what runs after the reading `token`, if it is not remembered yet."""
        self._codes.setdefault(token, [])
        while len(self._codes) > KEPT_TOKENS:
            del self._codes[next(iter(self._codes))]

    def ran(self, code: str) -> None:
        """Note that a cell runs."""
        for codes in self._codes.values():
            if len(codes) < KEPT_CODES:
                codes.append(code[:LONGEST])

    def since(self, token: str | None) -> list[str]:
        """Return the names used since the reading `token`, in order of first use."""
        codes = self._codes.get(token or "", [])
        return list(dict.fromkeys(name for code in dict.fromkeys(codes) for name in loaded(code)))

    def clear(self) -> None:
        """Forget everything."""
        self._codes.clear()


def loaded(code: str) -> list[str]:
    """Return the names that code reads; every word where it is not plain Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _word.findall(code)
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and _reads(node)]
    return list(dict.fromkeys(names))


def _reads(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)

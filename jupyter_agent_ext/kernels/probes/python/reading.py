"""Read the user's variables: all in a snapshot, one in detail (guest)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from .fingerprints import Entry, Tokens, entry_of, unread_entry
from .safety import Json, clean, type_name
from .scope import Scope, Steps
from .summaries import summarize

ALWAYS = 10
"""So many variables are summarised even if the time is up."""

_missing = object()
_own_names = frozenset({"In", "Out", "exit", "quit", "get_ipython", "open"})
_immutable_kinds = ("scalar", "text", "bytes", "function", "module", "class", "datetime", "path")


class Variables:
    """The user's namespace. `bury` takes what must not be dropped on this thread."""

    def __init__(self, shell: Any, bury: Callable[[list[Any]], None]) -> None:
        self._shell = shell
        self._bury = bury
        self.tokens = Tokens()

    @property
    def execution_count(self) -> int:
        """The number of the last cell."""
        return int(getattr(self._shell, "execution_count", 1)) - 1

    def names(self) -> list[str]:
        """Return the user's names in order of definition."""
        space, hidden = self._space()
        found = []
        for name in list(dict.keys(space)):
            if type(name) is not str or name[:1] == "_":
                continue
            if name in hidden and hidden[name] is dict.get(space, name):
                continue
            if name not in _own_names or self._shell is None:
                found.append(name)
        return found

    def snapshot(self, arguments: Json, scope: Scope) -> Steps:
        """Fingerprint everything, summarise mentioned, changed and newest names, in steps."""
        names = self.names()
        state: dict[str, Entry] = {}
        for start in range(0, len(names), 32):
            self._fingerprint(names[start : start + 32], state, scope)
            yield
        diff = self.tokens.diff(arguments.get("since"), state)
        found: Json = {"execution_count": self.execution_count, "total": len(state)}
        found["token"] = self.tokens.keep(state)
        yield
        order = _order(list(state), arguments, diff)
        summaries: dict[str, Json] = {}
        for name in order:
            if not scope.open() and (scope.left <= 0 or len(summaries) >= ALWAYS):
                break
            summary = yield from self._summary(name, scope)
            if summary is not None:
                summaries[name] = summary
            yield
        found["variables"] = {n: summaries[n] for n in reversed(state) if n in summaries}
        found["skipped"] = len(state) - len(summaries)
        if diff is not None:
            diff["maybe"] = _maybe(arguments.get("loaded"), diff, state, summaries)
            found["diff"] = {key: [clean(name) for name in value] for key, value in diff.items()}
        found["variables"] = {clean(name): s for name, s in found["variables"].items()}
        return found

    def inspect(self, arguments: Json, scope: Scope) -> Steps:
        """Summarise one variable in detail, in steps; no `summary` if there is none."""
        found: Json = {"execution_count": self.execution_count}
        if arguments.get("name") in self.names():
            summary = yield from self._summary(arguments["name"], scope)
            if summary is not None:
                found["summary"] = summary
        return found

    def _space(self) -> tuple[dict[Any, Any], dict[Any, Any]]:
        if self._shell is None:
            return vars(sys.modules["__main__"]), {}
        return self._shell.user_ns, self._shell.user_ns_hidden

    def _fingerprint(self, names: list[str], state: dict[str, Entry], scope: Scope) -> None:
        space, _ = self._space()
        timely, last = scope.fresh(), self.tokens.last
        for name in names:
            value = dict.get(space, name, _missing)
            if value is not _missing:
                known = last.get(name)
                entry = entry_of(value) if timely else unread_entry(value, known)
                # shared with the last reading, so that nothing is left to collect
                state[name] = known if known is not None and known == entry else entry
                if not scope.full and sys.getrefcount(value) <= 2:
                    self._bury([value])

    def _summary(self, name: str, scope: Scope) -> Steps:
        value = dict.get(self._space()[0], name, _missing)
        if value is _missing:
            return None
        try:
            summary = yield from summarize(name, value, scope)
            return _strict(summary, value, scope)
        finally:
            # were it dropped here its finalizer would run here, beside a running cell
            if not scope.full and sys.getrefcount(value) <= 2:
                self._bury([value])


def _strict(summary: Json, value: Any, scope: Scope) -> Json:
    try:
        scope.left -= len(json.dumps(summary, allow_nan=False))
    except (ValueError, TypeError, RecursionError):
        summary = {"type": type_name(type(value)), "kind": "object", "note": "could not be read"}
        scope.left -= 80
    return summary


def _order(names: list[str], arguments: Json, diff: Json | None) -> list[str]:
    """Return mentioned names, then changed ones, then the newest, up to the limit."""
    known = frozenset(names)
    first = [name for name in arguments.get("mentioned") or () if name in known]
    if diff is not None:
        for key in ("mutated", "rebound", "new"):
            first += reversed(diff[key])
    limit = int(arguments.get("limit", 200))
    return list(dict.fromkeys(first + names[::-1]))[: max(limit, 0)]


def _maybe(
    loaded: Any, diff: Json, state: dict[str, Entry], summaries: dict[str, Json]
) -> list[str]:
    """Return the names the cells used that may have changed where no print sees it."""
    told = {name for key in ("new", "rebound", "mutated") for name in diff[key]}
    return [
        name
        for name in loaded or ()
        if name in state
        and name not in told
        and state[name][0] != 0
        and summaries.get(name, {}).get("kind") not in _immutable_kinds
    ]

"""Tool calls put together from their deltas, also those of imperfect servers (floor 1)."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field

from ..messages import ToolCallPart


@dataclass(slots=True)
class _Growing:
    index: int | None
    call_id: str | None
    name: str = ""
    pieces: list[str] = field(default_factory=list)


class ToolCallAccumulator:
    """Collects `delta.tool_calls` entries into whole calls, in the order they began.

    A delta belongs to the newest call with its index unless it carries another id than that
    call. Servers are met that reuse index 0 for every call, leave out the index or the id,
    repeat id and name in every piece, or send several calls without either.
    """

    def __init__(self) -> None:
        self._calls: list[_Growing] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(
        self,
        *,
        index: int | None = None,
        call_id: str | None = None,
        name: str | None = None,
        arguments: str | None = None,
    ) -> None:
        """Take one delta in; empty strings count as left out."""
        if not (call_id or name or arguments):
            return
        call = self._find(index, call_id or None, name or None)
        call.call_id = call.call_id or call_id or None
        if name and name != call.name:
            call.name += name
        if arguments:
            call.pieces.append(arguments)

    def parts(self) -> list[ToolCallPart]:
        """Return the calls; ids that were missing or used twice are made up."""
        seen: set[str] = set()
        parts: list[ToolCallPart] = []
        for call in self._calls:
            call_id = call.call_id
            if not call_id or call_id in seen:
                call_id = call.call_id = f"call_{uuid.uuid4().hex[:24]}"
            seen.add(call_id)
            arguments = "".join(call.pieces)
            parts.append(
                {"type": "tool_call", "call_id": call_id, "name": call.name, "arguments": arguments}
            )
        return parts

    def _find(self, index: int | None, call_id: str | None, name: str | None) -> _Growing:
        found = self._by_id(call_id) or self._newest(index)
        if found is None or _begins_another(found, call_id, name):
            found = _Growing(index, call_id)
            self._calls.append(found)
        return found

    def _by_id(self, call_id: str | None) -> _Growing | None:
        if call_id is None:
            return None
        return next((c for c in reversed(self._calls) if c.call_id == call_id), None)

    def _newest(self, index: int | None) -> _Growing | None:
        if index is None:
            return self._calls[-1] if self._calls else None
        return next((c for c in reversed(self._calls) if c.index == index), None)


def _begins_another(call: _Growing, call_id: str | None, name: str | None) -> bool:
    if call_id is not None and call.call_id is not None and call.call_id != call_id:
        return True
    # Some servers repeat the name in every piece, others send each call whole and nothing
    # that tells them apart: what is already whole is not continued.
    return name is not None and bool(call.pieces) and (name != call.name or _whole(call.pieces))


def _whole(pieces: list[str]) -> bool:
    if not pieces[-1].rstrip().endswith("}"):
        return False
    try:
        json.loads("".join(pieces))
    except (ValueError, RecursionError):
        return False
    return True

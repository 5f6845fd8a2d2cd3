"""The outputs of one execution, by nbformat's rules and within bounds (floor 1)."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from ..records import Json

MAX_BYTES = 16 * 1024 * 1024
MAX_TEXT = 1024 * 1024
MAX_OUTPUTS = 1000


class _Text:
    """Text that keeps its head, `half` characters, and its tail, up to twice as many."""

    def __init__(self, half: int) -> None:
        self._half = half
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._head_size = self._tail_size = self._dropped = 0

    @property
    def size(self) -> int:
        return self._head_size + self._tail_size

    def add(self, text: str) -> None:
        room = self._half - self._head_size
        if room > 0:
            self._head.append(text[:room])
            self._head_size += len(self._head[-1])
            text = text[room:]
        if text:
            self._tail.append(text[-self._half :])
            self._tail_size += len(self._tail[-1])
            self._dropped += len(text) - len(self._tail[-1])
            self._trim()

    def __str__(self) -> str:
        tail = "".join(self._tail)
        if not self._dropped:
            return "".join(self._head) + tail
        return f"{''.join(self._head)}\n… {self._dropped} characters dropped …\n{tail}"

    def _trim(self) -> None:
        while self._tail_size - len(self._tail[0]) >= self._half:
            size = len(self._tail.popleft())
            self._tail_size -= size
            self._dropped += size


class _Item:
    """One output; `size` in bytes, roughly."""

    def __init__(self, output: Json, display_id: str | None = None) -> None:
        self.output = output
        self.display_id = display_id
        self.text: _Text | None = None
        self.size = 0 if output["output_type"] == "stream" else _weigh(output)

    def to_json(self) -> Json:
        if self.text is None:
            return self.output
        return {**self.output, "text": str(self.text)}


class Outputs:
    """Collects iopub messages into nbformat 4 outputs: the first half and the last are kept.

    About `max_bytes` bytes, `max_text` characters a stream and `max_outputs` outputs; a note
    on stderr stands where some were dropped.
    """

    def __init__(
        self,
        *,
        max_bytes: int = MAX_BYTES,
        max_text: int = MAX_TEXT,
        max_outputs: int = MAX_OUTPUTS,
    ) -> None:
        self._half_bytes, self._half_count = max_bytes // 2, max(1, max_outputs // 2)
        self._half_text = max_text // 2
        self._clear_next = False
        self._clear()

    def add(self, msg: Json) -> Json | None:
        """Take in an iopub message; return the output that arrived, None if it is none.

        For a stream this is the piece that arrived. Updates of a display change the output
        that is kept and return None.
        """
        msg_type, content = msg["header"]["msg_type"], msg["content"]
        if msg_type == "clear_output":
            self._clear_next = bool(content.get("wait"))
            if not self._clear_next:
                self._clear()
            return None
        if msg_type == "update_display_data":
            self._update(content)
            return None
        output = _to_output(msg_type, content)
        if output is None:
            return None
        if self._clear_next:
            self._clear_next = False
            self._clear()
        if msg_type == "stream":
            self._stream(output)
        else:
            self._append(_Item(output, (content.get("transient") or {}).get("display_id")))
        return output

    def to_json(self) -> list[Json]:
        """Return the outputs that are kept, as nbformat dicts."""
        head, tail = [i.to_json() for i in self._head], [i.to_json() for i in self._tail]
        if not self._dropped:
            return head + tail
        note = f"… {self._dropped} outputs ({self._dropped_bytes} bytes) dropped …\n"
        return [*head, {"output_type": "stream", "name": "stderr", "text": note}, *tail]

    def _clear(self) -> None:
        self._head: list[_Item] = []
        self._tail: deque[_Item] = deque()
        self._displays: dict[str, list[_Item]] = {}
        self._head_bytes = self._tail_bytes = self._dropped = self._dropped_bytes = 0

    def _stream(self, output: Json) -> None:
        last = self._last()
        if last is None or last.text is None or last.output["name"] != output["name"]:
            last = _Item({"output_type": "stream", "name": output["name"]})
            last.text = _Text(self._half_text)
            self._append(last)
        assert last.text is not None
        last.text.add(output["text"])
        self._resize(last, last.text.size)

    def _last(self) -> _Item | None:
        if self._tail:
            return self._tail[-1]
        return self._head[-1] if self._head and not self._dropped else None

    def _append(self, item: _Item) -> None:
        room = self._head_bytes + item.size <= self._half_bytes
        if not self._tail and not self._dropped and room and len(self._head) < self._half_count:
            self._head.append(item)
            self._head_bytes += item.size
        else:
            self._tail.append(item)
            self._tail_bytes += item.size
        if item.display_id is not None:
            self._displays.setdefault(item.display_id, []).append(item)
        self._trim()

    def _update(self, content: Json) -> None:
        display_id = (content.get("transient") or {}).get("display_id", "")
        for item in list(self._displays.get(display_id, ())):
            item.output = {**item.output, "data": content["data"], "metadata": content["metadata"]}
            self._resize(item, _weigh(item.output))

    def _resize(self, item: _Item, size: int) -> None:
        if item in self._head:
            self._head_bytes += size - item.size
        else:
            self._tail_bytes += size - item.size
        item.size = size
        while self._head_bytes > self._half_bytes:
            self._head_bytes -= self._head[-1].size
            self._tail.appendleft(self._head.pop())
            self._tail_bytes += self._tail[0].size
        self._trim()

    def _trim(self) -> None:
        while len(self._tail) > self._half_count or self._tail_bytes > self._half_bytes:
            item = self._tail.popleft()
            self._tail_bytes -= item.size
            self._dropped += 1
            self._dropped_bytes += item.size
            if item.display_id is not None:
                shown = self._displays[item.display_id]
                shown.remove(item)
                if not shown:
                    del self._displays[item.display_id]


def _to_output(msg_type: str, content: Json) -> Json | None:
    if msg_type == "stream":
        return {"output_type": "stream", "name": content["name"], "text": content["text"]}
    if msg_type in ("display_data", "execute_result"):
        output = {"output_type": msg_type, "data": content["data"]}
        output["metadata"] = content.get("metadata") or {}
        if msg_type == "execute_result":
            output["execution_count"] = content.get("execution_count")
        return output
    if msg_type == "error":
        return {"output_type": "error", **{k: content[k] for k in ("ename", "evalue", "traceback")}}
    return None


def _weigh(output: Json) -> int:
    payload: Any = output.get("data", output)
    return sum(len(v) if isinstance(v, str) else len(json.dumps(v)) for v in payload.values())

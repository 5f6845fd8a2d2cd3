"""The last error of a kernel, whoever ran the code (floor 1)."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final

from ..records import Json

MAX_RUNNING: Final = 16
MAX_LINES: Final = 200
MAX_CODE: Final = 100_000


class LastError:
    """Remembers it from iopub; it is over once the same code has run without error."""

    def __init__(self) -> None:
        self.error: Json | None = None
        self._running: OrderedDict[str, Json] = OrderedDict()

    def clear(self) -> None:
        """Forget it: the process is new."""
        self.error = None
        self._running.clear()

    def on_iopub(self, msg: Json) -> None:
        """Take in an iopub message."""
        msg_id = (msg.get("parent_header") or {}).get("msg_id", "")
        kind, content = msg["header"]["msg_type"], msg["content"]
        if kind == "execute_input":
            code = str(content.get("code", ""))[:MAX_CODE]
            count = content.get("execution_count")
            self._running[msg_id] = {"code": code, "execution_count": count}
            while len(self._running) > MAX_RUNNING:
                self._running.popitem(last=False)
        elif msg_id not in self._running:
            return
        elif kind == "error":
            self.error = {
                **self._running.pop(msg_id),
                "ename": str(content.get("ename", "")),
                "evalue": str(content.get("evalue", "")),
                "traceback": [str(line) for line in content.get("traceback", ())][-MAX_LINES:],
                "time": time.time(),
            }
        elif kind == "status" and content.get("execution_state") == "idle":
            ran = self._running.pop(msg_id)
            if self.error is not None and ran["code"].strip() == self.error["code"].strip():
                self.error = None

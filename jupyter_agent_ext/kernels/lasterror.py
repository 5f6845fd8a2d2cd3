"""The last error of a kernel that is not of a trial of the agent's (floor 1)."""

from __future__ import annotations

import re
import time
from collections import OrderedDict, deque
from typing import Final

from ..records import Json
from .cells import REQUEST

MAX_RUNNING: Final = 16
MAX_LINES: Final = 200
MAX_CODE: Final = 100_000
_ASKS = re.compile(r"\s*%%?agent(?!\w)")
_OWN_ERROR = "AgentTurnError"


class LastError:
    """Remembers it from iopub; it is over once the same code has run without error.

    What the agent tries on its way to an answer is no error to mend: neither what `ignore` is
    told, nor what runs in a cell that asks, nor that the cell got no answer.
    """

    def __init__(self) -> None:
        self.error: Json | None = None
        self._running: OrderedDict[str, Json] = OrderedDict()
        self._trials: deque[str] = deque(maxlen=MAX_RUNNING)

    def clear(self) -> None:
        """Forget it: the process is new."""
        self.error = None
        self._running.clear()

    def ignore(self, msg_id: str) -> None:
        """Take the code of this request for a trial: its error is not remembered."""
        self._trials.append(msg_id)

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
            self._running[msg_id]["raised"] = {
                "ename": str(content.get("ename", "")),
                "evalue": str(content.get("evalue", "")),
                "traceback": [str(line) for line in content.get("traceback", ())][-MAX_LINES:],
                "time": time.time(),
            }
        elif kind == "update_display_data" and _told(content) == "ran":
            self._running[msg_id].pop("raised", None)  # it was the agent's code in the cell
        elif kind == "status" and content.get("execution_state") == "idle":
            self._ended(msg_id, self._running.pop(msg_id))

    def _ended(self, msg_id: str, ran: Json) -> None:
        raised = ran.pop("raised", None)
        if raised is None:
            if self.error is not None and ran["code"].strip() == self.error["code"].strip():
                self.error = None
        elif (
            msg_id not in self._trials
            and not _ASKS.match(ran["code"])
            and raised["ename"] != _OWN_ERROR
        ):
            self.error = {**ran, **raised}


def _told(content: Json) -> object:
    """Return the kind of what a cell that asks tells, None if it tells nothing."""
    told = (content.get("data") or {}).get(REQUEST)
    return told.get("kind") if isinstance(told, dict) else None

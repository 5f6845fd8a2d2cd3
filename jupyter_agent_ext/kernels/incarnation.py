"""Which process of a kernel a message is from, and whether it is a new one (floor 1)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from ..records import Json

LATELY = 10.0


class Incarnation:
    """Tells the processes of one kernel apart, however their restarts become known.

    A new process shows in the session id of its messages' headers and, with Jupyter Server's
    own manager, in an event: either may be first, and each restart is to be noted once.
    `pid` returns the pid of the present process, None where the provisioner has none; then
    both within `LATELY` seconds are taken for one.
    """

    def __init__(self, pid: Callable[[], int | None]) -> None:
        self._pid = pid
        self._noted = pid()
        self._former: str | None = None
        self._seen_new = float("-inf")
        self.session: str | None = None  # the session id of the present process, once heard

    def look(self, msg: Json) -> Literal["present", "former", "new"]:
        """Say which process sent a message; `new` once for each.

        Some kernels echo their client's session id, which says nothing: present.
        """
        session = msg["header"].get("session")
        if session is None or session == (msg.get("parent_header") or {}).get("session"):
            return "present"
        if session == self._former:
            return "former"
        if self.session in (None, session):
            self.session = session
            return "present"
        self._former, self.session = self.session, session
        self._noted, self._seen_new = self._pid(), time.monotonic()
        return "new"

    def told(self, *, dead: bool) -> bool:
        """Take in that the manager started a new process; False if that is noted already.

        `dead` says that the process noted last is known to be gone.
        """
        pid = self._pid()
        lately = time.monotonic() - self._seen_new < LATELY
        if not dead and (lately if pid is None else pid == self._noted):
            return False
        self._noted = pid
        if self.session is not None:
            self._former, self.session = self.session, None
        return True

"""A ToolContext without a session: blobs in a dict, and what the tool did in lists."""

from __future__ import annotations

import json
from hashlib import sha256

from jupyter_agent_ext.errors import KernelError, ToolError


class Context:
    """What a running tool may touch; `kernel` and `notebook` may be None."""

    call_id = "call-1"

    def __init__(self, *, kernel=None, notebook=None, files=None, answer=None):
        self._kernel, self._notebook = kernel, notebook
        self.files, self.answer = files, answer
        self.blobs: dict[str, bytes] = {}
        self.happened: list = []
        self._seen: dict = {}

    async def kernel(self, *, start=False):
        if self._kernel is None:
            raise KernelError("No kernel is running.")
        self.happened.append(("kernel", start))
        return self._kernel

    async def notebook(self):
        if self._notebook is None:
            raise ToolError("This session has no notebook.")
        return self._notebook

    async def started(self):
        self.happened.append("started")

    def output(self, output):
        self.happened.append(output)

    def keep(self, data):
        digest = sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest

    async def blob(self, digest):
        if digest not in self.blobs:
            raise ToolError("There is no such blob.")
        return self.blobs[digest]

    async def variables_changed(self):
        """Pull, and compare with what the last call saw."""
        before, self._seen = self._seen, (await self._kernel.pull()).variables
        told = {
            "new": {n: s for n, s in self._seen.items() if n not in before},
            "changed": {n: s for n, s in self._seen.items() if n in before and before[n] != s},
            "removed": [n for n in before if n not in self._seen],
        }
        return f"variables changed: {json.dumps(told)}" if any(told.values()) else ""

"""What a running tool may touch (floor 3)."""

from __future__ import annotations

import hashlib

from .. import events as ev
from ..errors import KernelError, ToolError
from ..protocols import Files, Kernel, Notebook
from ..records import Json
from .run import Run
from .variables import describe, read_variables


class CallContext:
    """The ToolContext of one call."""

    def __init__(self, run: Run, call_id: str, answer: str | None) -> None:
        self.call_id = call_id
        self.answer = answer
        self.blobs: dict[str, bytes] = {}
        self._run = run

    @property
    def files(self) -> Files:
        """The files under the server's root."""
        return self._run.workspace.files

    async def kernel(self, *, start: bool = False) -> Kernel:
        """Return the session's kernel. Raises KernelError if none runs."""
        kernel = await self._run.workspace.kernel(start=start)
        if kernel is None:
            raise KernelError("No kernel is running.", hint="run_code starts one.")
        return kernel

    async def notebook(self) -> Notebook:
        """Return the session's notebook. Raises ToolError if it has none."""
        notebook = await self._run.workspace.notebook(self.call_id)
        if notebook is None:
            raise ToolError("This session has no notebook.")
        return notebook

    async def started(self) -> None:
        """Note durably that the effect begins now."""
        if self._run.turn.calls[self.call_id].state == "called":
            await self._run.append((ev.TOOL_STARTED, {"call_id": self.call_id}))

    def output(self, output: Json) -> None:
        """Show viewers a partial output."""
        self._run.publish(ev.TOOL_OUTPUT, {"call_id": self.call_id, "output": output})

    def keep(self, data: bytes) -> str:
        """Keep bytes as a blob, written with the result."""
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest

    async def blob(self, digest: str) -> bytes:
        """Read a blob of this session."""
        return self.blobs[digest] if digest in self.blobs else await self._run.blob(digest)

    async def variables_changed(self) -> str:
        """Read the variables after an execution and say what changed."""
        snapshot, changed, _ = await read_variables(self._run)
        if snapshot is None:
            return ""
        self._run.publish(ev.VARIABLES_CHANGED, {"changed": changed})
        return describe(changed, snapshot)

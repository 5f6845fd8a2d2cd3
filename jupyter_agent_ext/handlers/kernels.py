"""The live variables of a kernel (floor 5)."""

from __future__ import annotations

import time

from .base import AgentHandler, protected
from .bodies import VariableInfo, VariablesInfo


class VariablesHandler(AgentHandler):
    """`GET kernels/{id}/variables`."""

    @protected("read", "kernels")
    async def get(self, kernel_id: str) -> None:
        """Read the variables now, also while a cell is running."""
        kernel = await self.manager.services.kernels.get(kernel_id)
        snapshot = await kernel.pull(limit=self.number("limit", 200))
        self.answer(
            VariablesInfo(
                kernel_id,
                snapshot.epoch,
                snapshot.execution_count,
                snapshot.source,
                snapshot.state,
                max(0.0, round(time.time() - snapshot.time, 3)) if snapshot.time else 0.0,
                snapshot.total,
                snapshot.skipped,
                snapshot.note,
                snapshot.variables,
            )
        )


class VariableHandler(AgentHandler):
    """`GET kernels/{id}/variables/{name}`."""

    @protected("read", "kernels")
    async def get(self, kernel_id: str, name: str) -> None:
        """Read one variable in detail."""
        kernel = await self.manager.services.kernels.get(kernel_id)
        self.answer(VariableInfo(kernel_id, name, await kernel.inspect(name)))


default_handlers = [
    (r"/agent/kernels/([^/]+)/variables", VariablesHandler),
    (r"/agent/kernels/([^/]+)/variables/([^/]+)", VariableHandler),
]

"""A notebook that a page of ours has open, reached through that page (floor 1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ..abilities import Follows
from ..errors import LapsedError, PageError
from ..operations import change_of, changes_of, joined, source_hash
from ..records import Cell, ExecutionResult, Json
from .cells import address, expect, find

OnOutput = Callable[[Json], None]


class Attachment(Protocol):
    """The pages that show one notebook, as one call of one turn may use them (errands.py)."""

    def showing(self) -> bool:
        """Say whether a page shows the notebook and has not failed this call yet."""
        ...

    def shown(self) -> bool:
        """Say whether any page of ours shows it."""
        ...

    def left_lately(self) -> bool:
        """Say whether a page of ours showed it until a moment ago."""
        ...

    async def read(self) -> list[Json]:
        """Return the cells as the person sees them. Raises PageError."""
        ...

    async def read_again(self) -> list[Json] | None:
        """Return the cells of the page that was asked last, None if it is gone. Raises PageError.

        Only it can tell what became of the errand that it did not answer.
        """
        ...

    async def edit(self, operations: list[Json]) -> Json:
        """Let the page make the changes, all or none; return what it says.

        Raises StaleCellError, NotFoundError; PageError where nothing happened, LapsedError
        where nobody knows.
        """
        ...

    def runs(self, kernel_id: str) -> bool:
        """Say whether a page could run a cell in that kernel."""
        ...

    async def run(
        self,
        cell: Cell,
        kernel: Follows,
        *,
        timeout: float,
        on_output: OnOutput,
        on_start: Callable[[], Awaitable[None]],
    ) -> ExecutionResult:
        """Let the page run a cell; raises as `edit` does."""
        ...


class AttachedNotebook:
    """The cells of a notebook as its page shows them, unsaved text included."""

    def __init__(self, path: str, attachment: Attachment) -> None:
        self._path = path
        self._attachment = attachment

    def showing(self) -> bool:
        """Say whether a page can still be asked."""
        return self._attachment.showing()

    async def cells(self) -> list[Cell]:
        """Return all cells in order. Raises PageError."""
        return await asyncio.to_thread(to_cells, await self._attachment.read())

    async def before(self, operation: Json) -> Json | None:
        """Return the cell before a change. Raises NotFoundError, StaleCellError, PageError."""
        if operation["op"] == "insert":
            return None
        cells, cell_id = await self.cells(), operation["cell_id"]
        cell = cells[find([cell.cell_id for cell in cells], cell_id)]
        expect({"source": cell.source}, cell_id, operation["expected"])
        return to_image(cell)

    async def apply(self, operation: Json) -> Json:
        """Let the page make one change (docs/socket.md); see `Attachment.edit`."""
        before = await self.before(operation)
        try:
            changes = changes_of(self._path, await self._attachment.edit([operation]))
        except LapsedError as lapsed:
            lapsed.details["before"] = before
            raise
        if len(changes) == 1 and changes[0]["cell_id"] == operation["cell_id"]:
            return changes[0]
        after = None
        if operation["op"] != "delete":
            cells = await self.cells()
            after = next((to_image(c) for c in cells if c.cell_id == operation["cell_id"]), None)
        return change_of(self._path, operation["cell_id"], before, after)


def to_cells(told: list[Any]) -> list[Cell]:
    """Return the cells that a page tells. Raises PageError if they are none."""
    try:
        sources = [joined(cell["source"]) for cell in told]
        ids = address([{"source": s} for s in sources], [cell.get("id") for cell in told])
        return [
            Cell(
                cell_id=cell_id,
                type=str(cell["cell_type"]),
                source=source,
                hash=source_hash(source),
                index=index,
                execution_count=cell.get("execution_count"),
                outputs=list(cell.get("outputs") or ()),
            )
            for index, (cell, cell_id, source) in enumerate(zip(told, ids, sources, strict=True))
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise PageError(f"The page sent cells that cannot be read: {error!r}") from error


def to_image(cell: Cell) -> Json:
    """Return a cell as changes hold it, where only its record is known."""
    body: Json = {"id": cell.cell_id, "cell_type": cell.type, "metadata": {}}
    body["source"] = cell.source
    if cell.type == "code":
        body |= {"outputs": cell.outputs, "execution_count": cell.execution_count}
    return {"index": cell.index, "cell": body}

"""A notebook wherever it is open: shared document, attached page, else the file (floor 1)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol
from uuid import uuid4

from ..abilities import Follows
from ..errors import (
    AgentError,
    BadRequestError,
    LapsedError,
    OpenElsewhereError,
    PageError,
    StaleCellError,
)
from ..operations import change_of, evidence, source_hash
from ..protocols import Kernel
from ..records import Cell, ExecutionResult, Json
from .attached import AttachedNotebook, Attachment, OnOutput, to_cells, to_image
from .cells import CELL_TYPES
from .contents import ContentsNotebook
from .shared import Documents, SharedNotebook

SWITCHES: Final = 4
CLOSING_SECONDS: Final = 3.0
KEEP_SECONDS: Final = 5.0


class _Way(Protocol):
    """One way to reach the cells."""

    async def cells(self) -> list[Cell]: ...

    async def apply(self, operation: Json) -> Json: ...


class LiveNotebook:
    """The cells as the person sees them; a `protocols.Notebook`.

    Each call finds its way anew, so a tab that is closed or a document that is opened in the
    middle of a turn changes the way and nothing else. Where a page does not answer, the cells
    tell whether its edit was made, so that nothing is made twice and nothing is lost.
    """

    def __init__(
        self, file: ContentsNotebook, documents: Documents, attachment: Attachment | None
    ) -> None:
        self._file = file
        self._documents = documents
        self._attachment = attachment

    @property
    def path(self) -> str:
        """The path under the server's root."""
        return self._file.path

    async def cells(self) -> list[Cell]:
        """Return all cells in order. Raises NotFoundError, BadRequestError, PageError."""
        for _ in range(SWITCHES):
            try:
                return await (await self._way()).cells()
            except PageError:
                if self._attachment is not None and self._attachment.showing():
                    raise
        return await self._file.cells()

    async def trusted(self) -> bool:
        """Say whether the server trusts the notebook's outputs, as they were saved last.

        While it is open and its file's text the same as when it was found trusted, that text is
        not read and signed anew: it takes long for a long notebook.
        """
        trusted = self._documents.trusted
        known = None if isinstance(await self._way(), _File) else trusted.get(self.path)
        trusted.pop(self.path, None)
        digest = await self._file.digest()
        if digest is None or digest != known:
            if not await self._file.trusted():
                return False
            if digest is None or digest != await self._file.digest():
                return True  # it changed meanwhile: look again the next time
        trusted[self.path] = digest
        return True

    async def insert(self, source: str, *, cell_type: str, after: str | None) -> Json:
        """Insert a cell after the cell with id `after` (None: at the top)."""
        if cell_type not in CELL_TYPES:
            raise BadRequestError(
                f"There is no cell type {cell_type!r}.", hint=f"Use one of {', '.join(CELL_TYPES)}."
            )
        operation = {"op": "insert", "cell_id": uuid4().hex[:8], "cell_type": cell_type}
        return await self._apply({**operation, "source": source, "after": after})

    async def edit(self, cell_id: str, expected: str, source: str) -> Json:
        """Replace a cell's source. Raises StaleCellError, NotFoundError."""
        return await self._apply(
            {"op": "replace", "cell_id": cell_id, "expected": expected, "source": source}
        )

    async def delete(self, cell_id: str, expected: str) -> Json:
        """Delete a cell. Raises StaleCellError, NotFoundError."""
        return await self._apply({"op": "delete", "cell_id": cell_id, "expected": expected})

    async def write_outputs(
        self, cell_id: str, expected: str, outputs: list[Json], execution_count: int | None
    ) -> Json:
        """Replace a code cell's outputs after it ran. Raises StaleCellError, NotFoundError."""
        operation = {"op": "outputs", "cell_id": cell_id, "expected": expected}
        return await self._apply(
            {**operation, "outputs": outputs, "execution_count": execution_count}
        )

    async def run(
        self,
        cell: Cell,
        kernel: Kernel,
        *,
        timeout: float,
        on_output: OnOutput,
        on_start: Callable[[], Awaitable[None]],
    ) -> ExecutionResult | None:
        """Let the page that shows the notebook run a cell (abilities.RunsCells)."""
        page = self._attachment
        if page is None or not isinstance(kernel, Follows) or not page.runs(kernel.kernel_id):
            return None
        if await self._documents.mirror(self.path) is not None:
            return None  # who sends the request writes the outputs: that is the server here
        try:
            return await page.run(
                cell, kernel, timeout=timeout, on_output=on_output, on_start=on_start
            )
        except LapsedError:
            raise
        except PageError:
            return None

    # ------------------------------------------------------------ ways

    async def _way(self) -> _Way:
        mirror = await self._documents.mirror(self.path)
        if mirror is not None:
            return SharedNotebook(mirror, self.path)
        if self._attachment is not None and self._attachment.showing():
            return AttachedNotebook(self.path, self._attachment)
        return _File(self._file, self._attachment)

    async def _apply(self, operation: Json) -> Json:
        for _ in range(SWITCHES):
            way = await self._way()
            try:
                change = await way.apply(operation)
                if isinstance(way, SharedNotebook) and way.abandoned():
                    return await self._keep(operation, change)
                return change
            except LapsedError as lapsed:
                if (settled := await self._settle(operation, lapsed)) is not None:
                    return settled
            except PageError:
                if not isinstance(way, AttachedNotebook) or way.showing():
                    raise
        raise PageError(f"No page made the change of {self.path!r}, and its file is not free.")

    async def _keep(self, operation: Json, change: Json) -> Json:
        """See to it that a change of a document that nobody has open reaches the file.

        The server drops such a document after a while, and what it has not saved by then.
        """
        deadline = time.monotonic() + KEEP_SECONDS
        while time.monotonic() < deadline:
            gone = await self._documents.mirror(self.path) is None
            cells = await self._file.cells()
            found = evidence(operation, cells)
            if operation["op"] == "insert" and found == "open":  # ids may not be in the file
                digest = source_hash(operation["source"])
                found = "applied" if any(c.hash == digest for c in cells) else "open"
            if found == "applied":
                return change
            if gone:
                return change if found == "other" else await self._apply(operation)
            await asyncio.sleep(0.1)
        return change

    async def _settle(self, operation: Json, lapsed: LapsedError) -> Json | None:
        """Return the change if the cells show that it was made, None if it may be made anew."""
        try:
            told = await self._attachment.read_again() if self._attachment else None
            cells = await self.cells() if told is None else to_cells(told)
        except AgentError:
            raise lapsed from None
        found = evidence(operation, cells)
        cell = next((c for c in cells if c.cell_id == operation["cell_id"]), None)
        if found == "applied":
            after = to_image(cell) if cell is not None else None
            return change_of(self.path, operation["cell_id"], lapsed.details.get("before"), after)
        if found == "open":
            return None
        if cell is None:
            raise lapsed
        raise StaleCellError(
            f"Cell {cell.cell_id!r} has changed since it was read.",
            cell_id=cell.cell_id,
            source=cell.source,
            hash=cell.hash,
        )


class _File:
    """The file as a way of its own: free only where no page of ours shows the notebook."""

    def __init__(self, file: ContentsNotebook, attachment: Attachment | None) -> None:
        self._file = file
        self._attachment = attachment

    async def cells(self) -> list[Cell]:
        return await self._file.cells()

    async def apply(self, operation: Json) -> Json:
        """Write, after waiting for a page that is being closed to let its kernel go."""
        deadline = time.monotonic() + CLOSING_SECONDS
        while True:
            shown = self._attachment is not None and self._attachment.shown()
            try:
                if shown and time.monotonic() >= deadline:
                    raise PageError("The page that shows the notebook does not answer.")
                if not shown:
                    return await self._write(operation)
            except OpenElsewhereError:
                if self._attachment is None or not self._attachment.left_lately():
                    raise
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(0.05)

    async def _write(self, operation: Json) -> Json:
        cell_id, file = operation["cell_id"], self._file
        if operation["op"] == "insert":
            return await file.insert(
                operation["source"], cell_type=operation["cell_type"], after=operation["after"]
            )
        expected = operation["expected"]
        if operation["op"] == "replace":
            return await file.edit(cell_id, expected, operation["source"])
        if operation["op"] == "delete":
            return await file.delete(cell_id, expected)
        return await file.write_outputs(
            cell_id, expected, operation["outputs"], operation["execution_count"]
        )

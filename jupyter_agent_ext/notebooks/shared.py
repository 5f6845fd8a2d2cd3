"""A notebook that is open as a shared document (jupyter-collaboration and its like) (floor 1)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from ..errors import BadRequestError, PageError
from ..operations import change_of, joined
from ..records import Cell, Json
from .cells import expect, find, new_cell
from .mirror import Mirror

ORIGIN: Final = "jupyter_agent_ext"
SETTING: Final = "jupyter_server_ydoc"
BUSY_SECONDS: Final = 10.0


class Documents:
    """The shared documents of this server, found at use: their extension starts after ours."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.trusted: dict[str, str] = {}  # the hash of the file that was found trusted
        self._settings = settings
        self._mirrors: dict[str, Mirror] = {}

    async def mirror(self, path: str) -> Mirror | None:
        """Return the mirror of the document at `path`, None where it is not open as one."""
        for other in [p for p in self._mirrors if p != path]:
            self._known(other, await self._document(other))
        document = await self._document(path)
        known = self._known(path, document)
        if document is None or known is not None:
            return known
        if not hasattr(document, "ycells"):
            return None
        mirror = self._mirrors[path] = Mirror(document)
        return mirror

    async def _document(self, path: str) -> Any:
        extension = self._settings.get(SETTING)
        if extension is None:
            return None
        return await extension.get_document(
            path=path, content_type="notebook", file_format="json", copy=False
        )

    def _known(self, path: str, document: Any) -> Mirror | None:
        """Return the mirror of just this document; drop one of a document that was closed."""
        known = self._mirrors.get(path)
        if known is not None and known.document is not document:
            self._mirrors.pop(path).close()
            self.trusted.pop(path, None)
            return None
        return known


Images = tuple[Json | None, Json | None]
"""A cell before and after: its index and its nbformat dict."""


class SharedNotebook:
    """The cells of one shared document; each write is one transaction of our own origin."""

    def __init__(self, mirror: Mirror, path: str) -> None:
        self._mirror = mirror
        self._path = path

    def abandoned(self) -> bool:
        """Say whether nobody has the document open any more."""
        return self._mirror.abandoned()

    async def cells(self) -> list[Cell]:
        """Return all cells in order, as everybody who has it open sees them."""
        return await self._mirror.cells()

    async def apply(self, operation: Json) -> Json:
        """Make one change (docs/socket.md). Raises NotFoundError, StaleCellError."""
        kinds: dict[str, Callable[[Json, list[Cell]], Images]] = {
            "insert": self._insert,
            "replace": self._replace,
            "delete": self._delete,
            "outputs": self._outputs,
        }
        before, after = await self._transact(lambda cells: kinds[operation["op"]](operation, cells))
        return change_of(self._path, operation["cell_id"], before, after)

    async def _transact(self, change: Callable[[list[Cell]], Images]) -> Images:
        """Check and change within one step of the event loop: nobody's edit comes in between."""
        deadline = time.monotonic() + BUSY_SECONDS
        while time.monotonic() < deadline:
            await self._mirror.cells()
            cells = self._mirror.now()
            if cells is None:
                continue
            try:
                transaction = self._mirror.document.ydoc.transaction(origin=ORIGIN)
            except RuntimeError:  # the server itself is setting the content, over many steps
                await asyncio.sleep(0.01)
                continue
            with transaction:
                return change(cells)
        raise PageError(f"The shared document {self._path!r} was busy for {BUSY_SECONDS:g} s.")

    def _at(self, operation: Json, cells: list[Cell]) -> tuple[int, Any]:
        """Return a cell's index and its shared map, if its source is the expected one."""
        cell_id = operation["cell_id"]
        index = find([cell.cell_id for cell in cells], cell_id)
        shared = self._mirror.shared(index)
        expect({"source": str(shared["source"])}, cell_id, operation["expected"])
        return index, shared

    def _insert(self, operation: Json, cells: list[Cell]) -> Images:
        after, ids = operation["after"], [cell.cell_id for cell in cells]
        index = 0 if after is None else find(ids, after) + 1
        cell = new_cell(operation["source"], operation["cell_type"], ids, with_id=False)
        cell["id"] = operation["cell_id"]
        document = self._mirror.document
        document.ycells.insert(index, document.create_ycell(cell))
        return None, {"index": index, "cell": cell}

    def _replace(self, operation: Json, cells: list[Cell]) -> Images:
        index, shared = self._at(operation, cells)
        before = self._image(index)
        splice(shared["source"], operation["source"])
        return before, self._image(index)

    def _delete(self, operation: Json, cells: list[Cell]) -> Images:
        index, _ = self._at(operation, cells)
        before = self._image(index)
        del self._mirror.document.ycells[index]
        return before, None

    def _outputs(self, operation: Json, cells: list[Cell]) -> Images:
        index, shared = self._at(operation, cells)
        if cells[index].type != "code":
            raise BadRequestError(f"Cell {operation['cell_id']!r} has no outputs: it is no code.")
        before = self._image(index)
        shared["execution_count"] = operation["execution_count"]
        shared["metadata"]["trusted"] = True  # it ran here; saving takes the mark off again
        outputs = shared["outputs"]
        outputs.clear()
        outputs.extend([_shared_output(output) for output in operation["outputs"]])
        return before, self._image(index)

    def _image(self, index: int) -> Json:
        cell = self._mirror.document.get_cell(index)
        cell["metadata"].pop("trusted", None)
        return {"index": index, "cell": cell}


def splice(text: Any, new: str) -> None:
    """Turn a shared text into `new` by one replacement that touches only what differs.

    So cursors stay where they are, and what somebody types elsewhere in it is merged.
    """
    old = str(text)
    start = 0
    limit = min(len(old), len(new))
    while start < limit and old[start] == new[start]:
        start += 1
    end = 0
    while end < limit - start and old[-1 - end] == new[-1 - end]:
        end += 1
    at = len(old[:start].encode())
    gone = len(old[start : len(old) - end].encode())
    if gone:
        del text[at : at + gone]
    if start < len(new) - end:
        text.insert(at, new[start : len(new) - end])


def _shared_output(output: Json) -> Any:
    """Return an output as shared documents keep it: the text of a stream can grow."""
    from pycrdt import Map, Text

    if output["output_type"] != "stream":
        return Map(output)
    return Map({**output, "text": Text(joined(output["text"]))})

"""A closed notebook, read and written through the server's contents manager (floor 1).

The file is read anew for each call, and a write saves it as JupyterLab does. Nothing but the
named cell changes. That rules out a silent upgrade: a notebook older than nbformat 4.5 stays
what it is, its cells get ids derived from their sources (`cells.address`), which the file never
shows; so there a cell that is edited has a new id afterwards, the one in the change. A notebook
whose format or ids the contents manager would repair on saving is read, but not written.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import nbformat
from tornado.web import HTTPError

from ..errors import BadRequestError, ConflictError, OpenElsewhereError
from ..operations import source_hash
from ..records import Cell, Json
from .cells import address, expect, find, has_ids, new_cell, to_cell
from .elsewhere import OpenElsewhere, never
from .parsing import keeps_text, looks_safe, parse
from .paths import ask, relative, translated, visible

__all__ = ["ContentsNotebook", "source_hash"]


LOOKS: Final = 5
LOOK_SECONDS: Final = 0.05


@dataclass(slots=True)
class _Reading:
    """What was read: the notebook, the ids of its cells, and what tells if the file changed.

    `repairs` says what saving would change beyond a cell, or is empty.
    """

    notebook: Any
    ids: list[str]
    stamp: tuple[Any, ...]
    repairs: str


class ContentsNotebook:
    """The cells of a notebook file; a `protocols.Notebook`.

    `open_elsewhere` forbids writing while it says so; `lock` is shared by all objects for
    one path, so that their writes wait for each other.
    """

    def __init__(
        self,
        contents_manager: Any,
        path: str,
        *,
        open_elsewhere: OpenElsewhere = never,
        lock: asyncio.Lock | None = None,
    ) -> None:
        self._contents = contents_manager
        self._path = relative(path)
        self._open_elsewhere = open_elsewhere
        self._lock = lock or asyncio.Lock()
        self._looked: _Reading | None = None

    @property
    def path(self) -> str:
        """The path under the server's root."""
        return self._path

    async def check(self) -> None:
        """Raise NotFoundError if there is no such file, BadRequestError if it is no notebook."""
        with translated(self._path):
            await visible(self._contents, self._path)
            model = await ask(self._contents.get(self._path, content=False))
        if model["type"] != "notebook":
            await self._read()

    async def cells(self) -> list[Cell]:
        """Return all cells in order. Raises NotFoundError, BadRequestError."""
        reading = await self._look()
        return await asyncio.to_thread(_cells, reading)

    async def trusted(self) -> bool:
        """Say whether the server trusts the outputs: signed, or none that could do harm."""
        notary, notebook = self._contents.notary, (await self._look()).notebook
        signature = await asyncio.to_thread(notary.compute_signature, notebook)
        signed = notary.store.check_signature(signature, notary.algorithm)
        return await asyncio.to_thread(looks_safe, notary, notebook, signed=signed)

    async def digest(self) -> str | None:
        """Return the hash of the file's text, None where the manager keeps no text."""
        with translated(self._path):
            await visible(self._contents, self._path)
            stamp, text = await self._stamp()
        return None if text is None else str(stamp[0])

    async def insert(self, source: str, *, cell_type: str, after: str | None) -> Json:
        """Insert a cell after the cell with id `after` (None: at the top)."""

        def apply(notebook: Any, ids: list[str]) -> tuple[int, Json | None]:
            index = 0 if after is None else find(ids, after) + 1
            cell = new_cell(source, cell_type, ids, with_id=has_ids(notebook))
            notebook["cells"].insert(index, cell)
            return index, None

        return await self._write(apply)

    async def edit(self, cell_id: str, expected: str, source: str) -> Json:
        """Replace a cell's source; its outputs stay. Raises StaleCellError, NotFoundError."""

        def change(cell: Json) -> None:
            cell["source"] = source

        return await self._write_cell(cell_id, expected, change)

    async def delete(self, cell_id: str, expected: str) -> Json:
        """Delete a cell. Raises StaleCellError, NotFoundError."""

        def apply(notebook: Any, ids: list[str]) -> tuple[int, Json | None]:
            index = find(ids, cell_id)
            expect(notebook["cells"][index], cell_id, expected)
            return index, _image(index, notebook["cells"].pop(index))

        return await self._write(apply, deleted=cell_id)

    async def write_outputs(
        self, cell_id: str, expected: str, outputs: list[Json], execution_count: int | None
    ) -> Json:
        """Replace a code cell's outputs after it ran; as in JupyterLab they are trusted then.

        Raises BadRequestError if the cell is no code cell or an output is not valid nbformat.
        """

        def change(cell: Json) -> None:
            if cell["cell_type"] != "code":
                raise BadRequestError(f"Cell {cell_id!r} is not a code cell: it has no outputs.")
            cell["outputs"] = deepcopy(outputs)
            cell["execution_count"] = execution_count
            cell["metadata"]["trusted"] = True

        return await self._write_cell(cell_id, expected, change)

    # ---------------------------------------------------------------- reading

    async def _look(self) -> _Reading:
        """Return what is read only; look again at a file that somebody is writing just now."""
        for _ in range(LOOKS - 1):
            try:
                return await self._look_once()
            except BadRequestError:
                await asyncio.sleep(LOOK_SECONDS)
        return await self._look_once()

    async def _look_once(self) -> _Reading:
        """Return what is read only: parsed in a thread, and once as long as the file is the same.

        A long notebook costs seconds to parse, which the contents manager spends on the loop.
        """
        if not keeps_text(self._contents):
            return await self._read()
        with translated(self._path):
            await visible(self._contents, self._path)
            stamp, text = await self._stamp()
        if text is None:
            return await self._read()
        if self._looked is None or self._looked.stamp != stamp:
            notebook = await asyncio.to_thread(parse, text)
            ids, repairs = await asyncio.to_thread(_examine, notebook, text)
            self._looked = _Reading(notebook, ids, stamp, repairs)
        return self._looked

    async def _read(self) -> _Reading:
        try:
            with translated(self._path):
                await visible(self._contents, self._path)
                stamp, text = await self._stamp()
                model = await ask(self._contents.get(self._path, content=True, type="notebook"))
        except BadRequestError as error:
            raise BadRequestError(
                f"{self._path!r} is not a notebook that can be read.",
                hint="Name a notebook file; opened in JupyterLab it shows what is wrong.",
            ) from error
        notebook = model["content"]
        ids, repairs = await asyncio.to_thread(_examine, notebook, text)
        return _Reading(notebook, ids, stamp, repairs)

    async def _stamp(self) -> tuple[tuple[Any, ...], str | None]:
        """Return what changes whenever the file does, and its text where that can be had.

        The text's hash is best: a modification time is only as fine as the file system's
        clock. A manager that keeps no text of its notebooks has to do with the time.
        """
        try:
            model = await ask(self._contents.get(self._path, type="file", format="text"))
            text = model["content"]
        except HTTPError as error:
            if error.status_code not in (400, 404):
                raise
            text = None
        if not isinstance(text, str):
            model = await ask(self._contents.get(self._path, content=False))
            return (model["last_modified"], model.get("size")), None
        digest = await asyncio.to_thread(_digest, text)
        return (digest,), text

    # ---------------------------------------------------------------- writing

    async def _write_cell(
        self, cell_id: str, expected: str, change: Callable[[Json], None]
    ) -> Json:
        def apply(notebook: Any, ids: list[str]) -> tuple[int, Json | None]:
            index = find(ids, cell_id)
            cell = notebook["cells"][index]
            expect(cell, cell_id, expected)
            before = _image(index, cell)
            change(cell)
            return index, before

        return await self._write(apply)

    async def _write(
        self,
        apply: Callable[[Any, list[str]], tuple[int, Json | None]],
        *,
        deleted: str | None = None,
    ) -> Json:
        """Read, apply, validate the cell, and save unless the file changed meanwhile."""
        async with self._lock:
            if await self._open_elsewhere(self._path):
                raise OpenElsewhereError(
                    f"The notebook {self._path!r} is open elsewhere, so its file is not written."
                )
            reading = await self._read()
            if reading.repairs:
                raise ConflictError(
                    f"The notebook {self._path!r} is not written: {reading.repairs}",
                    hint="Ask the user to open it in JupyterLab and to save it once.",
                )
            notebook = reading.notebook
            index, before = apply(notebook, reading.ids)
            after = digest = None
            cell_id = deleted
            if deleted is None:
                _validate(notebook, index)
                after = _image(index, notebook["cells"][index])
                cell_id = _ids(notebook)[index]
                digest = source_hash(notebook["cells"][index]["source"])
            with translated(self._path):
                stamp, _ = await self._stamp()
                if stamp != reading.stamp:
                    raise ConflictError(f"The notebook {self._path!r} changed on disk just now.")
                await _finish(self._save(notebook))
        return {
            "kind": "cell",
            "path": self._path,
            "cell_id": cell_id,
            "hash": digest,
            "before": before,
            "after": after,
        }

    async def _save(self, notebook: Any) -> None:
        model = {"type": "notebook", "format": "json", "content": notebook}
        await ask(self._contents.save(model, self._path))


async def _finish(saving: Any) -> None:
    """Let a save end, also when the caller is cancelled: half a file helps nobody."""
    task = asyncio.ensure_future(saving)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _cells(reading: _Reading) -> list[Cell]:
    pairs = zip(reading.notebook["cells"], reading.ids, strict=True)
    return [to_cell(cell, cell_id, index) for index, (cell, cell_id) in enumerate(pairs)]


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _ids(notebook: Any) -> list[str]:
    cells = notebook["cells"]
    return address(cells, [c.get("id") for c in cells] if has_ids(notebook) else None)


def _examine(notebook: Any, text: str | None) -> tuple[list[str], str]:
    """Return the ids of the cells as the file has them, and what saving would repair."""
    if "orig_nbformat" in notebook["metadata"]:
        return address(notebook["cells"], None), "saving would convert its old format."
    if not has_ids(notebook):
        return _ids(notebook), ""
    try:
        raw = [cell.get("id") for cell in json.loads(text)["cells"]] if text else None
    except (ValueError, TypeError, KeyError, AttributeError):
        raw = None  # the manager keeps this notebook in a text format of its own
    if raw is None or len(raw) != len(notebook["cells"]):
        return _ids(notebook), ""
    ids = address(notebook["cells"], raw)
    return ids, "" if ids == raw else "some of its cells have no id or the id of another."


def _validate(notebook: Any, index: int) -> None:
    """Check the one cell that changes; what else is wrong with a notebook is not ours."""
    alone = {
        "nbformat": notebook["nbformat"],
        "nbformat_minor": notebook["nbformat_minor"],
        "metadata": {},
        "cells": [deepcopy(notebook["cells"][index])],
    }
    try:
        json.dumps(alone, ensure_ascii=False).encode()
        nbformat.validate(alone)
    except (nbformat.ValidationError, UnicodeEncodeError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadRequestError(f"That is not a valid notebook cell: {reason}") from error


def _image(index: int, cell: Json) -> Json:
    """Return a cell as it lies in the file, without the mark of trust of this reading."""
    copy = json.loads(json.dumps(cell))
    copy["metadata"].pop("trusted", None)
    return {"index": index, "cell": copy}

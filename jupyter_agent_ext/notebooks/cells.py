"""Cells of an nbformat 4 notebook dict: their ids, their hashes, one new cell (floor 1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

from ..errors import BadRequestError, NotFoundError, StaleCellError
from ..operations import source_hash
from ..records import Cell, Json

CELL_TYPES: Final = ("code", "markdown", "raw")


def has_ids(notebook: Json) -> bool:
    """Say whether the notebook's format knows cell ids (nbformat 4.5 and later)."""
    return (notebook["nbformat"], notebook["nbformat_minor"]) >= (4, 5)


def address(cells: Sequence[Json], ids: Sequence[Any] | None) -> list[str]:
    """Return one id for each cell: the file's own, else one derived from the source.

    `ids` are the ids as the file has them, None where the format has none. A missing or
    repeated one is derived, as `src-<hash>-<n>`: the n-th cell with that source. So it stays
    the same while other cells come and go, and changes when the cell's own source does.
    """
    own = [i if isinstance(i, str) and i else None for i in ids] if ids else [None] * len(cells)
    found: list[str] = []
    seen: set[str] = set()
    copies: Counter[str] = Counter()
    for cell, cell_id in zip(cells, own, strict=True):
        digest = source_hash(cell["source"])
        copies[digest] += 1
        if cell_id is None or cell_id in seen:
            cell_id = f"src-{digest}-{copies[digest]}"
        seen.add(cell_id)
        found.append(cell_id)
    return found


def to_cell(cell: Json, cell_id: str, index: int) -> Cell:
    """Return the record of one cell."""
    source = cell["source"]
    return Cell(
        cell_id=cell_id,
        type=cell["cell_type"],
        source=source,
        hash=source_hash(source),
        index=index,
        execution_count=cell.get("execution_count"),
        outputs=list(cell.get("outputs", ())),
    )


def find(ids: Sequence[str], cell_id: str) -> int:
    """Return the cell's index. Raises NotFoundError."""
    try:
        return ids.index(cell_id)
    except ValueError:
        raise NotFoundError(
            f"The notebook has no cell {cell_id!r}.",
            hint="Read the notebook again; the cell may have been deleted.",
        ) from None


def expect(cell: Json, cell_id: str, expected: str) -> None:
    """Raise StaleCellError unless `expected` is the hash of the cell's present source."""
    source = cell["source"]
    actual = source_hash(source)
    if actual != expected:
        raise StaleCellError(
            f"Cell {cell_id!r} has changed since it was read.",
            cell_id=cell_id,
            source=source,
            hash=actual,
        )


def new_cell(source: str, cell_type: str, ids: Sequence[str], *, with_id: bool) -> Json:
    """Return a cell dict with an id that is not in `ids`. Raises BadRequestError."""
    if cell_type not in CELL_TYPES:
        raise BadRequestError(
            f"There is no cell type {cell_type!r}.", hint=f"Use one of {', '.join(CELL_TYPES)}."
        )
    cell: Json = {"cell_type": cell_type, "metadata": {}, "source": source}
    if cell_type == "code":
        cell |= {"execution_count": None, "outputs": []}
    if with_id:
        cell["id"] = next(i for i in iter(lambda: uuid4().hex[:8], None) if i not in ids)
    return cell

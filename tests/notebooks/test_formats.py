"""Notebooks of older formats, broken ones, and files that are none."""

from __future__ import annotations

import json

import pytest

from jupyter_agent_ext.errors import BadRequestError, ConflictError
from jupyter_agent_ext.notebooks.contents import ContentsNotebook, source_hash

from .conftest import code, notebook, sample, written


async def test_a_notebook_before_4_5_keeps_its_format(contents, root):
    path = root / "old.ipynb"
    path.write_bytes(written(sample(minor=4)))
    book = ContentsNotebook(contents, "old.ipynb")
    first, again = await book.cells(), await book.cells()
    assert [c.cell_id for c in first] == [c.cell_id for c in again]
    assert len({c.cell_id for c in first}) == 5
    change = await book.insert("new", cell_type="code", after=first[0].cell_id)
    edited = await book.edit(first[2].cell_id, first[2].hash, "plot(2)")
    expected = sample(minor=4)
    expected["cells"][2]["source"] = ["plot(2)"]
    expected["cells"].insert(1, code(None, "new"))
    assert path.read_bytes() == written(expected)
    now = await book.cells()
    assert now[1].cell_id == change["cell_id"]
    assert now[3].cell_id == edited["cell_id"] != first[2].cell_id
    assert now[4].cell_id == first[3].cell_id, "other cells keep their derived ids"


async def test_equal_cells_without_ids_are_told_apart(contents, root):
    path = root / "old.ipynb"
    path.write_bytes(written(notebook(*[code(None, "x += 1")] * 3, minor=2)))
    book = ContentsNotebook(contents, "old.ipynb")
    second = (await book.cells())[1]
    await book.edit(second.cell_id, second.hash, "y")
    assert [c.source for c in await book.cells()] == ["x += 1", "y", "x += 1"]


@pytest.mark.filterwarnings("ignore::nbformat.warnings.MissingIDFieldWarning")
@pytest.mark.filterwarnings("ignore::nbformat.warnings.DuplicateCellId")
@pytest.mark.parametrize("ids", [("a", None, "b"), ("a", "a", "b")])
async def test_ids_that_saving_would_repair_are_read_but_not_written(contents, root, ids):
    path = root / "nb.ipynb"
    path.write_bytes(written(notebook(*(code(i, f"n = {n}") for n, i in enumerate(ids)))))
    before = path.read_bytes()
    book = ContentsNotebook(contents, "nb.ipynb")
    first, again = await book.cells(), await book.cells()
    assert [c.cell_id for c in first] == [c.cell_id for c in again]
    assert (first[0].cell_id, first[2].cell_id) == ("a", "b")
    with pytest.raises(ConflictError, match="no id or the id of another") as caught:
        await book.edit("b", source_hash("n = 2"), "x")
    assert "save it once" in caught.value.hint
    assert path.read_bytes() == before


async def test_a_version_3_notebook_is_read_but_not_converted(contents, root):
    path = root / "v3.ipynb"
    cell = {
        "cell_type": "code",
        "collapsed": False,
        "input": ["x = 1"],
        "language": "python",
        "metadata": {},
        "outputs": [],
        "prompt_number": 1,
    }
    path.write_text(
        json.dumps(
            {
                "metadata": {"name": ""},
                "nbformat": 3,
                "nbformat_minor": 0,
                "worksheets": [{"cells": [cell], "metadata": {}}],
            }
        )
    )
    before = path.read_bytes()
    book = ContentsNotebook(contents, "v3.ipynb")
    (read,) = await book.cells()
    assert read.source == "x = 1"
    assert read.cell_id == (await book.cells())[0].cell_id
    with pytest.raises(ConflictError, match="convert"):
        await book.edit(read.cell_id, read.hash, "y")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("empty.ipynb", b""),
        ("no.ipynb", b"[1, 2]"),
        ("bin.ipynb", b"\xff\xfe\x00"),
        ("t.txt", b"t"),
    ],
)
async def test_what_is_no_notebook_is_a_bad_request(contents, root, name, body):
    (root / name).write_bytes(body)
    with pytest.raises(BadRequestError, match="not a notebook") as caught:
        await ContentsNotebook(contents, name).cells()
    assert str(root) not in str(caught.value)

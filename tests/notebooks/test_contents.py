"""A closed notebook through real contents managers: nothing but the named cell changes."""

from __future__ import annotations

import asyncio
import json
import os
from copy import deepcopy

import pytest
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError

from jupyter_agent_ext.errors import (
    AgentError,
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    StaleCellError,
)
from jupyter_agent_ext.notebooks.contents import ContentsNotebook, source_hash
from jupyter_agent_ext.protocols import Notebook

from .conftest import code, markdown, sample, written


@pytest.fixture
def path(root):
    (root / "nb.ipynb").write_bytes(written(sample()))
    return root / "nb.ipynb"


def hash_of(cell):
    return source_hash("".join(cell["source"]))


async def test_it_is_a_notebook_of_the_contract(contents, path):
    assert isinstance(ContentsNotebook(contents, "nb.ipynb"), Notebook)


async def test_cells_come_in_order_with_ids_and_hashes(contents, path):
    cells = await ContentsNotebook(contents, "/nb.ipynb".lstrip("/")).cells()
    assert [c.cell_id for c in cells] == ["intro", "load", "plot", "json", "last"]
    assert [c.index for c in cells] == [0, 1, 2, 3, 4]
    assert cells[1].source == "import pandas as pd\ndf = pd.read_csv('sales.csv')\ndf"
    assert cells[1].hash == source_hash(cells[1].source)
    assert len(cells[1].hash) == 16
    assert (cells[1].type, cells[1].execution_count) == ("code", 3)
    assert cells[1].outputs[0]["text"] == "one\ntwo\n"
    assert cells[0].outputs == []


async def test_reading_leaves_the_file_as_it_is(contents, path):
    before = path.read_bytes()
    book = ContentsNotebook(contents, "nb.ipynb")
    await book.cells()
    await book.trusted()
    assert path.read_bytes() == before


async def test_an_edit_changes_that_source_and_nothing_else(contents, path):
    book = ContentsNotebook(contents, "nb.ipynb")
    change = await book.edit("load", (await book.cells())[1].hash, "x = 1\ny = 'é'\n")
    expected = sample()
    expected["cells"][1]["source"] = ["x = 1\n", "y = 'é'\n"]
    assert path.read_bytes() == written(expected)
    assert (change["kind"], change["path"], change["cell_id"]) == ("cell", "nb.ipynb", "load")
    assert change["before"]["index"] == change["after"]["index"] == 1
    assert change["after"]["cell"]["source"] == "x = 1\ny = 'é'\n"
    assert change["hash"] == source_hash("x = 1\ny = 'é'\n") == (await book.cells())[1].hash
    assert change["before"]["cell"]["source"].startswith("import pandas")
    assert "trusted" not in change["before"]["cell"]["metadata"]
    assert change["after"]["cell"]["outputs"] == change["before"]["cell"]["outputs"] != []
    json.dumps(change)


async def test_an_inserted_cell_stands_after_the_named_one(contents, path):
    book = ContentsNotebook(contents, "nb.ipynb")
    change = await book.insert("z = 3", cell_type="code", after="intro")
    expected = sample()
    expected["cells"].insert(1, code(change["cell_id"], "z = 3"))
    assert path.read_bytes() == written(expected)
    assert change["before"] is None
    assert change["after"]["index"] == 1


async def test_a_cell_is_inserted_at_the_top_without_a_name(contents, path):
    book = ContentsNotebook(contents, "nb.ipynb")
    change = await book.insert("# Title", cell_type="markdown", after=None)
    expected = sample()
    expected["cells"].insert(0, markdown(change["cell_id"], "# Title"))
    assert path.read_bytes() == written(expected)


async def test_a_deleted_cell_is_gone_and_the_change_holds_it(contents, path):
    book = ContentsNotebook(contents, "nb.ipynb")
    change = await book.delete("plot", source_hash("plot()"))
    expected = sample()
    gone = expected["cells"].pop(2)
    assert path.read_bytes() == written(expected)
    assert (change["cell_id"], change["hash"], change["after"]) == ("plot", None, None)
    assert change["before"]["index"] == 2
    assert (
        change["before"]["cell"]["outputs"][0]["data"]["image/png"]
        == (gone["outputs"][0]["data"]["image/png"])
    )


async def test_outputs_are_written_as_jupyterlab_would(contents, path):
    book = ContentsNotebook(contents, "nb.ipynb")
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "a\nb\n"},
        {
            "output_type": "execute_result",
            "execution_count": 9,
            "metadata": {},
            "data": {"text/plain": "5", "text/html": "<b>5</b>"},
        },
    ]
    await book.write_outputs("plot", source_hash("plot()"), outputs, 9)
    expected = sample()
    cell = expected["cells"][2]
    cell["execution_count"] = 9
    cell["outputs"] = deepcopy(outputs)
    cell["outputs"][0]["text"] = ["a\n", "b\n"]
    cell["outputs"][1]["data"] = {"text/plain": ["5"], "text/html": ["<b>5</b>"]}
    assert path.read_bytes() == written(expected)


async def test_invalid_outputs_are_refused_and_the_file_stays(contents, path):
    before = path.read_bytes()
    book = ContentsNotebook(contents, "nb.ipynb")
    with pytest.raises(BadRequestError, match="not a valid notebook cell"):
        await book.write_outputs(
            "plot", source_hash("plot()"), [{"output_type": "stream", "text": "no name"}], 1
        )
    with pytest.raises(BadRequestError, match="not a code cell"):
        await book.write_outputs("last", source_hash(""), [], 1)
    with pytest.raises(BadRequestError):
        await book.edit("plot", source_hash("plot()"), "half a pair: \ud800")
    with pytest.raises(BadRequestError, match="no cell type"):
        await book.insert("x", cell_type="heading", after=None)
    assert path.read_bytes() == before


async def test_a_stale_write_is_refused_with_todays_source(contents, path):
    before = path.read_bytes()
    book = ContentsNotebook(contents, "nb.ipynb")
    for attempt in (
        book.edit("plot", source_hash("older"), "new"),
        book.delete("plot", source_hash("older")),
        book.write_outputs("plot", source_hash("older"), [], 1),
    ):
        with pytest.raises(StaleCellError) as caught:
            await attempt
        assert caught.value.details["source"] == "plot()"
        assert caught.value.details["hash"] == source_hash("plot()")
    assert path.read_bytes() == before


async def test_an_unknown_cell_is_not_found(contents, path):
    book = ContentsNotebook(contents, "nb.ipynb")
    for attempt in (
        book.edit("nope", "", "x"),
        book.delete("nope", ""),
        book.insert("x", cell_type="code", after="nope"),
        book.write_outputs("nope", "", [], None),
    ):
        with pytest.raises(NotFoundError, match="nope"):
            await attempt


class Meddled(AsyncLargeFileManager):
    """A manager whose file somebody else writes right after it was read as a notebook.

    `keep_time` leaves the modification time as it was, as a coarse clock would.
    """

    meddle = None

    async def get(self, path, content=True, type=None, **kwargs):  # noqa: A002
        model = await super().get(path, content=content, type=type, **kwargs)
        if type == "notebook" and self.meddle:
            meddle, self.meddle = self.meddle, None
            meddle()
        return model


class Textless(Meddled):
    """A manager that does not give the text of a notebook."""

    async def get(self, path, content=True, type=None, **kwargs):  # noqa: A002
        if type == "file":
            raise HTTPError(400, "not a file")
        return await super().get(path, content=content, type=type, **kwargs)


@pytest.mark.parametrize("manager", [Meddled, Textless])
async def test_a_file_that_changed_meanwhile_is_not_overwritten(manager, tmp_path, jp_environ):
    path = tmp_path / "nb.ipynb"
    path.write_bytes(written(sample()))
    theirs = sample()
    theirs["cells"].pop()
    contents = manager(root_dir=str(tmp_path))
    contents.meddle = lambda: path.write_bytes(written(theirs))
    book = ContentsNotebook(contents, "nb.ipynb")
    with pytest.raises(ConflictError, match="changed on disk"):
        await book.edit("plot", source_hash("plot()"), "mine")
    assert path.read_bytes() == written(theirs)
    await book.edit("plot", source_hash("plot()"), "mine")
    assert json.loads(path.read_bytes())["cells"][2]["source"] == ["mine"]


async def test_a_change_within_one_tick_of_the_clock_is_seen(tmp_path, jp_environ):
    path = tmp_path / "nb.ipynb"
    path.write_bytes(written(sample()))
    theirs = written(sample()).replace(b"plot()", b"show()")
    stat = path.stat()

    def meddle():
        path.write_bytes(theirs)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    contents = Meddled(root_dir=str(tmp_path))
    contents.meddle = meddle
    with pytest.raises(ConflictError):
        await ContentsNotebook(contents, "nb.ipynb").edit("last", source_hash(""), "mine")
    assert path.read_bytes() == theirs


async def test_concurrent_edits_with_one_lock_all_arrive(contents, path):
    lock = asyncio.Lock()
    books = [ContentsNotebook(contents, "nb.ipynb", lock=lock) for _ in range(8)]
    await asyncio.gather(
        *(b.insert(f"n = {i}", cell_type="code", after="intro") for i, b in enumerate(books))
    )
    sources = [c.source for c in await books[0].cells()]
    assert len(sources) == 13
    assert {f"n = {i}" for i in range(8)} <= set(sources)


async def test_a_cancelled_write_leaves_a_whole_file(tmp_path, jp_environ):
    path = tmp_path / "nb.ipynb"
    path.write_bytes(written(sample()))
    reached = asyncio.Event()
    go_on = asyncio.Event()

    class Slow(AsyncLargeFileManager):
        async def save(self, model, path=""):
            reached.set()
            await go_on.wait()
            return await super().save(model, path)

    book = ContentsNotebook(Slow(root_dir=str(tmp_path)), "nb.ipynb")
    write = asyncio.create_task(book.edit("last", source_hash(""), "done"))
    await asyncio.wait_for(reached.wait(), 5)
    write.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await write
    expected = sample()
    expected["cells"][4]["source"] = ["done"]
    assert path.read_bytes() == written(expected)


@pytest.mark.parametrize("bad", ["../nb.ipynb", "/etc/x.ipynb", "a/../../x.ipynb", "C:/x.ipynb"])
async def test_a_path_out_of_the_root_is_forbidden(contents, bad):
    with pytest.raises(ForbiddenError):
        ContentsNotebook(contents, bad)


async def test_a_file_that_cannot_be_written_is_an_error_and_stays(tmp_path, jp_environ):
    path = tmp_path / "nb.ipynb"
    path.write_bytes(written(sample()))
    before = path.read_bytes()

    class Full(AsyncLargeFileManager):
        async def _save_notebook(self, os_path, nb, capture_validation_error=None):
            async with self.atomic_writing(os_path, encoding="utf-8") as f:
                f.write("{")
                raise OSError(28, "No space left on device")

    with pytest.raises(AgentError, match="could not be read or written") as caught:
        await ContentsNotebook(Full(root_dir=str(tmp_path)), "nb.ipynb").edit(
            "last", source_hash(""), "x"
        )
    assert "disk space" in caught.value.hint
    assert path.read_bytes() == before

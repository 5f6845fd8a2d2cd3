"""The notebook tools on a real file, run_cell on a real kernel."""

from __future__ import annotations

import asyncio
import json

import pytest

from jupyter_agent_ext.errors import NotFoundError, StaleCellError, ToolError
from jupyter_agent_ext.notebooks.contents import ContentsNotebook, source_hash
from jupyter_agent_ext.tools.notebook import (
    TOTAL_CHARS,
    delete_cell,
    edit_cell,
    insert_cell,
    read_notebook,
    run_cell,
)

from .conftest import code
from .context import Context


async def call(tool, context, **arguments):
    return await tool.run(context, tool.validate(arguments))


def text(result):
    return "\n".join(part["text"] for part in result.content if part["type"] == "text")


async def read(context, **arguments):
    return json.loads(text(await call(read_notebook, context, **arguments)))


async def test_cells_are_read_with_what_an_edit_needs(write_notebook):
    output = {"output_type": "stream", "name": "stdout", "text": "\x1b[1mhi\x1b[0m\n"}
    markdown = {"cell_type": "markdown", "id": "t", "metadata": {}, "source": "# T"}
    body = await read(Context(notebook=write_notebook(markdown, code("a", "x = 1", [output]))))
    assert (body["path"], body["total"]) == ("nb.ipynb", 2)
    assert body["left_out"] == {"cells": 0, "indices": ""}
    assert body["cells"] == [
        {"id": "t", "index": 0, "type": "markdown", "hash": source_hash("# T"), "source": "# T"},
        {
            "id": "a",
            "index": 1,
            "type": "code",
            "hash": source_hash("x = 1"),
            "source": "x = 1",
            "execution_count": None,
            "outputs": "hi",
        },
    ]


async def test_a_window_says_what_it_leaves_out(write_notebook):
    context = Context(notebook=write_notebook(*((f"c{n}", f"x = {n}") for n in range(10))))

    async def shown(**arguments):
        body = await read(context, **arguments)
        return [cell["index"] for cell in body["cells"]], body["left_out"]["indices"]

    assert await shown(limit=3) == ([0, 1, 2], "3-9")
    assert await shown(start=4, limit=2) == ([4, 5], "0-3, 6-9")
    assert await shown(around="c5", limit=3) == ([4, 5, 6], "0-3, 7-9")
    assert await shown(around="c0", limit=3) == ([0, 1, 2], "3-9")
    assert await shown(cell_ids=["c7", "c2"]) == ([7, 2], "0-1, 3-6, 8-9")
    assert await shown(start=99) == ([], "0-9")
    with pytest.raises(ToolError, match="no cell 'nope'"):
        await shown(around="nope")
    with pytest.raises(ToolError, match="no cell 'nope'"):
        await shown(cell_ids=["c1", "nope"])


async def test_long_sources_and_notebooks_are_bounded(write_notebook):
    cells = [(f"c{n}", f"# {n}\n" + "x" * 10_000) for n in range(30)]
    context = Context(notebook=write_notebook(*cells))
    raw = text(await call(read_notebook, context))
    body = json.loads(raw)
    assert len(raw) < TOTAL_CHARS + 1_000
    assert body["cells"][0]["source_left_out"] == 10_004 - 4_000
    assert body["cells"][0]["hash"] == source_hash(cells[0][1]), "the hash is the whole source's"
    assert body["left_out"]["cells"] == 30 - len(body["cells"]) > 0
    whole = await read(context, cell_ids=["c3"])
    assert whole["cells"][0]["source"] == cells[3][1]


async def test_cells_are_inserted_edited_and_deleted(write_notebook):
    notebook = write_notebook(("a", "1"), ("b", "2"))
    context = Context(notebook=notebook)
    last = await call(insert_cell, context, source="last")
    told = json.loads(text(last))
    assert told["index"] == 2
    assert last.changes[0]["cell_id"] == told["inserted"]
    await call(insert_cell, context, source="# top", cell_type="markdown", after="")
    await call(insert_cell, context, source="mid", after="a")
    assert [c.source for c in await notebook.cells()] == ["# top", "1", "mid", "2", "last"]
    edited = await call(
        edit_cell, context, cell_id=told["inserted"], hash=told["hash"], source="new"
    )
    assert json.loads(text(edited))["hash"] == source_hash("new")
    assert edited.changes[0]["before"]["cell"]["source"] == "last"
    deleted = await call(delete_cell, context, cell_id="a", hash=source_hash("1"))
    assert deleted.changes[0]["before"]["cell"]["source"] == "1"
    assert [c.source for c in await notebook.cells()] == ["# top", "mid", "2", "new"]


async def test_a_stale_or_unknown_cell_is_refused(write_notebook):
    context = Context(notebook=write_notebook(("a", "1")))
    with pytest.raises(StaleCellError) as caught:
        await call(edit_cell, context, cell_id="a", hash="0" * 16, source="x")
    assert caught.value.details["source"] == "1"
    with pytest.raises(NotFoundError):
        await call(delete_cell, context, cell_id="b", hash="0" * 16)
    with pytest.raises(ToolError, match="argument `cell_type`"):
        insert_cell.validate({"source": "", "cell_type": "raw"})


async def test_without_a_notebook_the_tools_say_so():
    with pytest.raises(ToolError, match="no notebook"):
        await call(read_notebook, Context())


async def test_a_cell_is_run_and_its_outputs_are_in_the_file(kernel, write_notebook, root):
    notebook = write_notebook(("a", "1"), ("b", "x = 20\nprint('hi')\nx + 1"))
    context = Context(kernel=kernel, notebook=notebook)
    result = await call(run_cell, context, cell_id="b")
    assert result.status == "ok"
    assert text(result).startswith("hi\n21\nvariables changed: ")
    assert context.happened[:2] == [("kernel", True), "started"]
    written = json.loads((root / "nb.ipynb").read_text())["cells"][1]
    assert written["execution_count"] == 1
    assert written["outputs"] == [
        {"name": "stdout", "output_type": "stream", "text": ["hi\n"]},
        {
            "data": {"text/plain": ["21"]},
            "execution_count": 1,
            "metadata": {},
            "output_type": "execute_result",
        },
    ]
    assert result.changes[0]["before"]["cell"]["outputs"] == []
    assert result.changes[0]["after"]["cell"]["execution_count"] == 1


async def test_a_failing_cell_shows_its_error_in_the_file(kernel, write_notebook):
    notebook = write_notebook(("a", "1/0"))
    result = await call(run_cell, Context(kernel=kernel, notebook=notebook), cell_id="a")
    assert result.status == "error"
    assert text(result).startswith("ZeroDivisionError: division by zero")
    (cell,) = await notebook.cells()
    assert cell.outputs[0]["ename"] == "ZeroDivisionError"


async def test_outputs_of_a_cell_that_changed_meanwhile_are_not_written(
    kernel, write_notebook, root, contents
):
    notebook = write_notebook(("a", "import time\nprint('begun')\ntime.sleep(0.8)\nprint('end')"))
    context = Context(kernel=kernel, notebook=notebook)
    running = asyncio.create_task(call(run_cell, context, cell_id="a"))
    async with asyncio.timeout(20):
        while not any(isinstance(o, dict) for o in context.happened):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    (cell,) = await notebook.cells()
    await ContentsNotebook(contents, "nb.ipynb").edit("a", cell.hash, "user's new source")
    before = (root / "nb.ipynb").read_bytes()
    result = await running
    assert result.status == "ok"
    assert "begun\nend" in text(result)
    assert "outputs were not written into the notebook: Cell 'a' has changed" in text(result)
    assert result.changes == []
    assert (root / "nb.ipynb").read_bytes() == before


async def test_outputs_for_a_notebook_open_elsewhere_are_not_written(kernel, contents, root):
    (root / "nb.ipynb").write_text(
        json.dumps({"cells": [code("a", "1")], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )

    async def elsewhere(path):
        return True

    notebook = ContentsNotebook(contents, "nb.ipynb", open_elsewhere=elsewhere)
    result = await call(run_cell, Context(kernel=kernel, notebook=notebook), cell_id="a")
    assert result.status == "ok"
    assert "open elsewhere" in text(result)


async def test_only_code_cells_with_code_run(kernel, write_notebook):
    markdown = {"cell_type": "markdown", "id": "t", "metadata": {}, "source": "# T"}
    context = Context(kernel=kernel, notebook=write_notebook(markdown, ("a", " ")))
    with pytest.raises(ToolError, match="markdown cell"):
        await call(run_cell, context, cell_id="t")
    with pytest.raises(ToolError, match="is empty"):
        await call(run_cell, context, cell_id="a")
    with pytest.raises(ToolError, match="no cell"):
        await call(run_cell, context, cell_id="zzz")
    assert context.happened == []


async def test_code_that_never_ran_leaves_the_outputs(write_notebook, kernel):
    """The kernel restarts after the effect was noted and before the request is sent."""
    output = {"output_type": "stream", "name": "stdout", "text": "old\n"}
    notebook = write_notebook(code("a", "1", [output]))
    context = Context(kernel=kernel, notebook=notebook)

    async def restart():
        await kernel.km.restart_kernel(now=True)
        kernel.restarted()

    context.started = restart
    result = await call(run_cell, context, cell_id="a")
    assert result.status == "error"
    assert "before the code ran" in text(result)
    assert (await notebook.cells())[0].outputs[0]["text"] == "old\n"

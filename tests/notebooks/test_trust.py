"""Trust: what the server signs after our writes, and what it does not."""

from __future__ import annotations

import pytest

from jupyter_agent_ext.notebooks.contents import ContentsNotebook, source_hash

from .conftest import code, notebook, sample, written


@pytest.fixture
def path(root):
    (root / "nb.ipynb").write_bytes(written(sample()))
    return root / "nb.ipynb"


async def test_trust_survives_an_edit_and_a_run(contents, path):
    book = ContentsNotebook(contents, "nb.ipynb")
    assert not await book.trusted()
    result = contents.trust_notebook("nb.ipynb")
    if result is not None:
        await result
    assert await book.trusted()
    await book.edit("load", (await book.cells())[1].hash, "df")
    assert await book.trusted()
    html = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<b>x</b>"}}
    await book.write_outputs("plot", source_hash("plot()"), [html], 1)
    assert await book.trusted()


async def test_running_a_cell_does_not_make_the_others_trusted(contents, path):
    book = ContentsNotebook(contents, "nb.ipynb")
    html = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<b>x</b>"}}
    await book.write_outputs("plot", source_hash("plot()"), [html], 1)
    assert not await book.trusted()


async def test_what_ran_here_is_trusted_in_a_notebook_never_signed(contents, root):
    (root / "new.ipynb").write_bytes(written(notebook(code("a", "show()"), code("b", "1"))))
    book = ContentsNotebook(contents, "new.ipynb")
    assert await book.trusted(), "nothing in it could do harm"
    html = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<b>x</b>"}}
    await book.write_outputs("a", source_hash("show()"), [html], 1)
    assert await book.trusted()
    assert b"trusted" not in (root / "new.ipynb").read_bytes()

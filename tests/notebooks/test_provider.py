"""Opening notebooks, their common lock, and the rule for those open elsewhere."""

from __future__ import annotations

import asyncio
import json

import pytest

from jupyter_agent_ext.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from jupyter_agent_ext.notebooks.contents import source_hash
from jupyter_agent_ext.notebooks.elsewhere import SessionConnections
from jupyter_agent_ext.notebooks.provider import Notebooks
from jupyter_agent_ext.protocols import Notebook

from .conftest import sample, written


@pytest.fixture
def path(root):
    (root / "sub").mkdir()
    (root / "sub" / "nb.ipynb").write_bytes(written(sample()))
    return root / "sub" / "nb.ipynb"


async def test_a_notebook_is_opened_by_its_path(contents, path):
    book = await Notebooks(contents).open("/".join(["sub", "", "nb.ipynb"]))
    assert isinstance(book, Notebook)
    assert book.path == "sub/nb.ipynb"


async def test_opening_tells_what_is_wrong(contents, path, root):
    (root / "x.txt").write_text("x")
    (root / ".nb.ipynb").write_bytes(written(sample()))
    books = Notebooks(contents)
    for missing in ("nope.ipynb", ".nb.ipynb"):
        with pytest.raises(NotFoundError):
            await books.open(missing)
    for wrong in ("x.txt", "sub", ""):
        with pytest.raises(BadRequestError):
            await books.open(wrong)
    with pytest.raises(ForbiddenError):
        await books.open("../nb.ipynb")


async def test_notebooks_of_one_path_write_one_after_the_other(contents, path):
    books = Notebooks(contents)
    opened = [await books.open("sub/nb.ipynb") for _ in range(6)]
    await asyncio.gather(
        *(b.insert(str(i), cell_type="markdown", after="intro") for i, b in enumerate(opened))
    )
    assert len(await opened[0].cells()) == 11


async def test_a_notebook_open_elsewhere_is_read_but_not_written(contents, path):
    before = path.read_bytes()
    asked = []

    async def elsewhere(name):
        asked.append(name)
        return True

    book = await Notebooks(contents, open_elsewhere=elsewhere).open("sub/nb.ipynb")
    assert len(await book.cells()) == 5
    plot = source_hash("plot()")
    for attempt in (
        book.edit("plot", plot, "x"),
        book.insert("x", cell_type="code", after=None),
        book.delete("plot", plot),
        book.write_outputs("plot", plot, [], 1),
    ):
        with pytest.raises(ConflictError, match="open elsewhere") as caught:
            await attempt
        assert "close it" in caught.value.hint
    assert path.read_bytes() == before
    assert asked == ["sub/nb.ipynb"] * 4


async def test_a_session_with_a_connected_page_counts_as_open(jp_serverapp, jp_fetch, jp_ws_fetch):
    """A real session, its real kernel, and a websocket like the one of a page."""
    elsewhere = SessionConnections(jp_serverapp.session_manager)
    assert not await elsewhere("nb.ipynb")
    body = {"path": "nb.ipynb", "type": "notebook", "name": "", "kernel": {"name": "python3"}}
    answer = await jp_fetch("api", "sessions", method="POST", body=json.dumps(body))
    kernel_id = json.loads(answer.body)["kernel"]["id"]
    assert not await elsewhere("nb.ipynb"), "a session alone is no open page"
    page = await jp_ws_fetch("api", "kernels", kernel_id, "channels")
    await until(elsewhere, True)
    assert not await elsewhere("other.ipynb")
    page.close()
    await until(elsewhere, False)


async def until(elsewhere, wanted):
    async with asyncio.timeout(20):
        while await elsewhere("nb.ipynb") is not wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

"""Random edit sequences: the file is always what the same edits of the JSON give."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from jupyter_agent_ext.notebooks.contents import ContentsNotebook, source_hash

from .conftest import sample, written

sources = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
steps = st.lists(
    st.tuples(st.sampled_from(["insert", "edit", "delete", "outputs"]), st.integers(0, 9), sources),
    max_size=6,
)


def joined(cell):
    return "".join(cell["source"])


async def play(contents, path, minor, actions):
    """Do each action through the notebook and, independently, on the JSON of the file."""
    book = ContentsNotebook(contents, path.name)
    model = sample(minor)
    path.write_bytes(written(model))
    for kind, place, text in actions:
        cells = model["cells"]
        if not cells and kind != "insert":
            continue
        index = place % len(cells) if cells else 0
        cell_id = (await book.cells())[index].cell_id if cells else None
        if kind == "insert":
            change = await book.insert(text, cell_type="code", after=cell_id)
            new = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
            new["source"] = text.splitlines(True)
            if minor >= 5:
                new["id"] = change["cell_id"]
            cells.insert(index + 1 if cells else 0, new)
        elif kind == "edit":
            await book.edit(cell_id, source_hash(joined(cells[index])), text)
            cells[index]["source"] = text.splitlines(True)
        elif kind == "delete":
            await book.delete(cell_id, source_hash(joined(cells[index])))
            cells.pop(index)
        elif cells[index]["cell_type"] == "code":
            outputs = [{"output_type": "stream", "name": "stdout", "text": text}]
            await book.write_outputs(cell_id, source_hash(joined(cells[index])), outputs, place)
            cells[index]["outputs"] = [{**outputs[0], "text": text.splitlines(True)}]
            cells[index]["execution_count"] = place
        assert path.read_bytes() == written(model)
        json.loads(path.read_bytes())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=steps, minor=st.sampled_from([4, 5]))
def test_random_edits_touch_no_other_cell(jp_environ, jp_asyncio_loop, actions, minor):
    with tempfile.TemporaryDirectory() as folder:
        contents = AsyncLargeFileManager(root_dir=folder)
        jp_asyncio_loop.run_until_complete(
            asyncio.wait_for(play(contents, Path(folder) / "nb.ipynb", minor, actions), 60)
        )

"""The example notebook runs, and what it shows in the file is what it shows today."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

from scripts.quickstart import QUICKSTART, RunningKernel, without_outputs


@pytest.fixture
def agent_config():
    return {"AgentSessionManager": {"default_mode": "auto"}}


def answers(book):
    """The agent's answers, without the tool calls below them."""
    bundles = [o.get("data", {}) for cell in book.cells for o in cell.get("outputs", [])]
    texts = [bundle["text/markdown"] for bundle in bundles if "text/markdown" in bundle]
    return [text.partition("<details>")[0].strip() for text in texts]


async def test_the_quickstart_shows_what_happens(open_notebook, jp_root_dir, jp_serverapp):
    book = nbformat.read(QUICKSTART, 4)
    stored = answers(book)
    without_outputs(book)
    nbformat.write(book, jp_root_dir / "quickstart.ipynb")
    person = await open_notebook("quickstart.ipynb")
    km = jp_serverapp.kernel_manager.get_kernel(person.kernel_id)
    client = NotebookClient(book, km=RunningKernel(km.connection_file), timeout=60)
    try:
        await client.async_execute()
    finally:
        client.kc.stop_channels()
    assert len(stored) == 5
    assert answers(book) == stored


def test_its_outputs_are_small_and_name_no_machine():
    text = QUICKSTART.read_text()
    assert len(text) < 60_000
    assert "/home/" not in text
    assert nbformat.validate(nbformat.reads(text, 4)) is None

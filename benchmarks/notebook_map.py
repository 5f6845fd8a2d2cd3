"""Measure what the map of a notebook of 10 000 cells costs a turn, however it is open.

`python benchmarks/notebook_map.py [CELLS]`. `first` is the first turn after the notebook was
opened, `next` one after the person has typed into a cell, run one and added one; `held` is the
longest time for which the event loop could not do anything else. The floor is the map alone,
from cells that are in memory.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyter_ydoc import YNotebook

from jupyter_agent_ext.agent.log import SessionLog
from jupyter_agent_ext.agent.looking import look_at_notebook
from jupyter_agent_ext.agent.notebook_map import notebook_map
from jupyter_agent_ext.errands import Errands
from jupyter_agent_ext.events import Draft, SessionKey
from jupyter_agent_ext.fold import Session
from jupyter_agent_ext.handlers.socket import _decoded
from jupyter_agent_ext.notebooks.provider import Notebooks
from jupyter_agent_ext.pages import OpenNotebook, Pages
from jupyter_agent_ext.stores.sqlite import SQLiteStore

CELLS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
ROUNDS = 5
TARGET_MS = 150
TARGET_HELD_MS = 25
PATH = "long.ipynb"


def cells() -> list[dict]:
    return [
        {
            "cell_type": "code",
            "id": f"cell-{i:05}",
            "metadata": {},
            "source": f"x{i} = compute({i})\nprint(x{i})\nplot(x{i})",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": f"{i}\n" * 3}],
            "execution_count": i,
        }
        for i in range(CELLS)
    ]


class Collaboration:
    """What jupyter-collaboration publishes: one document that is open."""

    def __init__(self, document: YNotebook) -> None:
        self.document = document

    async def get_document(self, **_: object) -> YNotebook:
        return self.document


class Place:
    """The Run and the Workspace of one turn, as far as looking needs them."""

    def __init__(self, log: SessionLog, notebooks: Notebooks, pages: Pages) -> None:
        self.log, self.notebooks, self.pages = log, notebooks, pages
        self.workspace, self.trusted = self, True

    @property
    def session(self) -> Session:
        return self.log.session

    def active_cell(self) -> str:
        return "cell-00100"

    async def notebook(self):
        return await self.notebooks.open(PATH, Errands(self.log, self.pages, PATH))

    async def append(self, *drafts: tuple) -> None:
        await self.log.append(*(Draft(kind, data) for kind, data in drafts))


async def held(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Return milliseconds that `work` took, and those for which it held the loop at most."""
    gaps: list[float] = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            gaps.append(time.perf_counter() - before)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.02)
    gaps.clear()
    before = time.perf_counter()
    await work()
    took = time.perf_counter() - before
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)
    return took * 1000, max(gaps) * 1000


async def measure(name: str, place: Place, change: Callable[[int], None], target: str) -> None:
    gc.collect()
    gc.freeze()  # the notebooks of this script would be other processes' memory
    first = await held(lambda: look_at_notebook(place))
    rounds = []
    for number in range(ROUNDS):
        change(number)
        gc.freeze()
        rounds.append(await held(lambda: look_at_notebook(place)))
    took = statistics.median(t for t, _ in rounds)
    longest = max(h for _, h in rounds)
    print(
        f"{name:22}{first[0]:>9.0f} ms{first[1]:>8.0f} ms{took:>9.1f} ms{longest:>8.1f} ms"
        f"  {target}"
    )


async def main_async(folder: Path) -> None:
    book = {"cells": cells(), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    text = json.dumps(book, indent=1)
    (folder / PATH).write_text(text)
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    contents = AsyncLargeFileManager(root_dir=str(folder))
    store = SQLiteStore(folder / "sessions.sqlite")
    await store.open()

    async def place(number: int, settings: dict, pages: Pages) -> Place:
        key = SessionKey("local", "/", f"s{number}")
        lease = await store.acquire(key)
        session = Session(session_id=key.session_id, owner="local", root="/", notebook=PATH)
        log = SessionLog(store, session, lease)
        return Place(log, Notebooks(contents, settings=settings), pages)

    print(f"{CELLS} cells, {len(text) / 1e6:.1f} MB")
    print(f"{'':22}{'first':>12}{'held':>11}{'next':>12}{'held':>11}")

    document = YNotebook()
    document.set(book)
    target = f"target: {TARGET_MS} ms, held {TARGET_HELD_MS} ms"

    def type_and_run(number: int) -> None:
        document.ycells[number]["source"].insert(0, "# typed\n")
        document.ycells[number + 10]["execution_count"] = CELLS + number
        document.ycells.insert(5, document.create_ycell({**book["cells"][0], "id": f"n{number}"}))

    shared = await place(1, {"jupyter_server_ydoc": Collaboration(document)}, Pages())
    await measure("shared document", shared, type_and_run, target)

    pages = Pages()
    frame = {"type": "cells", "read_id": "READ-ID", "cells": book["cells"]}

    def answer(asked: dict) -> None:
        raw = raws[0].replace("READ-ID", asked["read_id"], 1)
        asyncio.get_running_loop().call_soon(deliver, raw)

    raws = [json.dumps(frame)]

    def deliver(raw: str) -> None:
        before = time.perf_counter()
        told = _decoded(raw)
        decoding.append((time.perf_counter() - before) * 1000)
        page.deliver(told.read_id, told.cells)

    decoding: list[float] = []
    page = pages.attach("local", "page-0001", answer)
    pages.show(page, [OpenNotebook(PATH)], visible=True)

    def edit(number: int) -> None:
        frame["cells"][number]["source"] = f"# typed {number}"
        raws[0] = json.dumps(frame)

    attached = await place(2, {}, pages)
    await measure("attached page", attached, edit, target)
    print(f"{'  of it decoding':22}{'':34}{statistics.median(decoding):>7.1f} ms held")

    def save(number: int) -> None:
        book["cells"][number]["source"] = f"# saved {number}"
        (folder / PATH).write_text(json.dumps(book, indent=1))

    closed = await place(3, {}, Pages())
    await measure("closed (the file)", closed, save, "reported")
    kept = await (await closed.notebook()).cells()
    before = time.perf_counter()
    notebook_map(PATH, kept)
    print(f"{'floor: the map alone':22}{'':23}{(time.perf_counter() - before) * 1000:>9.1f} ms")
    await store.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(main_async(Path(name)))


if __name__ == "__main__":
    main()

"""The pages that are open: which notebooks they show, which one a person used last (floor 4)."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .errors import AgentError, PageError
from .events import Event
from .records import Json

READ_SECONDS: Final = 5.0
LATELY: Final = 10.0
FAILING: Final = 20.0


@dataclass(frozen=True, slots=True)
class OpenNotebook:
    """A notebook as one page shows it; `active_cell` is None where the page does not tell."""

    path: str
    focused: bool = False
    kernel_id: str | None = None
    dirty: bool = False
    active_cell: str | None = None


class Page:
    """One page of one owner. `send` puts a frame on its socket; `left` is set when it is gone."""

    def __init__(self, owner: str, client_id: str, send: Callable[[Json], None]) -> None:
        self.owner = owner
        self.client_id = client_id
        self.left = asyncio.Event()
        self.notebooks: dict[str, OpenNotebook] = {}
        self._send = send
        self._used: dict[str, int] = {}
        self._failed: dict[str, float] = {}
        self._reads: dict[str, asyncio.Future[list[Json]]] = {}

    def show(self, notebooks: Iterable[OpenNotebook], *, visible: bool, now: int) -> None:
        """Take in the whole truth about the page; `now` orders what was used last."""
        self.notebooks = {n.path: n for n in notebooks}
        self._used = {path: used for path, used in self._used.items() if path in self.notebooks}
        for notebook in self.notebooks.values():
            if notebook.focused and visible:
                self._used[notebook.path] = now

    def used(self, path: str) -> int:
        """Return when the notebook had the focus last, as an ever growing number; 0 is never."""
        return self._used.get(path, 0)

    def fail(self, path: str) -> None:
        """Note that the page cannot read the notebook: others are asked for FAILING seconds."""
        self._failed[path] = time.monotonic()

    def fails(self, path: str) -> bool:
        """Say whether the page could not read the notebook lately."""
        failed = self._failed.get(path)
        return failed is not None and time.monotonic() - failed < FAILING

    async def read(self, path: str, timeout: float = READ_SECONDS) -> list[Json]:
        """Return the notebook's cells as the person sees them. Raises PageError."""
        read_id = uuid.uuid4().hex[:12]
        future: asyncio.Future[list[Json]] = asyncio.get_running_loop().create_future()
        self._reads[read_id] = future
        gone: asyncio.Future[Any] = asyncio.ensure_future(self.left.wait())
        waiting: set[asyncio.Future[Any]] = {future, gone}
        try:
            self._send({"type": "read", "read_id": read_id, "path": path})
            await asyncio.wait(waiting, timeout=timeout, return_when="FIRST_COMPLETED")
            if not future.done():
                why = "was closed" if gone.done() else f"did not answer within {timeout:g} s"
                raise PageError(f"The page that shows {path!r} {why}.")
            return future.result()
        finally:
            gone.cancel()
            del self._reads[read_id]

    def hand(self, session_id: str, events: Sequence[Event]) -> None:
        """Send the events of an errand; the page may not follow the session that it is from."""
        wire = [event.to_json() for event in events]
        self._send({"type": "errand", "session": session_id, "events": wire})

    def deliver(self, read_id: str, cells: list[Json] | None, error: Any = None) -> bool:
        """Hand in the answer to `read`; say whether somebody waits for it."""
        future = self._reads.get(read_id)
        if future is None or future.done():
            return False
        if cells is None:
            future.set_exception(PageError(f"The page cannot read the notebook: {_told(error)}"))
        else:
            future.set_result(cells)
        return True


class Pages:
    """All pages with an open socket, by owner and client id."""

    def __init__(self) -> None:
        self._pages: dict[tuple[str, str], Page] = {}
        self._left: dict[tuple[str, str], float] = {}
        self._clock = itertools.count(1)

    def attach(self, owner: str, client_id: str, send: Callable[[Json], None]) -> Page:
        """Add a page; the same client id again replaces the page that it was before."""
        page = Page(owner, client_id, send)
        if (former := self._pages.get((owner, client_id))) is not None:
            former.left.set()
        self._pages[owner, client_id] = page
        return page

    def detach(self, page: Page) -> None:
        """Take a page away."""
        page.left.set()
        for path in page.notebooks:
            self._left[page.owner, path] = time.monotonic()
        if self._pages.get((page.owner, page.client_id)) is page:
            del self._pages[page.owner, page.client_id]

    def show(self, page: Page, notebooks: Iterable[OpenNotebook], *, visible: bool) -> None:
        """Note what a page shows now."""
        notebooks = list(notebooks)
        for path in page.notebooks.keys() - {n.path for n in notebooks}:
            self._left[page.owner, path] = time.monotonic()
        page.show(notebooks, visible=visible, now=next(self._clock))

    def get(self, owner: str, client_id: str) -> Page | None:
        """Return a page that is there."""
        return self._pages.get((owner, client_id))

    async def back(self, owner: str, client_id: str, timeout: float) -> bool:
        """Wait until a page has said what it shows; False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            page = self._pages.get((owner, client_id))
            if page is not None and page.notebooks:
                return True
            await asyncio.sleep(0.05)
        return False

    def left_lately(self, owner: str, path: str) -> bool:
        """Say whether a page stopped to show the notebook within the last LATELY seconds."""
        now = time.monotonic()
        self._left = {key: at for key, at in self._left.items() if now - at < LATELY}
        return (owner, path) in self._left

    def showing(self, owner: str, path: str) -> list[Page]:
        """Return the owner's pages that have the notebook open, the last used first."""
        found = [p for p in self._pages.values() if p.owner == owner and path in p.notebooks]
        return sorted(found, key=lambda page: page.used(path), reverse=True)


def _told(error: Any) -> str:
    if isinstance(error, AgentError | str):
        return str(error)[:500]
    return str(error.get("message", error))[:500] if isinstance(error, dict) else "no reason given"

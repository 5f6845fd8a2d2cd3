"""Edits and runs that one call gives to the page that shows the notebook (floor 4).

An errand is a request in the log, leased to one page, claimed and then answered by its POSTs;
the lease ends with the answer, or when the page is gone, or does not claim or answer in time.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

from . import events as ev
from .abilities import Following, Follows
from .agent.evidence import is_claimed, whole
from .agent.log import SessionLog
from .answers import CLAIMED_SECONDS
from .errors import AgentError, KernelError, LapsedError, NotFoundError, PageError, StaleCellError
from .events import Draft
from .fold import Request, Session
from .pages import Page, Pages
from .records import Cell, ExecutionResult, Json

LEASE_SECONDS: Final = 10.0
RETURN_SECONDS: Final = 2.0
CLOSING_SECONDS: Final = 5.0
LAPSED: Final[Json] = {"decision": "lapsed", "by": ""}


class Errands:
    """The pages that show the session's notebook, for one call (notebooks.attached.Attachment).

    `call_id` is None where only reading is meant; `lease` is in seconds.
    """

    def __init__(
        self,
        log: SessionLog,
        pages: Pages,
        path: str,
        *,
        turn_id: str | None = None,
        call_id: str | None = None,
        lease: float | None = None,
    ) -> None:
        self._log, self._pages, self._path = log, pages, path
        self._turn_id, self._call_id = turn_id or "", call_id
        self._lease = LEASE_SECONDS if lease is None else lease
        self._failed: set[str] = set()
        self._asked = ""

    # ------------------------------------------------------------ Attachment

    def showing(self) -> bool:
        """Say whether a page shows the notebook, can read it and has not failed this call."""
        return self._page() is not None

    def shown(self) -> bool:
        """Say whether any page of ours shows it."""
        return bool(self._showing())

    def left_lately(self) -> bool:
        """Say whether a page of ours showed it until a moment ago."""
        return self._pages.left_lately(self._log.key.owner, self._path)

    async def read(self) -> list[Json]:
        """Return the cells as the person sees them. Raises PageError."""
        while (page := self._page()) is not None:
            try:
                return await page.read(self._path)
            except PageError:
                page.fail(self._path)
        raise PageError(f"No page shows {self._path!r}, or none can read it.")

    async def read_again(self) -> list[Json] | None:
        """Return the cells of the page that was asked last, None if it is gone."""
        for page in self._showing():
            if page.client_id == self._asked:
                return await page.read(self._path)
        return None

    async def edit(self, operations: list[Json]) -> Json:
        """Let the page make the changes. Raises StaleCellError, NotFoundError, PageError."""
        payload = {"path": self._path, "operations": operations}
        while self._call_id is not None and (page := self._page()) is not None:
            request_id = await self._open("edit", payload, page)
            await self._answer(request_id, page)
            request = self._request(request_id)
            answer = request.answer or {}
            if is_claimed(request) or answer.get("decision") in ("done", "failed"):
                return await whole(self._result(answer, page), self._log.blob)
            self._failed.add(page.client_id)  # it never began, and may not begin any more
        raise PageError(f"No page that shows {self._path!r} takes the change up.")

    def runs(self, kernel_id: str) -> bool:
        """Say whether a page could run a cell in that kernel."""
        return self._call_id is not None and self._page(kernel_id) is not None

    async def run(
        self,
        cell: Cell,
        kernel: Follows,
        *,
        timeout: float,
        on_output: Callable[[Json], None],
        on_start: Callable[[], Awaitable[None]],
    ) -> ExecutionResult:
        """Let the page run a cell and collect what comes of it from the kernel."""
        page = self._page(kernel.kernel_id)
        if page is None:
            raise PageError(f"No page shows {self._path!r} with this kernel.")
        following = kernel.follow(cell.source, on_output=on_output)
        try:
            await on_start()
            payload = {"path": self._path, "cell_id": cell.cell_id, "expected": cell.hash}
            payload["kernel_id"] = kernel.kernel_id
            request_id = await self._open("run", payload, page)
            await self._begin(request_id, page, following)
            result = await self._end(request_id, page, following, timeout)
            return await self._close(request_id, page, result, following.msg_id)
        finally:
            following.close()

    # ------------------------------------------------------------ a run

    async def _begin(self, request_id: str, page: Page, following: Following) -> None:
        """Wait until the code is on its way. Raises what the page says, LapsedError."""
        await self._wait(request_id, page, is_claimed)
        claimed = is_claimed(self._request(request_id))
        if claimed:
            await self._sent(request_id, page, following)
        request = self._request(request_id)
        if (msg_id := _msg_id(request)) is not None:
            following.choose(msg_id)
            return
        if request.answer is not None:
            self._result(request.answer, page)  # raises where it failed
            return
        if claimed and following.msg_id is not None:
            return
        await self._lapse(request_id)
        request = self._request(request_id)
        if request.answer is not None and request.answer["decision"] == "failed":
            self._result(request.answer, page)
        raise LapsedError(
            "The page was asked to run the cell and has not said that it did: whether it ran is "
            "unknown. It is not run again.",
            hint="Look at the kernel's variables and the cell's outputs first.",
        )

    async def _sent(self, request_id: str, page: Page, following: Following) -> None:
        """Wait until the page tells what it sent, or the kernel is seen to run it."""
        begun = asyncio.ensure_future(following.begun(CLAIMED_SECONDS))
        told = asyncio.ensure_future(
            self._wait(request_id, page, lambda r: _msg_id(r) is not None, CLAIMED_SECONDS)
        )
        try:
            await asyncio.wait({begun, told}, return_when="FIRST_COMPLETED")
            if not (begun.done() and begun.result()):
                await asyncio.wait({told})
        finally:
            for task in (begun, told):
                task.cancel()
            await asyncio.gather(begun, told, return_exceptions=True)

    async def _end(
        self, request_id: str, page: Page, following: Following, timeout: float
    ) -> ExecutionResult:
        """Wait for the end. Raises LapsedError where the page is gone and nothing was begun."""

        def is_gone() -> bool:
            return self._pages.get(page.owner, page.client_id) is None

        try:
            return await following.end(timeout, gone=is_gone)
        except LapsedError:
            await self._lapse(request_id)
            raise

    async def _close(
        self, request_id: str, page: Page, result: ExecutionResult, msg_id: str | None
    ) -> ExecutionResult:
        """Give the page a moment to say that it is done; the kernel has told what matters."""
        here = await self._wait(request_id, page, lambda r: r.answer is not None, CLOSING_SECONDS)
        request = self._request(request_id)
        if request.answer is None:
            told = {"status": result.status, "execution_count": result.execution_count}
            data = {"decision": "done", "by": "", "result": {**told, "msg_id": msg_id}}
            await self._settle(request_id, data)
        result.written = here and not page.left.is_set()
        return result

    # ------------------------------------------------------------ requests

    def _showing(self) -> list[Page]:
        return self._pages.showing(self._log.key.owner, self._path)

    def _page(self, kernel_id: str | None = None) -> Page | None:
        """Return the page to use: the last focused one that has not failed."""
        for page in self._showing():
            if page.client_id in self._failed or page.fails(self._path):
                continue
            if kernel_id is None or page.notebooks[self._path].kernel_id == kernel_id:
                return page
        return None

    async def _open(self, kind: str, payload: Json, page: Page) -> str:
        request_id, self._asked = uuid.uuid4().hex[:12], page.client_id
        opened = {"request_id": request_id, "kind": kind, "call_id": self._call_id}
        leased = {"request_id": request_id, "client_id": page.client_id, "seconds": self._lease}
        leased["until"] = time.time() + self._lease  # of the wall: it goes on while we are asleep
        events = await self._log.append(
            Draft(ev.REQUEST_OPENED, {**opened, "payload": payload}, self._turn_id),
            Draft(ev.REQUEST_LEASED, leased, self._turn_id),
        )
        page.hand(self._log.key.session_id, events)
        return request_id

    async def _answer(self, request_id: str, page: Page) -> None:
        """Wait for the claim, then the answer; where one does not come the request lapses."""
        await self._wait(request_id, page, is_claimed)
        await self._settle(request_id, LAPSED, claimed=False)
        await self._wait(request_id, page, lambda r: r.answer is not None, CLAIMED_SECONDS)
        await self._lapse(request_id)

    async def _wait(
        self,
        request_id: str,
        page: Page,
        ready: Callable[[Request], bool],
        seconds: float | None = None,
    ) -> bool:
        """Wait until the request is `ready` or answered, the lease is over or the page is gone."""

        def is_ready(session: Session) -> bool:
            request = session.turns[self._turn_id].requests[request_id]
            return request.answer is not None or ready(request)

        limit = self._lease if seconds is None else seconds
        waiting = asyncio.ensure_future(self._log.wait_for(is_ready, limit))
        gone = asyncio.ensure_future(self._gone(page))
        try:
            await asyncio.wait({waiting, gone}, return_when="FIRST_COMPLETED")
        finally:
            for task in (waiting, gone):
                task.cancel()
            await asyncio.gather(waiting, gone, return_exceptions=True)
        return is_ready(self._log.session)

    async def _gone(self, page: Page) -> bool:
        """Return when the page has gone and not come back in a moment."""
        while True:
            await page.left.wait()
            await asyncio.sleep(RETURN_SECONDS)
            back = self._pages.get(page.owner, page.client_id)
            if back is None:
                return True
            page = back

    async def _lapse(self, request_id: str) -> None:
        await self._settle(request_id, LAPSED)

    async def _settle(self, request_id: str, data: Json, *, claimed: bool = True) -> None:
        """Answer the request for the page, if it has not answered by now.

        With `claimed` false only where the page has not begun either.
        """
        async with self._log.gate:
            request = self._request(request_id)
            if request.answer is None and (claimed or not is_claimed(request)):
                draft = {"request_id": request_id, **data}
                await self._log.append(Draft(ev.REQUEST_ANSWERED, draft, self._turn_id))

    def _request(self, request_id: str) -> Request:
        return self._log.session.turns[self._turn_id].requests[request_id]

    def _result(self, answer: Json, page: Page) -> Json:
        """Return what the page did. Raises what it says, LapsedError where it says nothing."""
        if answer.get("decision") == "done":
            result: Json = answer.get("result") or {}
            return result
        self._failed.add(page.client_id)
        if answer.get("decision") != "failed":
            raise LapsedError(f"The page that shows {self._path!r} did not answer in time.")
        raise _failure(answer.get("error") or {}, self._path)


def _msg_id(request: Request) -> str | None:
    answer: Any = (request.answer or {}).get("result")
    told = answer.get("msg_id") if isinstance(answer, dict) else None
    return told or (request.lease or {}).get("msg_id")


def _failure(error: Json, path: str) -> AgentError:
    """Return the error for what a page says it could not do."""
    message, code = str(error.get("message") or "The page could not do it.")[:1000], error["code"]
    cell_id = error.get("cell_id")
    if code == "stale_cell":
        return StaleCellError(
            message, cell_id=cell_id, source=error.get("source"), hash=error.get("hash")
        )
    if code == "not_found":
        return NotFoundError(message, hint="Read the notebook again.")
    if code == "kernel":
        return KernelError(message)
    return PageError(f"{message} ({path})")

"""Sessions: list, open, describe, change, delete; their history and blobs (floor 5)."""

from __future__ import annotations

import re

from ..binding import normal_path
from ..errors import BadRequestError, NotFoundError
from .base import AgentHandler, protected
from .bodies import History, OpenBody, SessionList, SessionPatch
from .views import blob_url, history, session_info, session_line

HISTORY_TURNS = 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}


class SessionsHandler(AgentHandler):
    """`GET` and `POST sessions`."""

    @protected("read", "sessions")
    async def get(self) -> None:
        """List sessions; archived ones where a notebook or a search asks for them."""
        notebook = self.get_query_argument("notebook", "")
        archived = {"": None, "0": False, "1": True}.get(self.get_query_argument("archived", ""))
        cards = await self.manager.cards(
            self.owner,
            notebook=normal_path(notebook) if notebook else None,
            q=self.get_query_argument("q", "")[:1000],
            archived=archived,
        )
        self.answer(SessionList([session_line(card) for card in cards]))

    @protected("write", "sessions")
    async def post(self) -> None:
        """Open or resume the session of a notebook and a kernel."""
        body = self.body(OpenBody)
        log = await self.manager.enter(
            self.owner, body.session_id, body.notebook, body.kernel_id, model=body.model or ""
        )
        self.answer(session_info(log.session), 201 if log.session.seq == 1 else 200)


class SessionHandler(AgentHandler):
    """`GET`, `PATCH` and `DELETE sessions/{id}`."""

    @protected("read", "sessions")
    async def get(self, session_id: str) -> None:
        """Describe a session, without reading the kernel."""
        log = await self.manager.peek(self.key(session_id))
        self.answer(session_info(log.session))

    @protected("write", "sessions")
    async def patch(self, session_id: str) -> None:
        """Rename a session, choose its model or its mode."""
        body = self.body(SessionPatch)
        given = {"title": body.title, "model": body.model, "mode": body.mode}
        changes = {name: value for name, value in given.items() if value is not None}
        log = await self.manager.update(self.key(session_id), changes)
        self.answer(session_info(log.session))

    @protected("write", "sessions")
    async def delete(self, session_id: str) -> None:
        """Delete a session for good, interrupting its turn first."""
        await self.manager.delete(self.key(session_id))
        self.set_status(204)
        self.finish()


class HistoryHandler(AgentHandler):
    """`GET sessions/{id}/history`."""

    @protected("read", "sessions")
    async def get(self, session_id: str) -> None:
        """List the messages of the last `max_turns` turns (20 if left out), oldest first."""
        limit = self.number("max_turns", HISTORY_TURNS)
        if limit < 1:
            raise BadRequestError("max_turns is at least 1.")
        log = await self.manager.peek(self.key(session_id))
        path = log.session.path()
        turns = path[-min(limit, self.manager.history_limit) :]
        parts = self.get_query_argument("parts", "") == "1"
        entries = history(log.session, turns, blob_url(self.base_url, session_id), parts=parts)
        self.answer(History(session_id, len(path), entries))


class BlobHandler(AgentHandler):
    """`GET sessions/{id}/blobs/{hash}`."""

    @protected("read", "sessions")
    async def get(self, session_id: str, digest: str) -> None:
        """Give an image or a long output; what is no image is an attachment of plain text."""
        key = self.key(session_id)
        await self.manager.peek(key)
        data = None
        if _DIGEST.fullmatch(digest):
            data = await self.manager.services.store.blob(key, digest)
        if data is None:
            raise NotFoundError("This session has no blob of that hash.")
        mime = next((m for magic, m in _MAGIC.items() if data.startswith(magic)), None)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            mime = "image/webp"
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "sandbox")
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        if mime is None:
            self.set_header("Content-Disposition", f'attachment; filename="{digest[:12]}.txt"')
        self.set_header("Content-Type", mime or "text/plain; charset=utf-8")
        await self.finish(data, set_content_type=mime or "text/plain; charset=utf-8")


default_handlers = [
    (r"/agent/sessions", SessionsHandler),
    (r"/agent/sessions/([^/]+)", SessionHandler),
    (r"/agent/sessions/([^/]+)/history", HistoryHandler),
    (r"/agent/sessions/([^/]+)/blobs/([^/]+)", BlobHandler),
]

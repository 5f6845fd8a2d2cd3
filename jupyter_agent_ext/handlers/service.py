"""Whether it works, what it offers, and what it does not have (floor 5)."""

from __future__ import annotations

from .. import __version__
from ..errors import AgentError, NotFoundError, StoreError
from .base import AgentHandler, protected
from .bodies import Health


class NotBuiltError(AgentError):
    """The API names it, this version does not have it."""

    status, code = 501, "not_built"
    default_hint = "See the CHANGELOG for what this version has."


class HealthHandler(AgentHandler):
    """`GET health`."""

    @protected("read", "health")
    async def get(self) -> None:
        """Say whether the store answers and how many sessions are open."""
        store, sessions = "ok", 0
        try:
            await self.manager.services.store.check()
            sessions = len(await self.manager.cards(self.owner, notebook=None, q="", archived=None))
        except StoreError as error:
            store = str(error)
        status = "ok" if store == "ok" else "failing"
        health = Health(status, __version__, self.manager.default_model, store, sessions)
        self.answer(health, 200 if status == "ok" else 503)


class NotBuiltHandler(AgentHandler):
    """Calls that are designed and not yet there."""

    @protected("read", "sessions")
    async def get(self, *_: str) -> None:
        """Say that this is not there yet."""
        raise NotBuiltError(f"{self.request.path[:200]} is not in this version.")

    @protected("execute", "turns")
    async def post(self, *_: str) -> None:
        """Say that this is not there yet."""
        raise NotBuiltError(f"{self.request.path[:200]} is not in this version.")


class UnknownHandler(AgentHandler):
    """Everything else under agent/."""

    @protected("read", "health")
    async def get(self) -> None:
        """Answer 404 in our own shape."""
        raise NotFoundError(
            f"There is no {self.request.path[:200]}.", hint="GET agent/openapi.json lists all."
        )

    post = put = patch = delete = get


default_handlers = [
    (r"/agent/health", HealthHandler),
    (r"/agent/sessions/([^/]+)/(?:undo|redo|fork|replay|export|shares)", NotBuiltHandler),
    (r"/agent/(?:shared/.*|mcp)", NotBuiltHandler),
]

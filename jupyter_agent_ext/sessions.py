"""AgentSessionManager: the sessions of this server, opened, listed, changed (floor 4)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from typing import Any, Final
from weakref import WeakValueDictionary

from traitlets import Bool, Enum, Float, Int, List, Unicode, default
from traitlets.config import LoggingConfigurable

from . import events as ev
from .agent.log import SessionLog
from .agent.permissions import MODES
from .agent.run import Limits
from .binding import Binder, Binding, check_session_id
from .errors import (
    BadRequestError,
    ForbiddenError,
    LeaseError,
    LimitError,
    NotFoundError,
)
from .events import Draft, SessionKey
from .records import Card
from .shelf import Shelf, unknown
from .turns import TurnRunner, TurnSettings
from .upkeep import Upkeep
from .workspace import Services

_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@/+-]{0,199}")


def _from_environment(name: str, fallback: float) -> float:
    """Return a number from the environment. Raises ValueError that names the variable."""
    text = os.environ.get(name, "")
    try:
        return float(text) if text.strip() else fallback
    except ValueError:
        raise ValueError(f"{name}={text!r} is not a number.") from None


class AgentSessionManager(LoggingConfigurable):
    """Keeps the sessions; their turns run in `turns`."""

    max_age_hours = Float(
        help="Archive a session that was idle for so many hours. $SESSION_MAX_AGE_HOURS, else 24."
    ).tag(config=True)
    max_sessions = Int(
        help="Sessions that are not archived, at most; beyond it the one idle for longest is "
        "archived. $SESSION_MAX_CONCURRENT, else 1000."
    ).tag(config=True)
    history_limit = Int(
        min=1,
        help="Turns that the model and `history` see, at most. $SESSION_HISTORY_LIMIT, else 100.",
    ).tag(config=True)
    delete_after_days = Float(
        0.0, help="Delete archived sessions for good after so many days; 0: never."
    ).tag(config=True)
    default_model = Unicode(
        "embedded", help="The model of sessions that chose none, a litellm name or 'embedded'."
    ).tag(config=True)
    default_mode = Enum(MODES, "ask", help="The mode of new sessions.").tag(config=True)
    allowed_models = List(
        Unicode(), help="The models that may be chosen; empty: all. 'openai/*' allows a provider."
    ).tag(config=True)
    max_steps = Int(50, help="Model calls in one turn, at most.").tag(config=True)
    max_turn_tokens = Int(0, help="Tokens of one turn, at most; 0: no limit.").tag(config=True)
    max_turn_cost = Float(0.0, help="US dollars of one turn, at most; 0: no limit.").tag(
        config=True
    )
    max_turn_seconds = Float(3600.0, help="Seconds of one turn without its pauses, at most.").tag(
        config=True
    )
    max_retries = Int(4, help="How often a model call that failed is tried again.").tag(config=True)
    resume_on_start = Bool(
        True, help="Go on, at start-up, with turns that ran when the server died."
    ).tag(config=True)

    @default("max_age_hours")
    def _default_max_age_hours(self) -> float:
        return _from_environment("SESSION_MAX_AGE_HOURS", 24.0)

    @default("max_sessions")
    def _default_max_sessions(self) -> int:
        return int(_from_environment("SESSION_MAX_CONCURRENT", 1000))

    @default("history_limit")
    def _default_history_limit(self) -> int:
        return int(_from_environment("SESSION_HISTORY_LIMIT", 100))

    def __init__(self, services: Services, root: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.root = root
        self.services = services
        # a wrong environment variable is told at start-up, not by the first query
        self.log.debug("Sessions: %s h, at most %s", self.max_age_hours, self.max_sessions)
        settings = TurnSettings(self._limits(), lambda: self.default_model, self.check_model)
        self.turns = TurnRunner(services, settings)
        self.shelf = Shelf(services.store, self.log)
        self.turns.forget = self._forget
        self.binder = Binder(services.store, services.kernels, services.notebooks)
        self._entering: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()
        self.upkeep = Upkeep(self, resume=self.resume_on_start)
        self._starting, self._started = asyncio.Lock(), False

    def _limits(self) -> Limits:
        return Limits(
            steps=self.max_steps,
            tokens=self.max_turn_tokens or None,
            cost=self.max_turn_cost or None,
            seconds=self.max_turn_seconds or None,
            retries=self.max_retries,
            history=self.history_limit,
        )

    def check_model(self, model: str) -> None:
        """Raise BadRequestError for what is no model's name, ForbiddenError if not allowed.

        A name that holds an address would send the query, and a key, there.
        """
        if not _MODEL.fullmatch(model) or "//" in model:
            raise BadRequestError(
                f"{model[:80]!r} is no model's name.",
                hint="Send 'embedded' or a litellm name such as 'openai/gpt-5'.",
            )
        if not self.model_allowed(model):
            raise ForbiddenError(
                f"The model {model!r} is not allowed here.", hint="GET agent/models lists them."
            )

    def model_allowed(self, model: str) -> bool:
        """Say whether this server lets a session use the model."""
        return not self.allowed_models or any(
            model == allowed or (allowed.endswith("/*") and model.startswith(allowed[:-1]))
            for allowed in self.allowed_models
        )

    # ------------------------------------------------------------ opening

    async def enter(
        self,
        owner: str,
        session_id: str | None,
        notebook_id: str,
        kernel_id: str | None,
        *,
        model: str = "",
    ) -> SessionLog:
        """Open the session that the caller means, or create it; see Binder.find."""
        place = (owner, session_id or "", notebook_id, kernel_id or "")
        async with self._entering.setdefault(place, asyncio.Lock()):
            binding = await self.binder.find(owner, self.root, session_id, notebook_id, kernel_id)
            key = SessionKey(owner, self.root, binding.session_id)
            if not binding.exists:
                return await self._create(key, binding, model)
        log = await self.open(key)
        if binding.changes:
            await log.append(Draft(ev.SESSION_BOUND, binding.changes))
        return log

    async def open(self, key: SessionKey) -> SessionLog:
        """Open a session for writing and go on with what a dead server left open.

        Raises NotFoundError, LeaseError if another server writes it.
        """
        log, fresh = await self.shelf.writable(key)
        if fresh:
            await self.turns.resume(log)
        return log

    async def open_bound(self, key: SessionKey, kernel_id: str | None = None) -> SessionLog:
        """Open a session for work: one whose kernel is gone is bound to the notebook's new one."""
        check_session_id(key.session_id)
        if await self.services.store.card(key) is None:
            raise unknown(key.session_id)
        return await self.enter(key.owner, key.session_id, "", kernel_id)

    async def peek(self, key: SessionKey) -> SessionLog:
        """Return a session for reading only: nothing is resumed. Raises NotFoundError."""
        check_session_id(key.session_id)
        return await self.shelf.readable(key)

    async def _create(self, key: SessionKey, binding: Binding, model: str) -> SessionLog:
        if model:
            self.check_model(model)
        await self._make_room(key.owner)
        place = binding.place
        data = {
            "session_id": key.session_id,
            "owner": key.owner,
            "root": key.root,
            "notebook_id": place.notebook_id,
            "notebook": place.notebook,
            "kernel_id": place.kernel_id,
            "model": model,
            "mode": self.default_mode,
        }
        return await self.shelf.create(key, Draft(ev.SESSION_CREATED, data), text=place.notebook_id)

    async def _make_room(self, owner: str) -> None:
        """Archive the session idle for longest where there are too many. Raises LimitError."""
        cards = await self.services.store.cards(
            owner, self.root, archived=False, limit=self.max_sessions + 1
        )
        if len(cards) < self.max_sessions:
            return
        for card in reversed(cards):
            with contextlib.suppress(LeaseError, NotFoundError):
                if card.status == "idle" and await self.archive(card.key):
                    return
        raise LimitError(
            f"All {self.max_sessions} sessions are running or wait for an answer.",
            hint="End or answer one: GET agent/sessions lists them.",
        )

    # ------------------------------------------------------------ changing

    async def cards(
        self, owner: str, *, notebook: str | None, q: str, archived: bool | None
    ) -> list[Card]:
        """List sessions, most recently active first; archived ones only when searched for."""
        if archived is None and not q and notebook is None:
            archived = False
        return await self.services.store.cards(
            owner, self.root, notebook=notebook, q=q, archived=archived
        )

    async def update(self, key: SessionKey, changes: dict[str, Any]) -> SessionLog:
        """Rename a session, choose its model or mode. Raises BadRequestError."""
        mode = changes.get("mode")
        if mode is not None and mode not in MODES:
            raise BadRequestError(f"Unknown mode {mode!r}.", hint=f"Modes: {', '.join(MODES)}.")
        model = changes.get("model")
        if model:
            self.check_model(model)
        log = await self.open(key)
        if changes:
            await log.append(Draft(ev.SESSION_UPDATED, changes), text=str(changes.get("title", "")))
        return log

    async def archive(self, key: SessionKey, idle_since: float = float("inf")) -> bool:
        """Take an idle session out of the plain list and out of memory; say whether it was.

        Only if its last activity was before `idle_since` (Unix time).
        """
        log = await self.open(key)
        async with log.gate:
            if not self._is_idle(log, idle_since):
                return False
            if not log.session.archived:
                await log.append(Draft(ev.SESSION_UPDATED, {"archived": True}))
            await self.shelf.put_away(log)
            return True

    async def put_away_archived(self) -> None:
        """Put away archived sessions that were opened for a moment, and free memory."""
        for log in self.shelf.all():
            async with log.gate:
                if log.session.archived and log.lease and self._is_idle(log):
                    await self.shelf.put_away(log)
        self.shelf.tidy()

    def _is_idle(self, log: SessionLog, since: float = float("inf")) -> bool:
        return (
            log.session.status() == "idle"
            and not self.turns.active(log.key)
            and log.session.last_activity <= since
        )

    async def delete(self, key: SessionKey, idle_since: float | None = None) -> bool:
        """Delete a session for good, interrupting its turn first.

        With `idle_since` only an archived one, idle since then (Unix time); says whether.
        """
        check_session_id(key.session_id)
        log, _ = await self.shelf.writable(key)
        async with log.gate:
            if idle_since is not None and not (
                log.session.archived and self._is_idle(log, idle_since)
            ):
                return False
            log.retired = True
        try:
            await self.turns.interrupt(log, "the session was deleted")
            await self.turns.finish(log)
            await self.shelf.remove(log)
        finally:
            log.retired = log.closed
        return True

    # ------------------------------------------------------------ lifetime

    async def start(self) -> None:
        """Open the store, go on with interrupted turns, begin to cull. Again: nothing."""
        if self._started:
            return
        async with self._starting:
            if not self._started:
                await self.services.store.open()
                self.upkeep.start()
                self._started = True

    async def all_cards(self, status: str | None = None) -> list[Card]:
        """List the sessions of all owners, archived ones too."""
        return await self.services.store.cards(None, self.root, status=status, limit=100_000)

    def _forget(self, log: SessionLog) -> None:
        """Drop a session whose log could not be written; go on with it when it can be."""
        self.shelf.forget(log)
        self.upkeep.revive(log.key)

    async def close(self) -> None:
        """End everything in order: background tasks, turns, viewers, the store."""
        try:
            await self.upkeep.close()
            await self.turns.close()
            await self.shelf.close()
        finally:
            await self.services.store.close()

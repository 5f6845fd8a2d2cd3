"""`GET ws`: one socket for a page and all its sessions; docs/socket.md says what goes (floor 5)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Annotated, Any, Final, cast

import msgspec
from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.websocket import WebSocketMixin
from msgspec import Meta, Struct
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from ..errors import AgentError, BadRequestError, ConflictError, ForbiddenError, TooLargeError
from ..events import RESYNC, SYNCED, Event
from ..pages import OpenNotebook, Page, Pages
from ..records import Json
from .base import Caller

MAX_FRAME: Final = 32_000_000
MAX_SMALL_FRAME: Final = 256_000
MAX_SUBSCRIPTIONS: Final = 100
BATCH: Final = 200
RESOURCE: Final = "jupyter_agent_ext:sessions"

SessionId = Annotated[str, Meta(min_length=1, max_length=256)]


class Hello(Struct, tag_field="type", tag="hello"):
    """Who the page is: the same id after a reconnect."""

    client_id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{8,64}$")]


class Subscribe(Struct, tag_field="type", tag="subscribe"):
    """Send a session's events after `after`, then live; `batch`: the replay in `events` frames."""

    session: SessionId
    after: Annotated[int, Meta(ge=0)] = 0
    batch: bool = False


class Unsubscribe(Struct, tag_field="type", tag="unsubscribe"):
    """Send no more of a session's events."""

    session: SessionId


class Shown(Struct):
    """One notebook that the page has open."""

    path: str
    focused: bool = False
    kernel_id: str | None = None
    dirty: bool = False
    active_cell: str | None = None


class Presence(Struct, tag_field="type", tag="presence"):
    """The whole truth about the page."""

    notebooks: list[Shown]
    visible: bool = True


class Cells(Struct, tag_field="type", tag="cells"):
    """The answer to `read`."""

    read_id: str
    cells: list[Json] | None = None
    error: Any = None


def _for_readers(method: Any) -> Any:
    """Let a socket be opened by who is logged in and may read sessions."""
    return ws_authenticated(authorized("read", resource=RESOURCE)(method))


Frame = Hello | Subscribe | Unsubscribe | Presence | Cells
_DECODER: Final[msgspec.json.Decoder[Frame]] = msgspec.json.Decoder(Frame)


class SocketHandler(WebSocketMixin, WebSocketHandler, Caller):
    """Follows sessions for a page and knows what the page shows."""

    _page: Page | None = None

    def initialize(self) -> None:
        """Begin without subscriptions."""
        super().initialize()
        self._subscriptions: dict[str, asyncio.Task[None]] = {}
        self._frames: dict[type, Callable[[Any], None]] = {
            Hello: self._hello,
            Subscribe: self._subscribe,
            Unsubscribe: self._unsubscribe,
            Presence: self._presence,
            Cells: self._cells,
        }

    @property
    def max_message_size(self) -> int:
        """The most bytes of a frame; a larger one closes the socket."""
        return MAX_FRAME

    @property
    def pages(self) -> Pages:
        """The pages of this server."""
        return self.manager.services.pages

    @_for_readers
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Become a socket, for who may read sessions."""
        await self.manager.start()
        await super().get(*args, **kwargs)

    def on_message(self, message: str | bytes) -> None:
        """Take in a frame; a bad one is answered with an `error` frame."""
        try:
            frame = _decoded(message)
            self._frames[type(frame)](frame)
        except AgentError as error:
            self._tell_error(None, error)

    def on_close(self) -> None:
        """Forget the page and end its subscriptions."""
        super().on_close()
        if self._page is not None:
            self.pages.detach(self._page)
        for task in self._subscriptions.values():
            task.cancel()

    # ------------------------------------------------------------ frames

    def _hello(self, frame: Hello) -> None:
        if self._page is not None:
            raise BadRequestError("The page has said hello already.")
        self._page = self.pages.attach(self.owner, frame.client_id, self._send_now)

    def _presence(self, frame: Presence) -> None:
        shown = [
            OpenNotebook(_plain_path(n.path), n.focused, n.kernel_id, n.dirty, n.active_cell)
            for n in frame.notebooks
        ]
        self.pages.show(self._known_page(), shown, visible=frame.visible)

    def _cells(self, frame: Cells) -> None:
        self._known_page().deliver(frame.read_id, frame.cells, frame.error)

    def _known_page(self) -> Page:
        if self._page is None:
            raise BadRequestError("The page must say hello first.", hint="See docs/socket.md.")
        return self._page

    def _subscribe(self, frame: Subscribe) -> None:
        former = self._subscriptions.pop(frame.session, None)
        if former is not None:
            former.cancel()
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise TooLargeError(
                f"A page follows {MAX_SUBSCRIPTIONS} sessions at most.", hint="Unsubscribe some."
            )
        task = asyncio.create_task(self._follow(frame), name="agent-socket")
        self._subscriptions[frame.session] = task
        task.add_done_callback(lambda done: self._ended(frame.session, done))

    def _unsubscribe(self, frame: Unsubscribe) -> None:
        task = self._subscriptions.pop(frame.session, None)
        if task is not None:
            task.cancel()

    # ------------------------------------------------------------ following

    async def _follow(self, frame: Subscribe) -> None:
        session_id = frame.session
        with contextlib.suppress(WebSocketClosedError):
            try:
                await self._send_events(session_id, frame.after, BATCH if frame.batch else 1)
            except AgentError as error:
                self._tell_error(session_id, error)
            except Exception as error:
                self.log.exception("Following session %s failed", session_id)
                self._tell_error(session_id, AgentError(f"Unexpected {type(error).__name__}."))

    async def _send_events(self, session_id: str, after: int, batch: int) -> None:
        allowed = self.authorizer.is_authorized(self, self.current_user, "read", RESOURCE)
        if not await ensure_async(allowed):
            raise ForbiddenError("You may not read sessions.")
        log = await self.manager.peek(self.key(session_id))
        events = cast("AsyncGenerator[Event, None]", log.follow(min(after, log.session.seq)))
        async with contextlib.aclosing(events):
            waiting: list[Json] = []
            replaying = batch > 1
            async for event in events:
                waiting.append(event.to_json())
                if replaying and event.seq and len(waiting) < batch:
                    continue
                await self.write_message(_encoded(_frame(session_id, waiting)))
                waiting = []
                if event.type in (SYNCED, RESYNC):
                    replaying = batch > 1 and event.type == RESYNC
        raise ConflictError("The session was closed.", hint="Subscribe again.")

    def _ended(self, session_id: str, task: asyncio.Task[None]) -> None:
        if self._subscriptions.get(session_id) is task:
            del self._subscriptions[session_id]

    # ------------------------------------------------------------ sending

    def _tell_error(self, session_id: str | None, error: AgentError) -> None:
        self._send_now({"type": "error", "session": session_id, "error": error.to_json()})

    def _send_now(self, frame: Json) -> None:
        """Send without waiting; a socket that has closed meanwhile misses it."""
        with contextlib.suppress(WebSocketClosedError):
            self.write_message(_encoded(frame))


def _frame(session_id: str, events: list[Json]) -> Json:
    """Return the frame that carries one event, or several."""
    if len(events) == 1:
        return {"type": "event", "session": session_id, "event": events[0]}
    return {"type": "events", "session": session_id, "events": events}


def _decoded(message: str | bytes) -> Frame:
    """Return the frame. Raises BadRequestError that names the field, TooLargeError."""
    try:
        frame = _DECODER.decode(message)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadRequestError(
            f"The frame is not as expected: {error}", hint="See docs/socket.md."
        ) from error
    if len(message) > MAX_SMALL_FRAME and not isinstance(frame, Cells):
        raise TooLargeError(f"A frame of this type has at most {MAX_SMALL_FRAME} bytes.")
    return frame


def _encoded(frame: Json) -> str:
    return msgspec.json.encode(frame).decode()


def _plain_path(path: str) -> str:
    return path.removeprefix("RTC:").strip("/")  # the drive of JupyterLab's shared documents


default_handlers = [(r"/agent/ws", SocketHandler)]

"""One session in memory: its folded state, its one writer and its viewers (floor 3)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from .. import events as ev
from ..errors import LeaseError, StoreError
from ..events import Draft, Event, SessionKey
from ..fold import Session, fold
from ..protocols import SessionStore
from ..records import Card, Lease

MAX_BEHIND = 256
FOLD_VERSION = b"1\n"  # another one, and kept states are folded anew: raise it with fold.py
_STATE_EVERY = 500
_READ_BATCH = 500
_POLL_SECONDS = 0.5


@dataclass(slots=True)
class Partial:
    """The text so far of a message that is being streamed."""

    turn_id: str
    text: str = ""
    reasoning: str = ""


@dataclass(slots=True, eq=False)
class _Viewer:
    waiting: deque[Event] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    behind: bool = False

    def push(self, event: Event) -> None:
        if len(self.waiting) >= MAX_BEHIND:
            self.behind = True
            self.waiting.clear()
        if not self.behind:
            self.waiting.append(event)
        self.wake.set()


class SessionLog:
    """Appends to one session's log and tells its viewers.

    `session` is the fold of everything appended; each append replaces it by a new value, so
    hold on to it only as long as you may be looking at the past. Without a lease the log is
    read-only and follows what another server writes. `observe` is called with each event that
    was written here.
    """

    def __init__(
        self,
        store: SessionStore,
        session: Session,
        lease: Lease | None,
        observe: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self.session = session
        self.lease = lease
        self.partials: dict[str, Partial] = {}
        self.gate = asyncio.Lock()  # held while a decision and its events belong together
        self.closed = False
        self.put_away_at = 0.0  # Unix seconds; who still holds the object takes the lease again
        self.retake: Callable[[], Awaitable[object]] | None = None
        self.retired = False  # it is being deleted: nothing new may begin
        self._observe = observe
        self._store = store
        self._lock = asyncio.Lock()
        self._viewers: set[_Viewer] = set()
        self._waiters: list[tuple[Callable[[Session], bool], asyncio.Future[None]]] = []
        self._saved_state = session.seq

    @property
    def key(self) -> SessionKey:
        """The session's key."""
        return SessionKey(self.session.owner, self.session.root, self.session.session_id)

    @property
    def watched(self) -> bool:
        """Whether anybody follows."""
        return bool(self._viewers)

    async def append(
        self, *drafts: Draft, blobs: Mapping[str, bytes] | None = None, text: str = ""
    ) -> list[Event]:
        """Write the events durably, fold them, then send them to the viewers.

        A cancelled caller still leaves state and store in agreement. Raises StoreError,
        LeaseError.
        """
        return await self.append_if(lambda _: drafts, blobs=blobs, text=text)

    async def append_if(
        self,
        decide: Callable[[Session], Sequence[Draft]],
        *,
        blobs: Mapping[str, bytes] | None = None,
        text: str = "",
    ) -> list[Event]:
        """Append what `decide` returns, seeing the session that it will follow; it may be nothing.

        What `decide` raises is raised.
        """
        if self.retake is not None:
            await self.retake()
        async with self._lock:
            drafts = tuple(decide(self.session))
            if not drafts:
                return []
            write = asyncio.ensure_future(self._write(drafts, blobs, text))
            try:
                return await asyncio.shield(write)
            except asyncio.CancelledError:
                await _finish(write)
                if not write.cancelled():
                    write.exception()  # seen: the cancellation goes before it
                raise

    async def _write(
        self, drafts: tuple[Draft, ...], blobs: Mapping[str, bytes] | None, text: str
    ) -> list[Event]:
        if self.lease is None:
            raise LeaseError("This session is written by another server.")
        now, seq = time.time(), self.session.seq
        events = [
            Event(seq + n, d.type, now, d.data, d.turn_id) for n, d in enumerate(drafts, start=1)
        ]
        ahead = fold(events, _unshared(self.session, {d.turn_id for d in drafts}))
        try:
            await self._store.append(
                self.lease, seq, events, blobs=blobs or {}, card=make_card(ahead), text=text
            )
        except LeaseError:
            self.give_up_lease()
            raise
        self.session = ahead
        for event in events:
            self._observe(event)
            self._fan_out(event)
        self._settle_waiters()
        if self.session.seq - self._saved_state >= _STATE_EVERY:
            await self.save_state()
        return events

    async def catch_up(self) -> None:
        """Read what another writer appended since."""
        async with self._lock:
            await self._catch_up()

    async def _catch_up(self) -> None:
        while True:
            events = await self._store.read(self.key, self.session.seq, _READ_BATCH)
            events = [e for e in events if e.seq > self.session.seq]
            touched = {e.turn_id for e in events}
            self.session = fold(events, _unshared(self.session, touched))
            for event in events:
                self._fan_out(event)
            self._settle_waiters()
            if len(events) < _READ_BATCH:
                return

    def give_up_lease(self) -> Lease | None:
        """Become read-only and return the lease; viewers go on, reading from the store."""
        lease, self.lease = self.lease, None
        for viewer in self._viewers:
            viewer.wake.set()
        return lease

    def close(self) -> None:
        """End all viewers and waiters; the log is not used any more."""
        self.closed = True
        for _, future in self._waiters:
            if not future.done():
                future.set_result(None)
        for viewer in self._viewers:
            viewer.wake.set()

    async def blob(self, digest: str) -> bytes | None:
        """Read a blob of this session."""
        return await self._store.blob(self.key, digest)

    async def save_state(self) -> None:
        """Keep the folded state, so that the next opening reads only what follows."""
        self._saved_state = self.session.seq
        state = FOLD_VERSION + await asyncio.to_thread(msgspec.json.encode, self.session)
        try:
            await self._store.save_state(self.key, self._saved_state, state)
        except StoreError:  # a cache: the log itself is complete
            return

    def publish(self, kind: str, data: dict[str, Any], turn_id: str) -> None:
        """Send an ephemeral event to the viewers; deltas are also kept for late viewers."""
        if kind in (ev.MESSAGE_DELTA, ev.REASONING_DELTA):
            partial = self.partials.setdefault(data["message_id"], Partial(turn_id))
            if kind == ev.MESSAGE_DELTA:
                partial.text += data["text"]
            else:
                partial.reasoning += data["text"]
        if self._viewers:
            self._fan_out(Event(0, kind, time.time(), data, turn_id))

    async def wait_for(self, ready: Callable[[Session], bool], timeout: float) -> bool:
        """Wait up to `timeout` seconds until `ready(session)` holds; say whether it does.

        Raises StoreError if the log was given up meanwhile.
        """
        if ready(self.session):
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (ready, future)
        self._waiters.append(waiter)
        try:
            await asyncio.wait({future}, timeout=timeout)
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        if self.closed and not ready(self.session):
            raise StoreError("The session's log could not be written; the turn did not go on.")
        return ready(self.session)

    async def follow(self, after: int = 0) -> AsyncIterator[Event]:
        """Yield the events after `after`, `synced`, then live ones, until closed by the caller.

        A viewer that falls more than MAX_BEHIND events behind gets `resync` and the durable
        events that it missed.
        """
        viewer = _Viewer()
        self._viewers.add(viewer)
        try:
            while True:
                viewer.behind = False
                viewer.waiting.clear()
                async for event in self._replay(after):
                    after = event.seq
                    yield event
                yield Event(0, ev.SYNCED, time.time(), {"seq": after})
                for message_id, partial in list(self.partials.items()):
                    yield _partial_event(message_id, partial)
                async for event in self._live(viewer):
                    if event.seq and event.seq <= after:
                        continue
                    after = event.seq or after
                    yield event
                if self.closed:
                    return
                yield Event(0, ev.RESYNC, time.time(), {"seq": after})
        finally:
            self._viewers.discard(viewer)

    async def _replay(self, after: int) -> AsyncIterator[Event]:
        while True:
            batch = await self._store.read(self.key, after, _READ_BATCH)
            for event in batch:
                after = event.seq
                yield event
            if len(batch) < _READ_BATCH:
                return

    async def _live(self, viewer: _Viewer) -> AsyncIterator[Event]:
        while not viewer.behind:
            while viewer.waiting:
                yield viewer.waiting.popleft()
            if viewer.behind:
                return
            if self.closed:
                return
            viewer.wake.clear()
            if self.lease is not None:
                await viewer.wake.wait()
                continue
            await self.catch_up()
            if not viewer.waiting:
                await asyncio.sleep(_POLL_SECONDS)

    def _fan_out(self, event: Event) -> None:
        if event.type == ev.MESSAGE_COMPLETED:
            self.partials.pop(event.data["message_id"], None)
        elif event.type == ev.TURN_ENDED:
            self.partials = {k: p for k, p in self.partials.items() if p.turn_id != event.turn_id}
        for viewer in self._viewers:
            viewer.push(event)

    def _settle_waiters(self) -> None:
        for ready, future in self._waiters:
            if not future.done() and ready(self.session):
                future.set_result(None)


def _unshared(session: Session, turn_ids: set[str | None]) -> Session:
    """Return a session to fold into that shares no part with `session` that a fold changes."""
    copy = replace(
        session,
        turns=dict(session.turns),
        queue=list(session.queue),
        redo=list(session.redo),
        rules=list(session.rules),
        compactions=list(session.compactions),
        variables=dict(session.variables),
        usage=replace(session.usage),
    )
    for turn_id in turn_ids & set(session.turns):
        turn = copy.turns[turn_id or ""]
        copy.turns[turn_id or ""] = replace(
            turn,
            messages=list(turn.messages),
            calls={k: replace(c) for k, c in turn.calls.items()},
            requests={k: replace(r) for k, r in turn.requests.items()},
            usage=replace(turn.usage),
        )
    return copy


async def _finish(task: asyncio.Future[Any]) -> None:
    """Wait for a task that must end, however often the waiter is cancelled."""
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            continue


def _partial_event(message_id: str, partial: Partial) -> Event:
    data = {"message_id": message_id, "text": partial.text, "reasoning": partial.reasoning}
    return Event(0, ev.MESSAGE_PARTIAL, time.time(), data, partial.turn_id)


def make_card(session: Session) -> Card:
    """Return what a list shows of the session."""
    return Card(
        key=SessionKey(session.owner, session.root, session.session_id),
        title=session.title,
        notebook_id=session.notebook_id,
        notebook=session.notebook,
        kernel_id=session.kernel_id,
        status=session.status(),
        archived=session.archived,
        turn_count=len(session.path()),
        seq=session.seq,
        created=session.created,
        last_activity=session.last_activity,
        model=session.model,
        mode=session.mode,
    )


async def load_session(store: SessionStore, key: SessionKey) -> Session | None:
    """Fold a stored session from its last kept state and the events since; None if unknown."""
    session, saved = Session(), await store.load_state(key)
    if saved is not None and saved[1].startswith(FOLD_VERSION):
        encoded = saved[1][len(FOLD_VERSION) :]
        try:
            session = await asyncio.to_thread(msgspec.json.decode, encoded, type=Session)
        except msgspec.DecodeError:  # damaged: fold from the start
            session = Session()
    while True:
        batch = await store.read(key, session.seq, _READ_BATCH)
        fold(batch, session)
        if len(batch) < _READ_BATCH:
            return session if session.seq else None

"""Any series of calls on two stores does what a dictionary would do."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from jupyter_agent_ext.errors import AgentError, LeaseError, NotFoundError, SequenceError
from jupyter_agent_ext.events import Event
from jupyter_agent_ext.records import Lease

from .conftest import SHARED, Factory
from .samples import card, digest, event, key

NAMES = st.sampled_from(["a", "b", "c"])
STORES = st.sampled_from([0, 1])
BLOBS = [b"one", b"two" * 500]


class Sessions(RuleBasedStateMachine):
    """Two stores, and beside them what should be in them."""

    make: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        factory: Factory = type(self).make(Path(self.folder.name))
        self.stores = [factory(), factory()]
        for store in self.stores:
            self.loop.run_until_complete(store.open())
        self.logs: dict[str, list[Event]] = {}
        self.held: dict[str, set[bytes]] = {}
        self.states: dict[str, tuple[int, bytes]] = {}
        self.writer: dict[str, int] = {}
        self.leases: dict[tuple[int, str], Lease] = {}  # the lost ones too

    def teardown(self) -> None:
        for store in self.stores:
            self.loop.run_until_complete(store.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()

    def outcome(self, call) -> type[AgentError] | None:
        try:
            self.loop.run_until_complete(call)
        except AgentError as error:
            return type(error)
        return None

    @rule(store=STORES, name=NAMES)
    def acquire(self, store, name):
        try:
            lease = self.loop.run_until_complete(self.stores[store].acquire(key(name)))
        except LeaseError:
            assert self.writer[name] != store
            return
        before = [one.fence for (_, n), one in self.leases.items() if n == name]
        if self.writer.get(name) == store:
            assert lease == self.leases[store, name]
        else:
            assert name not in self.writer
            assert lease.fence > max(before, default=0)
        self.writer[name], self.leases[store, name] = store, lease

    @rule(store=STORES, name=NAMES)
    def release(self, store, name):
        if (store, name) in self.leases:
            lease = self.leases[store, name]
            assert self.outcome(self.stores[store].release(lease)) is None
            if self.writer.get(name) == store:
                del self.writer[name]

    @rule(
        store=STORES,
        name=NAMES,
        count=st.integers(1, 3),
        off=st.sampled_from([0, 0, 0, 1, -1]),
        blob=st.sampled_from([None, *BLOBS]),
    )
    def append(self, store, name, count, off, blob):
        if (store, name) not in self.leases:
            return
        end = len(self.logs.get(name, [])) + off
        new = [event(end + n, by=store) for n in range(1, count + 1)]
        got = self.outcome(
            self.stores[store].append(
                self.leases[store, name],
                end,
                new,
                blobs={digest(blob): blob} if blob else None,
                card=card(key(name), seq=end + count),
            )
        )
        if self.writer.get(name) != store:
            assert got is LeaseError
        elif off:
            assert got is SequenceError
        else:
            assert got is None
            self.logs.setdefault(name, []).extend(new)
            self.held.setdefault(name, set()).update([blob] if blob else [])

    @rule(store=STORES, source=NAMES, name=NAMES, blob=st.sampled_from(BLOBS))
    def copy(self, store, source, name, blob):
        if (store, name) not in self.leases:
            return
        call = self.stores[store].copy(key(source), [digest(blob)], self.leases[store, name])
        got = self.outcome(call)
        if self.writer.get(name) != store:
            assert got is LeaseError
        elif blob not in self.held.get(source, set()):
            assert got is NotFoundError
        else:
            assert got is None
            self.held.setdefault(name, set()).add(blob)

    @rule(store=STORES, name=NAMES)
    def delete(self, store, name):
        if (store, name) not in self.leases:
            return
        got = self.outcome(self.stores[store].delete(self.leases[store, name]))
        if self.writer.get(name) != store:
            assert got is LeaseError
        else:
            assert got is None
            for kept in (self.logs, self.held, self.states):
                kept.pop(name, None)

    @rule(store=STORES, name=NAMES, seq=st.integers(0, 6))
    def save_state(self, store, name, seq):
        if name not in self.logs:
            return
        state = f"{name} {seq}".encode()
        assert self.outcome(self.stores[store].save_state(key(name), seq, state)) is None
        if self.states.get(name, (0, b""))[0] <= seq <= len(self.logs[name]):
            self.states[name] = (seq, state)

    @rule(store=STORES)
    def reopen(self, store):
        self.loop.run_until_complete(self.stores[store].close())
        self.loop.run_until_complete(self.stores[store].open())
        self.writer = {name: by for name, by in self.writer.items() if by != store}

    @invariant()
    def both_stores_show_what_should_be_there(self):
        for store in self.stores:
            self.loop.run_until_complete(self.compare(store))

    async def compare(self, store) -> None:
        for name in ("a", "b", "c"):
            log = self.logs.get(name, [])
            assert await store.read(key(name)) == log
            assert await store.load_state(key(name)) == self.states.get(name)
            found = await store.card(key(name))
            assert found == (card(key(name), seq=len(log)) if log else None)
            for blob in BLOBS:
                expected = blob if blob in self.held.get(name, set()) else None
                assert await store.blob(key(name), digest(blob)) == expected


def case(name: str) -> Any:
    machine = type(f"Sessions_{name}", (Sessions,), {"make": staticmethod(SHARED[name])})
    machine.TestCase.settings = settings(
        max_examples=20,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    return machine.TestCase


for _name in SHARED:
    globals()[f"Test_{_name}"] = case(_name)

"""Fixtures for stores: every test that takes `store` or `factory` runs on each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_agent_ext.protocols import SessionStore
from jupyter_agent_ext.stores.sqlite import SQLiteStore

Factory = Callable[[], SessionStore]


def sqlite_file(folder: Path) -> Factory:
    return lambda: SQLiteStore(folder / "sessions.sqlite", ttl=3.0, busy_timeout=2.0)


def sqlite_network(folder: Path) -> Factory:
    return lambda: SQLiteStore(folder / "sessions.sqlite", ttl=3.0, network=True)


def sqlite_memory(folder: Path) -> Factory:
    return lambda: SQLiteStore(":memory:")


# a factory for a folder gives stores that share their data, if they can share it at all
FACTORIES = {"file": sqlite_file, "network": sqlite_network, "memory": sqlite_memory}
SHARED = {name: FACTORIES[name] for name in ("file", "network")}


@pytest.fixture(params=FACTORIES.values(), ids=FACTORIES)
def store(request, tmp_path, jp_asyncio_loop) -> Iterator[SessionStore]:
    store = request.param(tmp_path)()
    jp_asyncio_loop.run_until_complete(store.open())
    yield store
    jp_asyncio_loop.run_until_complete(store.close())


@pytest.fixture(params=SHARED.values(), ids=SHARED)
def pair(request, tmp_path, jp_asyncio_loop) -> Iterator[tuple[SessionStore, SessionStore]]:
    """Two stores on the same data, as two servers have them."""
    factory = request.param(tmp_path)
    stores = (factory(), factory())
    for store in stores:
        jp_asyncio_loop.run_until_complete(store.open())
    yield stores
    for store in stores:
        jp_asyncio_loop.run_until_complete(store.close())

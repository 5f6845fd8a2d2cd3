"""What is special about a file of SQLite: its rights, versions, damage, and limits."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_agent_ext.errors import StoreError
from jupyter_agent_ext.stores.schema import MIGRATIONS, VERSION_1
from jupyter_agent_ext.stores.sqlite import SQLiteStore

from .samples import card, digest, event, events, key

VERSION_2 = (
    "ALTER TABLE sessions ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0",
    "UPDATE sessions SET pinned = 1 WHERE title = 'Load the sales'",
)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "data" / "jupyter" / "sessions.sqlite"


async def filled(path: Path, count: int = 5, **options) -> None:
    """Make a store with one session of `count` events, and close it."""
    store = SQLiteStore(path, **options)
    await store.open()
    lease = await store.acquire(key())
    await store.append(lease, 0, events(1, count), card=card(key()))
    await store.close()


def query(path: Path, statement: str) -> list[tuple]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


# ---------------------------------------------------------------- the file


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
async def test_the_files_are_private_whatever_the_umask(path):
    before = os.umask(0)
    try:
        store = SQLiteStore(path)
        await store.open()
        await store.append(await store.acquire(key()), 0, events(1, 1))
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
        assert {"sessions.sqlite", "sessions.sqlite-wal", "sessions.sqlite-shm"} < set(modes)
        assert set(modes.values()) == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
        await store.close()
    finally:
        os.umask(before)


async def test_closing_leaves_one_file(path):
    await filled(path)
    assert [p.name for p in path.parent.iterdir()] == ["sessions.sqlite"]


async def test_commits_are_durable_and_deletions_real(path):
    store = SQLiteStore(path)
    await store.open()
    assert store.journal_mode == "wal"
    assert store.location == str(path)
    lease = await store.acquire(key())
    await store.append(lease, 0, [event(1, text="the secret of the store " * 500)])
    await store.delete(lease)
    await store.close()
    assert b"the secret of the store" not in path.read_bytes()


async def test_deleting_a_session_makes_the_file_smaller(path):
    store = SQLiteStore(path)
    await store.open()
    image = random.Random(2).randbytes(10_000_000)
    old, new = await store.acquire(key("old")), await store.acquire(key("new"))
    await store.append(old, 0, events(1, 1), blobs={digest(image): image})
    await store.append(new, 0, events(1, 1))
    await store.delete(old)
    await store.close()
    assert path.stat().st_size < 200_000


async def test_stores_that_create_the_same_file_at_once_all_open(path):
    stores = [SQLiteStore(path) for _ in range(6)]
    await asyncio.gather(*(store.open() for store in stores))
    for number, store in enumerate(stores):
        await store.append(await store.acquire(key(f"s{number}")), 0, events(1, 1))
    assert len(await stores[0].cards("ada", "/srv")) == 6
    await asyncio.gather(*(store.close() for store in stores))


# ---------------------------------------------------------------- versions


async def test_an_older_file_is_brought_forward_with_all_it_holds(path):
    await filled(path, migrations=(VERSION_1,))
    assert query(path, "PRAGMA user_version") == [(1,)]
    store = SQLiteStore(path, migrations=(VERSION_1, VERSION_2))
    await store.open()
    assert await store.read(key()) == events(1, 5)
    assert await store.card(key()) == card(key(), seq=5)
    await store.append(await store.acquire(key()), 5, events(6, 6))
    await store.close()
    assert query(path, "PRAGMA user_version") == [(2,)]
    assert query(path, "SELECT pinned FROM sessions") == [(1,)]


async def test_a_migration_that_fails_leaves_the_old_version_usable(path):
    await filled(path)
    broken = (*VERSION_2, "INSERT INTO no_such_table VALUES (1)")
    with pytest.raises(StoreError, match="no_such_table"):
        await SQLiteStore(path, migrations=(*MIGRATIONS, broken)).open()
    store = SQLiteStore(path)
    await store.open()
    assert await store.read(key()) == events(1, 5)
    await store.close()
    assert "pinned" not in query(path, "SELECT sql FROM sqlite_master WHERE name='sessions'")[0][0]


async def test_servers_that_migrate_at_once_do_it_once(path):
    await filled(path)
    stores = [SQLiteStore(path, migrations=(*MIGRATIONS, VERSION_2)) for _ in range(5)]
    await asyncio.gather(*(store.open() for store in stores))
    assert await stores[4].read(key()) == events(1, 5)
    await asyncio.gather(*(store.close() for store in stores))


async def test_a_file_of_a_newer_release_is_refused_and_not_touched(path):
    await filled(path, migrations=(*MIGRATIONS, VERSION_2))
    before = hashlib.sha256(path.read_bytes()).digest()
    with pytest.raises(StoreError, match="version 2") as caught:
        await SQLiteStore(path).open()
    assert str(path) in str(caught.value)
    assert "Upgrade" in caught.value.hint
    assert hashlib.sha256(path.read_bytes()).digest() == before


async def test_a_database_of_another_program_is_refused_and_not_touched(tmp_path):
    path = tmp_path / "signatures.db"
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE nbsignatures (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        await SQLiteStore(path).open()
    assert path.read_bytes() == before


# ---------------------------------------------------------------- damage


async def test_a_file_that_is_no_database_is_named_and_kept(tmp_path):
    path = tmp_path / "sessions.sqlite"
    path.write_bytes(b"these are my notes, please keep them\n" * 400)
    before = path.read_bytes()
    with pytest.raises(StoreError) as caught:
        await SQLiteStore(path).open()
    assert str(path) in str(caught.value)
    assert ".recover" in caught.value.hint
    assert path.read_bytes() == before


async def test_a_damaged_page_is_an_error_of_the_store_not_a_shorter_log(path):
    await filled(path, 3000)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 40 * 4096] = random.Random(3).randbytes(40 * 4096)
    path.write_bytes(content)
    store = SQLiteStore(path)
    await store.open()
    with pytest.raises(StoreError) as caught:
        await store.read(key(), limit=3000)
    assert str(path) in str(caught.value)
    assert ".recover" in caught.value.hint
    await store.close()


async def test_a_blob_that_changed_on_the_disk_is_not_given_out(path):
    store = SQLiteStore(path)
    await store.open()
    lease = await store.acquire(key())
    await store.append(lease, 0, events(1, 1), blobs={digest(b"as it was"): b"as it was"})
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE blobs SET data = x'00'")
    connection.close()
    with pytest.raises(StoreError, match="damaged"):
        await store.blob(key(), digest(b"as it was"))
    await store.close()


# ---------------------------------------------------------------- no space, no right, no lock


async def test_a_full_store_says_so_and_goes_on_once_there_is_space(path):
    store = SQLiteStore(path, max_pages=120)
    await store.open()
    old, new = await store.acquire(key("old")), await store.acquire(key("new"))
    await store.append(old, 0, events(1, 20), blobs={digest(b"x" * 150_000): b"x" * 150_000})
    seq = 0
    refused = None
    while refused is None and seq < 1000:
        try:
            await store.append(new, seq, [event(seq + 1, text="y" * 3000)])
            seq += 1
        except StoreError as error:
            refused = error
    assert refused is not None
    assert "full" in str(refused)
    assert "space" in refused.hint
    assert seq > 0
    assert [e.seq for e in await store.read(key("new"))] == list(range(1, seq + 1))
    await store.delete(old)
    for more in range(seq, seq + 5):
        await store.append(new, more, [event(more + 1, text="y" * 3000)])
    assert len(await store.read(key("new"))) == seq + 5
    await store.close()
    assert query(path, "PRAGMA integrity_check") == [("ok",)]


async def test_what_is_too_large_does_not_take_the_small_down_with_it(path):
    store = SQLiteStore(path, max_pages=200)
    await store.open()
    leases = [await store.acquire(key(f"s{n}")) for n in range(9)]
    large = random.Random(5).randbytes(2_000_000)
    results = await asyncio.gather(
        *(
            store.append(lease, 0, events(1, 1), blobs={digest(large): large} if n == 4 else None)
            for n, lease in enumerate(leases)
        ),
        return_exceptions=True,
    )
    assert [type(r) for r in results] == [type(None)] * 4 + [StoreError] + [type(None)] * 4
    for n, lease in enumerate(leases):
        assert len(await store.read(lease.key)) == (n != 4)
    await store.close()


async def test_a_file_locked_by_another_program_is_an_error_that_passes(path):
    store = SQLiteStore(path, busy_timeout=0.1)
    await store.open()
    lease = await store.acquire(key())
    await store.append(lease, 0, events(1, 1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        await store.append(lease, 1, events(2, 2))
    assert await store.read(key()) == events(1, 1)
    other.execute("ROLLBACK")
    other.close()
    await store.append(lease, 1, events(2, 2))
    await store.close()


async def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as caught:
        await SQLiteStore(tmp_path / "file" / "sessions.sqlite").open()
    assert "sessions.sqlite" in str(caught.value)


@pytest.fixture
def readable_folder() -> Iterator[Path]:
    """A folder that another user may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


READ_ONLY = """
import asyncio, os, sys
from jupyter_agent_ext.errors import StoreError
from jupyter_agent_ext.events import Event, SessionKey
from jupyter_agent_ext.stores.sqlite import SQLiteStore
async def main():
    await asyncio.to_thread(int)
    if os.getuid() == 0:  # root may write anything: be somebody else, now that all is imported
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    store = SQLiteStore(sys.argv[1])
    try:
        await store.open()
        await store.append(await store.acquire(SessionKey("a", "b", "c")), 0, [Event(1, "x", 1.0)])
    except StoreError as error:
        print(error, error.hint)
    await store.close()
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
async def test_a_read_only_file_is_an_error_of_the_store(readable_folder):
    path = readable_folder / "sessions.sqlite"
    await filled(path)
    path.chmod(0o444)
    readable_folder.chmod(0o555)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "error", "-c", READ_ONLY, str(path)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    readable_folder.chmod(0o755)
    assert str(path) in done.stdout, done.stderr
    assert "may not be written" in done.stdout
    assert query(path, "SELECT count(*) FROM sessions") == [(1,)]

"""Several servers on one file: leases between processes, and SIGKILL at any moment."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jupyter_agent_ext.errors import LeaseError
from jupyter_agent_ext.events import Event
from jupyter_agent_ext.stores.sqlite import SQLiteStore

from .samples import digest, key

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and locks")

LONG = 600.0  # a lease that nobody may wait for
WORKER = Path(__file__).with_name("worker.py")


@contextmanager
def worker(what: str, path: Path, ttl: float) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(WORKER), what, str(path), str(ttl)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ask(process: subprocess.Popen[str]) -> str:
    """Let a holding worker append once more; return how that went."""
    assert process.stdin is not None
    process.stdin.write("again\n")
    process.stdin.flush()
    return next_line(process)


def beside(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir() if p.name.endswith(".lock"))


async def eventually(attempt, *, within: float):
    deadline = time.monotonic() + within
    while True:
        try:
            return await attempt()
        except LeaseError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("runs", [10, pytest.param(150, marks=pytest.mark.slow)])
async def test_no_acknowledged_event_is_lost_by_sigkill(tmp_path, runs):
    path, rng = tmp_path / "sessions.sqlite", random.Random()
    acknowledged: dict[str, int] = {}
    for _ in range(runs):
        with worker("write", path, LONG) as process:
            seen = [next_line(process) for _ in range(rng.randrange(4, 60))]
            await asyncio.sleep(rng.random() * 0.02)
            process.kill()
            rest, _ = process.communicate()
        for line in seen + rest.split("\n")[:-1]:  # the last piece may be half a line
            name, seq = line.split()
            assert int(seq) >= acknowledged.get(name, 0)
            acknowledged[name] = int(seq)
        await check_after_a_kill(path, acknowledged)
    assert len(acknowledged) == 4
    assert min(acknowledged.values()) > 10


async def check_after_a_kill(path: Path, acknowledged: dict[str, int]) -> None:
    store = SQLiteStore(path, ttl=LONG)
    await store.open()
    try:
        for name, seq in acknowledged.items():
            log = await store.read(key(name), limit=1_000_000)
            assert [e.seq for e in log] == list(range(1, len(log) + 1))
            assert len(log) >= seq
            for named in {e.data["blob"] for e in log[-5:] if "blob" in e.data}:
                blob = await store.blob(key(name), named)
                assert blob is not None
                assert digest(blob) == named
            lease = await store.acquire(key(name))  # at once: ten minutes of lease are left
            await store.append(lease, len(log), [Event(len(log) + 1, "after", 1.0)])
    finally:
        await store.close()
    assert beside(path) == []


async def test_a_session_held_by_another_process_can_be_read_not_written(tmp_path):
    path = tmp_path / "sessions.sqlite"
    with worker("hold", path, LONG) as process:
        assert next_line(process) == "held"
        store = SQLiteStore(path, ttl=LONG)
        await store.open()
        for seq in range(1, 6):
            with pytest.raises(LeaseError):
                await store.acquire(key())
            assert len(await store.read(key())) == seq
            assert ask(process) == "held"
        process.stdin.close()
        assert process.wait(10) == 0
        lease = await store.acquire(key())
        await store.append(lease, 6, [Event(7, "x", 1.0)])
        await store.close()
    assert beside(path) == []


async def test_an_open_store_takes_over_from_a_killed_process_at_once(tmp_path):
    path = tmp_path / "sessions.sqlite"
    store = SQLiteStore(path, ttl=LONG)
    await store.open()
    with worker("hold", path, LONG) as process:
        assert next_line(process) == "held"
        assert len(beside(path)) == 2
        process.kill()
        process.wait(10)
        await store.acquire(key())
    assert len(beside(path)) == 1
    await store.close()


async def test_a_stopped_process_keeps_its_sessions_beyond_their_time(tmp_path):
    path = tmp_path / "sessions.sqlite"
    store = SQLiteStore(path, ttl=0.2)
    await store.open()
    with worker("hold", path, 0.2) as process:
        assert next_line(process) == "held"
        os.kill(process.pid, signal.SIGSTOP)
        await asyncio.sleep(0.5)
        with pytest.raises(LeaseError):
            await store.acquire(key())
        os.kill(process.pid, signal.SIGCONT)
        assert ask(process) == "held"
    await store.close()


async def test_without_locks_a_lease_lasts_while_it_is_renewed_and_is_fenced_after(tmp_path):
    path, ttl = tmp_path / "sessions.sqlite", 1.2
    store = SQLiteStore(path, ttl=ttl)
    await store.open()
    with worker("hold", path, ttl) as process:
        assert next_line(process) == "held"
        hide_locks(path)
        deadline = time.monotonic() + 1.5 * ttl
        while time.monotonic() < deadline:
            with pytest.raises(LeaseError):
                await store.acquire(key())
            await asyncio.sleep(0.1)
        os.kill(process.pid, signal.SIGSTOP)
        lease = await eventually(lambda: store.acquire(key()), within=3 * ttl)
        await store.append(lease, 1, [Event(2, "x", 1.0)])
        os.kill(process.pid, signal.SIGCONT)
        assert ask(process) == "held_elsewhere"
    await store.close()


async def test_closing_gives_leases_back_also_where_nothing_can_be_locked(tmp_path):
    path = tmp_path / "sessions.sqlite"
    first, second = SQLiteStore(path, ttl=LONG), SQLiteStore(path, ttl=LONG)
    await first.open()
    await second.open()
    await first.acquire(key())
    hide_locks(path)
    await first.close()
    await second.acquire(key())
    await second.close()


def hide_locks(path: Path) -> None:
    """Make every holder look like one on a file system that cannot lock."""
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute("UPDATE holders SET host=NULL").rowcount > 0
    connection.close()


async def test_a_busy_event_loop_does_not_cost_the_lease(tmp_path):
    path, ttl = tmp_path / "sessions.sqlite", 0.9
    first, second = SQLiteStore(path, ttl=ttl), SQLiteStore(path, ttl=ttl)
    await first.open()
    await second.open()
    lease = await first.acquire(key())
    hide_locks(path)
    time.sleep(1.0)  # noqa: ASYNC251 - the loop stands still on purpose
    with pytest.raises(LeaseError):
        await second.acquire(key())
    await first.append(lease, 0, [Event(1, "x", 1.0)])
    await first.close()
    await second.close()


async def test_lock_files_of_the_dead_are_swept_when_a_store_opens(tmp_path):
    path = tmp_path / "sessions.sqlite"
    with worker("hold", path, LONG) as process:
        assert next_line(process) == "held"
        process.kill()
        process.wait(10)
    (tmp_path / "sessions.sqlite-0123.lock").touch()
    assert len(beside(path)) == 2
    store = SQLiteStore(path, ttl=LONG)
    await store.open()
    await store.acquire(key("other"))
    assert len(beside(path)) == 1
    await store.close()
    assert [p.name for p in tmp_path.iterdir()] == ["sessions.sqlite"]

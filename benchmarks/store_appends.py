"""Measure durable appends of 1 kB events, and the event loop's lag meanwhile.

`python benchmarks/store_appends.py [FOLDER]`: the folder (default: a temporary one) decides
which disk is measured. The floor is plain sqlite3 in one thread, one commit an event, with
the same PRAGMAs and an equal table.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

from jupyter_agent_ext.events import Event, SessionKey
from jupyter_agent_ext.stores.logs import encode
from jupyter_agent_ext.stores.sqlite import SQLiteStore

SECONDS = 2.0
ROUNDS = 3
TARGET_RATE = 5_000
TARGET_LAG = 20.0


def event(seq: int) -> Event:
    return Event(seq, "message.completed", time.time(), {"text": os.urandom(440).hex()}, "t1")


def floor(folder: Path) -> float:
    """Return events a second of sqlite3 alone."""
    connection = sqlite3.connect(folder / "floor.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("CREATE TABLE events (session, seq, event TEXT, UNIQUE (session, seq))")
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        done += 1
        connection.execute("INSERT INTO events VALUES (1, ?, ?)", (done, encode(event(done))))
    rate = done / (time.perf_counter() - start)
    connection.close()
    return rate


async def appends(path: Path, writers: int) -> tuple[float, list[float]]:
    """Return events a second of `writers` sessions, and the loop's lags in milliseconds."""
    store = SQLiteStore(path)
    await store.open()
    lags: list[float] = []
    watch = asyncio.create_task(watch_lag(lags))
    start = time.perf_counter()

    async def write(number: int) -> int:
        lease = await store.acquire(SessionKey("me", "/", f"s{number}"))
        seq = 0
        while time.perf_counter() - start < SECONDS:
            await store.append(lease, seq, [event(seq + 1)])
            seq += 1
        return seq

    counts = await asyncio.gather(*(write(number) for number in range(writers)))
    elapsed = time.perf_counter() - start
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    for number, count in enumerate(counts):  # what was counted must be there
        tail = await store.read(SessionKey("me", "/", f"s{number}"), after=count - 1)
        assert [e.seq for e in tail] == [count]
    await store.close()
    return sum(counts) / elapsed, lags


async def watch_lag(lags: list[float]) -> None:
    while True:
        due = time.perf_counter() + 0.002
        await asyncio.sleep(0.002)
        lags.append((time.perf_counter() - due) * 1000)


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        floors: list[float] = []
        rates: dict[int, list[float]] = {1: [], 16: []}
        lags: dict[int, list[float]] = {1: [], 16: []}
        for round_number in range(ROUNDS):  # interleaved: the machine's mood hits all alike
            (folder / str(round_number)).mkdir()
            floors.append(floor(folder / str(round_number)))
            for writers in rates:
                path = folder / f"{round_number}-{writers}.sqlite"
                rate, lag = asyncio.run(appends(path, writers))
                rates[writers].append(rate)
                lags[writers] += lag
    base = statistics.median(floors)
    print(f"{'':24}{'events/s':>10}{'x floor':>9}{'lag p50':>10}{'lag p99':>10}{'max':>10}")
    print(f"{'sqlite3, commit each':24}{base:>10.0f}{1:>9.2f}")
    for writers, measured in rates.items():
        rate, sorted_lags = statistics.median(measured), sorted(lags[writers])
        p50, p99 = (sorted_lags[int(len(sorted_lags) * share)] for share in (0.5, 0.99))
        print(
            f"{f'SQLiteStore, {writers} writers':24}{rate:>10.0f}{rate / base:>9.2f}"
            f"{p50:>7.2f} ms{p99:>7.2f} ms{sorted_lags[-1]:>7.2f} ms"
        )
    print(f"target with 16 writers: {TARGET_RATE} events/s, lag p99 {TARGET_LAG:.0f} ms")


if __name__ == "__main__":
    main()

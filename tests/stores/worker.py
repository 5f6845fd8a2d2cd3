"""A process of its own that uses a store, to be stopped and killed by the tests.

`worker.py write FILE SECONDS`: appends to four sessions at once and prints `session seq`
after each append that was acknowledged. `worker.py hold FILE TTL`: takes the session s1,
appends one event, prints `held`, then appends one more for each line on stdin and prints
how that went; it closes the store at the end of stdin.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import sys

from jupyter_agent_ext.errors import AgentError
from jupyter_agent_ext.events import Event, SessionKey
from jupyter_agent_ext.stores.sqlite import SQLiteStore


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def write(store: SQLiteStore, name: str) -> None:
    key = SessionKey("ada", "/srv", name)
    lease, rng = await store.acquire(key), random.Random()
    log = await store.read(key, limit=1_000_000)
    seq = len(log)
    say(f"{name} {seq}")
    while True:
        blob = rng.randbytes(rng.choice((10, 1000, 200_000)))
        digest = hashlib.sha256(blob).hexdigest()
        count = rng.randrange(1, 4)
        batch = [Event(seq + n, "x", 1.0, {"blob": digest}) for n in range(1, count + 1)]
        await store.append(lease, seq, batch, blobs={digest: blob})
        seq += count
        say(f"{name} {seq}")


async def hold(store: SQLiteStore) -> None:
    lease, seq = await store.acquire(SessionKey("ada", "/srv", "s1")), 0
    line = "first"
    while line:
        try:
            await store.append(lease, seq, [Event(seq + 1, "x", 1.0)])
            seq += 1
            say("held")
        except AgentError as error:
            say(error.code)
        line = await asyncio.to_thread(sys.stdin.readline)


async def main(what: str, path: str, ttl: float) -> None:
    store = SQLiteStore(path, ttl=ttl)
    await store.open()
    if what == "hold":
        await hold(store)
    else:
        await asyncio.gather(*(write(store, f"s{n}") for n in range(4)))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))

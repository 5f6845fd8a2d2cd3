"""What every session store does so that a session has one writer."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from jupyter_agent_ext.errors import LeaseError
from jupyter_agent_ext.protocols import SessionStore

from .samples import card, digest, event, events, key

PNG = b"\x89PNG" + bytes(4000)


async def test_acquiring_twice_gives_the_same_lease(store):
    lease = await store.acquire(key())
    assert lease.key == key()
    assert await store.acquire(key()) == lease
    both = await asyncio.gather(store.acquire(key("n")), store.acquire(key("n")))
    assert both[0] == both[1]


async def test_the_fence_grows_with_every_lease(store):
    fences = []
    for _ in range(3):
        lease = await store.acquire(key())
        fences.append(lease.fence)
        await store.append(lease, len(fences) - 1, [event(len(fences))])
        await store.release(lease)
    assert fences == sorted(set(fences))


async def test_a_lease_given_back_writes_no_more(store):
    lease = await store.acquire(key())
    await store.append(lease, 0, events(1, 1), blobs={digest(PNG): PNG})
    await store.release(lease)
    await store.release(lease)
    with pytest.raises(LeaseError):
        await store.append(lease, 1, events(2, 2))
    with pytest.raises(LeaseError):
        await store.delete(lease)
    with pytest.raises(LeaseError):
        await store.copy(key(), [digest(PNG)], lease)
    newer = await store.acquire(key())
    with pytest.raises(LeaseError):
        await store.append(lease, 1, events(2, 2))
    await store.append(newer, 1, events(2, 2))


async def test_the_second_store_reads_but_does_not_write(pair):
    first, second = pair
    lease = await first.acquire(key())
    await first.append(lease, 0, events(1, 2), card=card(key()))
    with pytest.raises(LeaseError):
        await second.acquire(key())
    with pytest.raises(LeaseError):
        await second.append(replace(lease, holder="somebody else"), 2, events(3, 3))
    assert await second.read(key()) == events(1, 2)
    assert await second.card(key()) == card(key(), seq=2)
    await first.append(lease, 2, events(3, 3))
    assert await second.read(key(), after=2) == events(3, 3)


async def test_a_released_session_goes_to_the_next_store(pair):
    first, second = pair
    lease = await first.acquire(key())
    await first.append(lease, 0, events(1, 1))
    await first.release(lease)
    newer = await second.acquire(key())
    assert newer.fence > lease.fence
    await second.append(newer, 1, events(2, 2))
    with pytest.raises(LeaseError):
        await first.append(lease, 1, events(2, 2))
    assert await first.read(key()) == events(1, 2)


async def test_closing_gives_back_every_lease(pair):
    first, second = pair
    for n in range(5):
        await first.acquire(key(f"s{n}"))
    await first.close()
    for n in range(5):
        await second.acquire(key(f"s{n}"))


async def test_two_stores_that_race_for_a_session_agree_on_one_writer(pair):
    for n in range(30):
        results = await asyncio.gather(
            *(one.acquire(key(f"s{n}")) for one in pair), return_exceptions=True
        )
        assert sorted(type(r).__name__ for r in results) == ["Lease", "LeaseError"]


async def test_two_stores_write_their_own_sessions_at_the_same_time(pair):
    async def write(one: SessionStore, name: str) -> None:
        lease = await one.acquire(key(name))
        for seq in range(50):
            await one.append(lease, seq, events(seq + 1, seq + 1))

    await asyncio.gather(*(write(one, f"{i}-{n}") for i, one in enumerate(pair) for n in range(4)))
    for i, one in enumerate(pair):
        for n in range(4):
            assert await one.read(key(f"{1 - i}-{n}")) == events(1, 50)

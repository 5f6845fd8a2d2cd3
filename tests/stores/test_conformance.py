"""What every session store does, whatever it is made of."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_agent_ext.errors import (
    AgentError,
    NotFoundError,
    SequenceError,
    StoreError,
)
from jupyter_agent_ext.events import Event
from jupyter_agent_ext.protocols import SessionStore

from .samples import card, digest, event, events, key

PNG = b"\x89PNG\r\n" + bytes(range(256)) * 40


# ---------------------------------------------------------------- the log


async def test_what_was_appended_is_read_in_order(store):
    assert isinstance(store, SessionStore)
    lease = await store.acquire(key())
    await store.append(lease, 0, events(1, 3))
    await store.append(lease, 3, events(4, 5))
    assert await store.read(key()) == events(1, 5)


async def test_reading_starts_after_a_seq_and_stops_at_the_limit(store):
    lease = await store.acquire(key())
    await store.append(lease, 0, events(1, 9))
    assert await store.read(key(), after=3, limit=2) == events(4, 5)
    assert await store.read(key(), after=9) == []
    assert await store.read(key(), limit=0) == []


async def test_an_unknown_session_is_empty(store):
    assert await store.read(key("nobody")) == []
    assert await store.card(key("nobody")) is None
    assert await store.load_state(key("nobody")) is None
    assert await store.blob(key("nobody"), digest(PNG)) is None


async def test_sessions_of_other_owners_and_roots_are_apart(store):
    keys = [key(), key(owner="bob"), key(root="/else"), key("s2")]
    for number, one in enumerate(keys):
        await store.append(await store.acquire(one), 0, [event(1, number=number)])
    for number, one in enumerate(keys):
        assert [e.data["number"] for e in await store.read(one)] == [number]


@pytest.mark.parametrize(
    "session_id", ["a/b", "ünï çødé 🐍", "x" * 10_000, "'; DROP TABLE", "%_\\"]
)
async def test_any_session_id_is_kept_as_it_is(store, session_id):
    one = key(session_id)
    await store.append(await store.acquire(one), 0, events(1, 1), card=card(one))
    assert await store.read(one) == events(1, 1)
    assert [c.key for c in await store.cards("ada", "/srv")] == [one]


async def test_an_append_behind_the_end_is_refused_and_leaves_nothing(store):
    lease = await store.acquire(key())
    await store.append(lease, 0, events(1, 2))
    with pytest.raises(SequenceError):
        await store.append(lease, 1, [event(2, mine=True)], card=card(key(), title="lost"))
    with pytest.raises(SequenceError):
        await store.append(lease, 5, events(6, 6))
    assert await store.read(key()) == events(1, 2)
    found = await store.card(key())
    assert found is not None
    assert found.title != "lost"


async def test_events_with_a_gap_are_refused_together(store):
    lease = await store.acquire(key())
    with pytest.raises(SequenceError):
        await store.append(lease, 0, [event(1), event(3)])
    with pytest.raises(SequenceError):
        await store.append(lease, 0, [Event(0, "message.delta", 1.0)])
    assert await store.read(key()) == []


async def test_one_bad_append_among_many_harms_no_other(store):
    leases = [await store.acquire(key(f"s{n}")) for n in range(20)]
    results = await asyncio.gather(
        *(store.append(lease, n % 2, [event(n % 2 + 1)]) for n, lease in enumerate(leases)),
        return_exceptions=True,
    )
    assert [type(r) for r in results] == [type(None), SequenceError] * 10
    logs = [await store.read(lease.key) for lease in leases]
    assert logs == [[event(1)], []] * 10


async def test_changing_the_data_after_the_call_does_not_change_the_log(store):
    lease = await store.acquire(key())
    mutable = event(1, parts=["as it was"])
    pending = asyncio.ensure_future(store.append(lease, 0, [mutable]))
    await asyncio.sleep(0)
    mutable.data["parts"].append("later")
    await pending
    assert (await store.read(key()))[0].data["parts"] == ["as it was"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.dictionaries(st.text(st.characters(exclude_categories=())), JSON, max_size=5))
def test_any_json_survives_half_surrogates_and_huge_numbers_included(store, jp_asyncio_loop, data):
    async def round_trip() -> None:
        lease = await store.acquire(key())
        await store.delete(lease)
        await store.append(lease, 0, [Event(1, "x", 1.5, data)])
        assert await store.read(key()) == [Event(1, "x", 1.5, data)]

    jp_asyncio_loop.run_until_complete(round_trip())


async def test_a_cancelled_append_happened_or_did_not(store):
    rng = random.Random(7)
    lease, seq = await store.acquire(key()), 0
    for _ in range(60):
        task = asyncio.ensure_future(store.append(lease, seq, events(seq + 1, seq + 2)))
        for _ in range(rng.randrange(4)):
            await asyncio.sleep(0)
        if rng.random() < 0.5:
            await asyncio.sleep(rng.random() * 0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.save_state(key(), 0, b"")  # behind the append, whatever became of it
        log = await store.read(key(), after=seq)
        assert log in ([], events(seq + 1, seq + 2))
        seq += len(log)
    await store.append(lease, seq, [event(seq + 1)])


async def test_sixteen_writers_with_mixed_batches_lose_nothing(store):
    async def write(number: int) -> list[Event]:
        rng, lease, written = random.Random(number), await store.acquire(key(f"w{number}")), []
        for _ in range(25):
            batch = [
                event(seq, by=number, noise="x" * rng.randrange(3000))
                for seq in range(len(written) + 1, len(written) + rng.randrange(2, 6))
            ]
            if rng.random() < 0.2:
                with pytest.raises(SequenceError):
                    await store.append(lease, len(written) + 1, [event(len(written) + 2)])
            await store.append(lease, len(written), batch, card=card(lease.key))
            written += batch
            if rng.random() < 0.3:
                assert await store.read(lease.key) == written
        return written

    logs = await asyncio.gather(*(write(number) for number in range(16)))
    for number, written in enumerate(logs):
        assert await store.read(key(f"w{number}")) == written
        assert (await store.card(key(f"w{number}"))).seq == len(written)


async def test_of_appends_that_race_for_one_seq_exactly_one_wins(store):
    lease = await store.acquire(key())
    for seq in range(10):
        results = await asyncio.gather(
            *(store.append(lease, seq, [event(seq + 1, by=by)]) for by in range(8)),
            return_exceptions=True,
        )
        assert sorted(type(r).__name__ for r in results) == ["NoneType"] + ["SequenceError"] * 7
    assert [e.seq for e in await store.read(key())] == list(range(1, 11))


# ---------------------------------------------------------------- states


async def test_only_the_newest_state_is_kept(store):
    lease = await store.acquire(key())
    await store.append(lease, 0, events(1, 9))
    await store.save_state(key(), 5, b"five")
    assert await store.load_state(key()) == (5, b"five")
    await store.save_state(key(), 3, b"three")
    assert await store.load_state(key()) == (5, b"five")
    await store.save_state(key(), 9, b"nine")
    assert await store.load_state(key()) == (9, b"nine")


async def test_a_state_the_log_does_not_reach_is_not_kept(store):
    await store.save_state(key(), 1, b"nobody")
    lease = await store.acquire(key())
    await store.append(lease, 0, events(1, 2))
    await store.save_state(key(), 3, b"the future")
    assert await store.load_state(key()) is None


# ---------------------------------------------------------------- blobs


async def test_a_blob_is_there_with_its_events_and_only_for_its_session(store):
    lease = await store.acquire(key())
    await store.append(lease, 0, events(1, 1), blobs={digest(PNG): PNG, digest(b""): b""})
    assert await store.blob(key(), digest(PNG)) == PNG
    assert await store.blob(key(), digest(b"")) == b""
    assert await store.blob(key("s2"), digest(PNG)) is None
    assert await store.blob(key(), digest(b"other")) is None


async def test_a_refused_append_keeps_no_blob(store):
    lease = await store.acquire(key())
    with pytest.raises(SequenceError):
        await store.append(lease, 7, events(8, 8), blobs={digest(PNG): PNG})
    with pytest.raises(StoreError):
        await store.append(lease, 0, events(1, 1), blobs={digest(b"x"): PNG})
    assert await store.read(key()) == []
    await store.append(lease, 0, events(1, 1))
    assert await store.blob(key(), digest(PNG)) is None
    assert await store.blob(key(), digest(b"x")) is None


async def test_a_blob_lives_as_long_as_one_session_holds_it(store):
    one, two = await store.acquire(key("one")), await store.acquire(key("two"))
    await store.append(one, 0, events(1, 1), blobs={digest(PNG): PNG, digest(b"own"): b"own"})
    await store.copy(one.key, [digest(PNG)], two)
    await store.append(two, 0, events(1, 1))
    await store.delete(one)
    assert await store.blob(one.key, digest(PNG)) is None
    assert await store.blob(two.key, digest(PNG)) == PNG
    await store.delete(two)
    three = await store.acquire(key("three"))
    with pytest.raises(NotFoundError):
        await store.copy(two.key, [digest(PNG)], three)


async def test_a_fork_cannot_take_what_its_source_does_not_hold(store):
    one, two = await store.acquire(key("one")), await store.acquire(key("two"))
    await store.append(one, 0, events(1, 1), blobs={digest(PNG): PNG})
    with pytest.raises(NotFoundError):
        await store.copy(one.key, [digest(PNG), digest(b"secret of another")], two)
    assert await store.blob(two.key, digest(PNG)) is None


async def test_an_image_of_ten_megabytes_is_kept(store):
    data = random.Random(1).randbytes(10_000_000)
    lease = await store.acquire(key())
    await store.append(lease, 0, events(1, 1), blobs={digest(data): data})
    assert await store.blob(key(), digest(data)) == data


# ---------------------------------------------------------------- deletion


async def test_a_deleted_session_leaves_nothing_and_may_start_afresh(store):
    lease = await store.acquire(key())
    await store.append(
        lease, 0, events(1, 3), card=card(key()), text="secret", blobs={digest(PNG): PNG}
    )
    await store.save_state(key(), 3, b"state")
    await store.delete(lease)
    assert await store.read(key()) == []
    assert await store.card(key()) is None
    assert await store.load_state(key()) is None
    assert await store.blob(key(), digest(PNG)) is None
    assert await store.cards("ada", "/srv", q="secret") == []
    await store.delete(lease)
    await store.append(lease, 0, [event(1, again=True)])
    assert await store.read(key()) == [event(1, again=True)]
    assert await store.load_state(key()) is None


# ---------------------------------------------------------------- closing


async def test_closing_writes_what_is_pending(pair):
    first, second = pair
    lease = await first.acquire(key())
    pending = [
        asyncio.ensure_future(first.append(lease, n, events(n + 1, n + 1))) for n in range(50)
    ]
    await asyncio.sleep(0)
    await first.close()
    await asyncio.gather(*pending)
    assert await second.read(key()) == events(1, 50)


async def test_a_closed_store_says_so_and_may_be_opened_again(store):
    await store.close()
    await store.close()
    for call in (store.acquire(key()), store.read(key()), store.cards("ada", "/srv")):
        with pytest.raises(StoreError, match="not open"):
            await call
    await store.open()
    await store.open()
    await store.append(await store.acquire(key("new")), 0, events(1, 1))


async def test_a_name_that_is_no_unicode_is_an_error_of_the_caller(store):
    with pytest.raises(AgentError) as caught:
        await store.acquire(key("\ud800"))
    assert caught.value.status == 400
    with pytest.raises(AgentError):
        await store.read(key("\ud800"))

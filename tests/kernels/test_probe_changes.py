"""The guest probe in a real kernel: what changed between two readings, and the budgets."""

from __future__ import annotations

import asyncio
import json

import pytest

from jupyter_agent_ext.kernels import probes

from .harness import Harness, inspect_raw


@pytest.fixture(scope="module")
def shared_kernel(jp_asyncio_loop):
    harness = Harness()
    try:
        jp_asyncio_loop.run_until_complete(harness.start())
        jp_asyncio_loop.run_until_complete(harness.run(probes.injection("us"), silent=True))
        yield harness
    finally:
        jp_asyncio_loop.run_until_complete(harness.stop())


@pytest.fixture
def kernel(jp_asyncio_loop, shared_kernel):
    """The shared kernel with an empty namespace."""
    jp_asyncio_loop.run_until_complete(shared_kernel.run("%reset -f"))
    return shared_kernel


async def snapshot(kernel, **arguments):
    body = await inspect_raw(kernel, owner="us", op="snapshot", **arguments)
    assert "error" not in body, body
    return body


async def test_a_diff_names_new_removed_rebound_and_mutated(kernel):
    await kernel.run(
        "import pandas as pd, numpy as np\n"
        "gone = 1; number = same = 1000; items = [1, 2]\ntable = {'a': 1}; arr = np.zeros(9)\n"
        "df = pd.DataFrame({'a': [1, 2], 'b': ['x', 'y']}); s = df['a'].copy(); flips = [0.5]\n"
        "class Box: pass\nbox = Box(); box.v = 1\ndef f(): return 1\ndef g(a=1): return a"
    )
    token = (await snapshot(kernel))["token"]
    assert (await snapshot(kernel))["token"] == token, "nothing changed: the same reading"
    await kernel.run(
        "del gone\nnumber = 2000; same = 500 + 500; items.append(3); table['a'] = 2; arr[4] = 1\n"
        "df.loc[0, 'b'] = 'z'; s.iloc[1] = 9; box.v = 2; fresh = 1\n"
        "for _ in range(4): flips[0] += 1.0\n"
        "def f(): return 1\ndef g(a=2): return a"
    )
    diff = (await snapshot(kernel, since=token))["diff"]
    assert diff["new"] == ["fresh"]
    assert diff["removed"] == ["gone"]
    assert sorted(diff["rebound"]) == ["g", "number"]
    assert sorted(diff["mutated"]) == ["arr", "box", "df", "flips", "items", "s", "table"]


async def test_a_change_too_deep_to_see_is_a_maybe(kernel):
    await kernel.run("deep = list(range(100_000)); other = [0]; word = 'x'")
    token = (await snapshot(kernel))["token"]
    await kernel.run("deep[777] = -1")
    body = await snapshot(kernel, since=token, loaded=["deep", "word", "print"])
    assert body["diff"]["mutated"] == []
    assert body["diff"]["maybe"] == ["deep"]


async def test_an_unknown_token_gives_no_diff(kernel):
    body = await snapshot(kernel, since="never")
    assert "diff" not in body
    assert body["token"]


async def test_mentioned_and_changed_names_come_before_the_newest(kernel):
    await kernel.run("\n".join(f"v{i} = [{i}]" for i in range(50)))
    token = (await snapshot(kernel))["token"]
    await kernel.run("v1.append(1)")
    body = await snapshot(kernel, since=token, mentioned=["v7", "nope"], limit=3)
    assert set(body["variables"]) == {"v7", "v1", "v49"}
    assert (body["total"], body["skipped"]) == (50, 47)


async def test_a_time_budget_leaves_room_for_summaries_and_invents_no_change(kernel):
    await kernel.run("globals().update({f'i{i}': i * 1000 for i in range(20_000)}); word = 'w'")
    token = (await snapshot(kernel, ms=2000))["token"]
    await kernel.run("word = 'changed'")
    body = await snapshot(kernel, since=token, ms=2, mentioned=["i7"])
    assert body["total"] == 20_001
    assert len(body["variables"]) >= 10
    assert "i7" in body["variables"]
    assert body["diff"]["rebound"] in ([], ["word"])
    assert not body["diff"]["new"] + body["diff"]["removed"] + body["diff"]["mutated"]
    later = await snapshot(kernel, since=body["token"], ms=2000)
    first = await snapshot(kernel, since=token, ms=2000)
    assert first["diff"]["rebound"] == ["word"]
    assert later["diff"]["rebound"] + body["diff"]["rebound"] == ["word"]


async def test_a_byte_budget_leaves_the_oldest_out(kernel):
    await kernel.run("\n".join(f"t{i} = 'x' * 500" for i in range(100)))
    body = await snapshot(kernel, bytes=5000)
    assert len(json.dumps(body["variables"])) < 6000
    assert body["skipped"] > 50
    assert "t99" in body["variables"]


async def test_a_cell_that_arrives_in_mid_reading_is_not_kept_waiting(kernel):
    await kernel.run("import time\nglobals().update({f'n{i}': [i] * 9 for i in range(30_000)})")
    loop = asyncio.get_running_loop()
    plain, beside = [], []
    for times, together in ((plain, False), (beside, True)) * 8:
        reading = asyncio.ensure_future(snapshot(kernel)) if together else None
        await asyncio.sleep(0.01)
        begun = loop.time()
        await kernel.run("pass")
        times.append(loop.time() - begun)
        if reading is not None:
            assert (await reading)["total"] == 30_001
    await kernel.run("%reset -f")
    assert sorted(beside)[4] - sorted(plain)[4] < 0.1, (plain, beside)

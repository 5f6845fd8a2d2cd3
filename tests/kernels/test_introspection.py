"""Introspection of a real kernel: deadlines, repetition, sharing, epochs, diffs."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import time

import pytest

from jupyter_agent_ext.errors import KernelError, NotFoundError
from jupyter_agent_ext.kernels.introspection import Introspection
from jupyter_agent_ext.kernels.loaded import loaded

from .harness import Harness, inspect_raw, running

LOG = logging.getLogger("tests.introspection")


class Counting(Harness):
    """Counts the requests it carries, and can be told to lose messages."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.asked: list[str] = []
        self.sent: list[str] = []

    def send(self, channel, msg_type, content):
        if content.get("silent") and "jupyter_agent_probe" in content["code"]:
            self.sent.append(msg_type)
        return super().send(channel, msg_type, content)

    async def request(self, channel, msg_type, content, *, timeout):
        if msg_type == "debug_request":
            self.asked.append(content["arguments"].get("op"))
        return await super().request(channel, msg_type, content, timeout=timeout)


def connected(harness, owner="us"):
    """Return an Introspection that hears the kernel's iopub, as a connection wires it."""
    introspection = Introspection(harness, owner=owner, log=LOG)
    stop = harness.watch(introspection.on_iopub)
    introspection.stop = lambda: (stop(), introspection.close())
    return introspection


@pytest.fixture(scope="module")
def shared_kernel(jp_asyncio_loop):
    harness = Counting()
    try:
        jp_asyncio_loop.run_until_complete(harness.start())
        jp_asyncio_loop.run_until_complete(harness.run("first = 1"))
        yield harness
    finally:
        jp_asyncio_loop.run_until_complete(harness.stop())


@pytest.fixture
def kernel(jp_asyncio_loop, shared_kernel):
    jp_asyncio_loop.run_until_complete(shared_kernel.run("%reset -f"))
    shared_kernel.asked.clear()
    shared_kernel.sent.clear()
    return shared_kernel


@pytest.fixture
def introspection(jp_asyncio_loop, kernel):
    made = connected(kernel)
    jp_asyncio_loop.run_until_complete(made.pull())
    kernel.asked.clear()
    kernel.sent.clear()
    yield made
    made.stop()


@pytest.fixture
def fresh(jp_asyncio_loop):
    """A kernel of the test's own, just launched, and its introspection, not installed."""
    harness = Counting()
    jp_asyncio_loop.run_until_complete(harness.start())
    made = connected(harness)
    yield harness, made
    made.stop()
    jp_asyncio_loop.run_until_complete(harness.stop())


async def test_the_variables_of_an_idle_kernel_are_read_fully(kernel, introspection):
    await kernel.run("x = 1\ny = 'two'")
    snapshot = await introspection.pull()
    assert snapshot.source == "main"
    assert snapshot.state == "idle"
    assert list(snapshot.variables) == ["y", "x"]
    assert snapshot.variables["x"] == {"type": "int", "kind": "scalar", "value": 1}
    assert snapshot.epoch == introspection.epoch
    assert (snapshot.total, snapshot.skipped, snapshot.note) == (2, 0, "")
    assert snapshot.execution_count > 0
    assert abs(snapshot.time - time.time()) < 5


async def test_the_first_cell_may_come_right_after_the_injection(fresh):
    kernel, introspection = fresh
    introspection.install()
    await kernel.run("x = 1")
    snapshot = await introspection.pull()
    assert list(snapshot.variables) == ["x"]
    assert kernel.sent == ["execute_request"]


async def test_a_pull_installs_the_probe_where_nobody_did(fresh):
    _, introspection = fresh
    assert introspection.epoch is None
    snapshot = await introspection.pull(timeout=20)
    assert snapshot.source == "main"
    assert introspection.epoch


async def test_a_kernel_that_is_not_ready_in_time_is_not_called_native(fresh):
    kernel, introspection = fresh
    process = kernel.manager.provisioner.pid
    os.kill(process, signal.SIGSTOP)
    try:
        snapshot = await introspection.pull(timeout=0.3)
    finally:
        os.kill(process, signal.SIGCONT)
    assert (snapshot.source, snapshot.state) == ("none", "idle")
    assert "not ready" in snapshot.note
    assert (await introspection.pull(timeout=20)).source == "main"


async def test_only_one_injection_is_pending(fresh):
    kernel, introspection = fresh
    for _ in range(3):
        introspection.install()
    await introspection.pull(timeout=20)
    introspection.install()
    await introspection.pull()
    assert len(kernel.sent) <= 2


async def test_an_aborted_injection_is_sent_again(fresh):
    kernel, introspection = fresh
    await kernel.run("import time")
    failing = kernel.begin("time.sleep(0.5); 1/0")
    await kernel.until_busy(failing)
    introspection.install()
    await kernel.until_idle(failing)
    snapshot = await introspection.pull(timeout=10)
    assert snapshot.source == "main"
    assert len(kernel.sent) == 2, "the first was aborted behind the failing cell"


async def test_a_kernel_found_busy_is_not_yet_readable_until_it_is_idle(fresh):
    kernel, introspection = fresh
    await kernel.run("import time; x = 1")
    async with running(kernel, "time.sleep(60)"):
        introspection.install()
        begun = time.monotonic()
        snapshot = await introspection.pull(timeout=5)
        assert time.monotonic() - begun < 4.5
        assert (snapshot.source, snapshot.variables) == ("none", {})
        assert "busy" in snapshot.note
        with pytest.raises(KernelError, match="busy"):
            await introspection.inspect("x")
    assert "x" in (await introspection.pull(timeout=10)).variables


async def test_a_probe_already_there_answers_a_server_that_meets_the_kernel_busy(kernel):
    await kernel.run("import time; x = 1")
    first, second = connected(kernel), connected(kernel)
    await first.pull()
    async with running(kernel, "time.sleep(60)"):
        second.install()
        snapshot = await second.pull()
    assert snapshot.source == "control"
    assert "x" in snapshot.variables
    first.stop()
    second.stop()


async def test_a_sleeping_cell_is_read_from_the_control_thread(kernel, introspection):
    await kernel.run("import time; x = [1, 2]")
    async with running(kernel, "time.sleep(60)"):
        snapshot = await introspection.pull()
    assert (snapshot.source, snapshot.state) == ("control", "busy")
    assert snapshot.variables["x"]["value"] == "[1, 2]"


async def test_native_code_gives_the_last_snapshot_and_is_named(kernel, introspection):
    await kernel.run("import ctypes; x = 1")
    before = await introspection.pull()
    msg_id = kernel.begin("ctypes.PyDLL(None).sleep(3)")
    await kernel.until_native()
    begun = time.monotonic()
    snapshot = await introspection.pull(timeout=0.4)
    assert time.monotonic() - begun < 2.5
    assert (snapshot.source, snapshot.state) == ("last", "native")
    assert snapshot.variables == before.variables
    assert snapshot.time == before.time
    assert "native" in snapshot.note
    kernel.asked.clear()
    again = await introspection.pull(timeout=5)
    assert (again.state, kernel.asked) == ("native", []), "backed off: nothing was asked"
    await kernel.until_idle(msg_id)
    assert (await introspection.pull()).source == "main", "the backing off ends with the cell"


async def test_a_dead_kernel_is_named(fresh):
    kernel, introspection = fresh
    await kernel.run("x = 1")
    await introspection.pull(timeout=10)
    os.kill(kernel.manager.provisioner.pid, signal.SIGKILL)
    snapshot = await introspection.pull(timeout=0.5)
    assert (snapshot.source, snapshot.state) == ("last", "dead")


async def test_a_restart_gives_a_new_epoch_and_no_old_variables(fresh):
    kernel, introspection = fresh
    introspection.install()
    await kernel.run("x = 1")
    before = await introspection.pull(timeout=10)
    await kernel.restart()
    introspection.reset()
    assert introspection.epoch is None
    introspection.install()
    after = await introspection.pull(since=before.token, timeout=20)
    assert after.epoch not in (None, before.epoch)
    assert after.variables == {}
    assert after.diff is None
    assert "compare" in after.note


async def test_a_pull_under_way_is_told_of_a_reset(kernel, introspection):
    await kernel.run("import ctypes")
    msg_id = kernel.begin("ctypes.PyDLL(None).sleep(2)")
    await kernel.until_native()
    pull = asyncio.ensure_future(introspection.pull(timeout=5))
    await asyncio.sleep(0.05)
    introspection.reset()
    with pytest.raises(KernelError):
        await pull
    await kernel.until_idle(msg_id)


async def test_the_same_question_at_the_same_time_is_asked_once(kernel, introspection):
    await kernel.run("x = 1")
    snapshots = await asyncio.gather(*(introspection.pull() for _ in range(10)))
    assert kernel.asked == ["snapshot"]
    assert all(snapshot is snapshots[0] for snapshot in snapshots)
    await asyncio.gather(introspection.pull(limit=1), introspection.pull(limit=2))
    assert len(kernel.asked) == 3


async def test_a_cancelled_caller_does_not_spoil_the_others(kernel, introspection):
    first = asyncio.ensure_future(introspection.pull())
    second = asyncio.ensure_future(introspection.pull())
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).source == "main"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_after_close_nothing_is_read(kernel):
    introspection = connected(kernel)
    introspection.stop()
    with pytest.raises(KernelError):
        await introspection.pull()
    introspection.install()
    assert kernel.sent == []


async def test_a_diff_since_a_token_holds_what_cells_did(kernel, introspection):
    await kernel.run("items = [1]; gone = 1; deep = list(range(100_000))")
    before = await introspection.pull()
    await kernel.run("items.append(2); fresh = 1; del gone\ndeep[5000] = -1")
    after = await introspection.pull(since=before.token)
    assert after.diff == {
        "new": ["fresh"],
        "removed": ["gone"],
        "rebound": [],
        "mutated": ["items"],
        "maybe": ["deep"],
    }
    again = await introspection.pull(since=after.token)
    assert not any(again.diff.values())
    both = await introspection.pull(since=before.token)
    assert both.diff == after.diff, "an older token still compares"


async def test_inspect_tells_one_variable_or_that_there_is_none(kernel, introspection):
    await kernel.run("def f(a): return a + 1")
    assert "return a + 1" in (await introspection.inspect("f"))["source"]
    with pytest.raises(NotFoundError, match="nothing_here"):
        await introspection.inspect("nothing_here")


async def test_inspect_of_a_kernel_in_native_code_says_so(kernel, introspection):
    await kernel.run("import ctypes; x = 1")
    msg_id = kernel.begin("ctypes.PyDLL(None).sleep(2)")
    await kernel.until_native()
    with pytest.raises(KernelError, match="native"):
        await introspection.inspect("x", timeout=0.2)
    await kernel.until_idle(msg_id)


async def test_a_kernel_owned_by_another_server_says_so(kernel, introspection):
    other = connected(kernel, owner="another")
    snapshot = await other.pull()
    assert (snapshot.source, snapshot.variables) == ("none", {})
    assert "another Jupyter server" in snapshot.note
    with pytest.raises(KernelError, match="another Jupyter server"):
        await other.inspect("x")
    other.stop()
    assert (await introspection.pull()).source == "main"


async def test_ten_thousand_variables_stay_within_the_budget(kernel, introspection):
    await kernel.run("globals().update({f'v{i}': [i] for i in range(10_000)})")
    begun = time.monotonic()
    snapshot = await introspection.pull()
    assert time.monotonic() - begun < 10
    assert snapshot.total == 10_000
    assert len(snapshot.variables) + snapshot.skipped == 10_000
    assert len(snapshot.variables) >= 20
    assert next(iter(snapshot.variables)) == "v9999"
    assert len(json.dumps(snapshot.variables)) < 80_000


async def test_a_frame_of_ten_million_rows_is_cheap(kernel, introspection):
    await kernel.run("import pandas as pd, numpy as np\ndf = pd.DataFrame({'a': np.arange(1e7)})")
    begun = time.monotonic()
    snapshot = await introspection.pull()
    assert time.monotonic() - begun < 10
    assert snapshot.variables["df"]["shape"] == [10_000_000, 1]
    assert "nulls_sampled" in snapshot.variables["df"]
    detail = await introspection.inspect("df", timeout=5)
    assert detail["nulls"] == {}
    assert detail["stats"]["a"]["min"] == 0.0


async def test_the_probe_is_asked_directly_in_the_same_words(kernel, introspection):
    await kernel.run("x = 1")
    body = await inspect_raw(kernel, owner="us", op="snapshot")
    assert (await introspection.pull()).variables == body["variables"]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("a = b + c.d", ["b", "c"]),
        ("for i in items: total[i] += f(x=y)", ["items", "total", "i", "f", "y"]),
        ("%time df.pop('x')", ["time", "df", "pop", "x"]),
        ("df[", ["df"]),
        ("", []),
    ],
)
def test_the_names_a_cell_reads(code, names):
    assert sorted(loaded(code)) == sorted(names)

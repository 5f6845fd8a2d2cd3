"""Kernels that are not ipykernel as we know it: no hook, no Python, no snippet."""

from __future__ import annotations

import json
import shutil
import time

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from jupyter_agent_ext.errors import KernelError, NotFoundError

from .harness import Harness, running
from .test_introspection import connected

UNHOOKABLE = """
import types
kernel = get_ipython().kernel
kernel.control_handlers = types.MappingProxyType(dict(kernel.control_handlers))
del types, kernel
x = 1
"""
HAS_R = "ir" in KernelSpecManager().find_kernel_specs() and shutil.which("R") is not None


@pytest.fixture
def unhookable(jp_asyncio_loop):
    harness = Harness()
    try:
        jp_asyncio_loop.run_until_complete(harness.start())
        jp_asyncio_loop.run_until_complete(harness.run(UNHOOKABLE))
        introspection = connected(harness)
        yield harness, introspection
        introspection.stop()
    finally:
        jp_asyncio_loop.run_until_complete(harness.stop())


async def test_a_python_kernel_that_cannot_be_hooked_is_read_when_idle(unhookable):
    kernel, introspection = unhookable
    before = await introspection.pull(timeout=20)
    assert before.source == "main"
    assert before.variables["x"]["value"] == 1
    await kernel.run("import time; x = 2")
    after = await introspection.pull(since=before.token)
    assert after.diff["rebound"] == ["x"]
    assert (await introspection.inspect("x"))["value"] == 2
    async with running(kernel, "time.sleep(60)"):
        busy = await introspection.pull(timeout=2)
    assert (busy.source, busy.state) == ("last", "busy")
    assert "idle" in busy.note
    assert busy.variables["x"]["value"] == 2


async def test_an_unknown_language_is_said_to_be_unreadable():
    introspection = connected(Harness(language="cobol"))
    introspection.install()
    snapshot = await introspection.pull()
    assert (snapshot.source, snapshot.variables) == ("none", {})
    assert "cobol" in snapshot.note
    with pytest.raises(KernelError, match="cobol"):
        await introspection.inspect("x")
    introspection.stop()


@pytest.fixture(scope="module")
def r_kernel(jp_asyncio_loop):
    if not HAS_R:
        pytest.skip("IRkernel is not installed")
    harness = Harness(kernel_name="ir", language="r")
    try:
        jp_asyncio_loop.run_until_complete(harness.start())
        jp_asyncio_loop.run_until_complete(harness.run("x <- 1"))
        yield harness
    finally:
        jp_asyncio_loop.run_until_complete(harness.stop())


async def test_an_r_kernel_is_read_by_a_snippet(r_kernel):
    introspection = connected(r_kernel)
    await r_kernel.run(
        "x <- 1.5; name <- 'a \"quoted\"\\nline'; flags <- c(TRUE, NA); nothing <- NULL\n"
        "df <- data.frame(price = c(1, NA, 3), city = c('Rome', NA, 'Oslo'), "
        "kind = factor(c('u', 'v', 'u')), day = as.Date(c('2020-01-01', NA, '2020-01-03')))\n"
        "f <- function(a, b = 2) a + b; items <- list(a = 1, b = 'x')\n"
        "inf <- Inf; m <- matrix(1:6, 2)\n"
        "password <- 'swordfish'; url <- 'http://ada:swordfish@db/x'; key <- 'AKIAABCDEFGHIJKLMNOP'"
    )
    snapshot = await introspection.pull(timeout=10)
    found = snapshot.variables
    assert snapshot.source == "snippet"
    assert found["x"] == {"type": "numeric", "kind": "scalar", "value": 1.5}
    assert found["name"]["value"] == 'a "quoted"\nline'
    assert found["df"]["shape"] == [3, 4]
    assert found["df"]["columns"] == {
        "price": "numeric",
        "city": "character",
        "kind": "factor",
        "day": "Date",
    }
    assert found["df"]["nulls"] == {"price": 1, "city": 1, "day": 1}
    assert found["df"]["head"][0] == [1, "Rome", "u", "2020-01-01"]
    assert found["df"]["head"][1][:2] == [None, None]
    assert found["f"]["signature"] == "f(a, b)"
    assert found["items"]["keys"] == ["a", "b"]
    assert found["m"]["shape"] == [2, 3]
    assert found["flags"]["head"] == [True, None]
    assert "swordfish" not in json.dumps(found)
    assert "AKIA" not in json.dumps(found)
    assert (await introspection.inspect("x"))["value"] == 1.5
    with pytest.raises(NotFoundError):
        await introspection.inspect("nope")
    introspection.stop()


async def test_reading_r_leaves_no_trace_and_waits_for_idle(r_kernel):
    introspection = connected(r_kernel)
    before = await r_kernel.run("1")
    await introspection.pull(timeout=10)
    msg_id = r_kernel.begin("Sys.sleep(1)")
    await r_kernel.until_busy(msg_id)
    begun = time.monotonic()
    busy = await introspection.pull()
    assert busy.source == "last"
    assert time.monotonic() - begun < 0.5
    await r_kernel.until_idle(msg_id)
    after = await r_kernel.run("1")
    assert after["execution_count"] == before["execution_count"] + 2
    introspection.stop()

"""Time a pull of the variables against `kernel_info` on the control channel of the same kernel.

    python benchmarks/variable_pull.py [--rounds 30]

Prints for each namespace and state of the kernel: the median of the floor, median and 95th
percentile of a pull, their ratio; then the injection and the delay of the user's next cell.
All on one real kernel per namespace, over the server's own connection code.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from jupyter_agent_ext.kernels import probes
from jupyter_agent_ext.kernels.channels import new_context
from jupyter_agent_ext.kernels.client import KernelConnection
from jupyter_agent_ext.kernels.fallback import execution

MIX = """
import numpy as np, pandas as pd, time
def fill(count):
    kinds = [lambda i: i * 1000] * 60 + [lambda i: f'text {i}'] * 14 + [lambda i: [i] * 20] * 10
    kinds += [lambda i: {f'k{j}': j for j in range(20)}] * 6 + [lambda i: np.arange(1000.0)] * 4
    kinds += [lambda i: pd.DataFrame(np.ones((100, 5)), columns=list('abcde'))] * 4
    kinds += [lambda i: (lambda x, y=1: x)] * 2
    globals().update({f'v{i}': kinds[i * 37 % 100](i) for i in range(count)})
"""
FRAME = "df = pd.DataFrame({'a': np.random.rand(10**7), 'b': np.arange(10**7), 'c': 1.5})"
SPACES = [
    ("10", "fill(10)"),
    ("100", "fill(100)"),
    ("1 000", "fill(1000)"),
    ("10 000", "fill(10000)"),
    ("frame 1e7 x 3", FRAME),
]
STATES = [("idle", None), ("time.sleep", "time.sleep(600)"), ("python loop", "while True: pass")]
TARGETS = {("1 000", "idle"): 25, ("1 000", "time.sleep"): 60, ("10 000", "idle"): 70}

Timed = Callable[[], Awaitable[object]]


def ms(seconds: list[float], part: float) -> float:
    """Return a quantile in milliseconds."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(len(ordered) - 1, round(part * (len(ordered) - 1)))]


async def clock(action: Timed) -> float:
    begun = time.perf_counter()
    await action()
    return time.perf_counter() - begun


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the kernel did not get there within 60 s")
        await asyncio.sleep(0.002)


class Bench:
    """One manager of kernels, as the server has it."""

    def __init__(self, folder: str) -> None:
        self.manager = AsyncMappingKernelManager(connection_dir=folder, root_dir=folder)
        self.context = new_context()
        self.env = {**os.environ, "IPYTHONDIR": folder}

    @contextlib.asynccontextmanager
    async def kernel(self, *, owner: str | None = "bench") -> AsyncIterator[KernelConnection]:
        kernel_id = await self.manager.start_kernel(kernel_name="python3", env=self.env)
        log = logging.getLogger("benchmark")
        km = self.manager.get_kernel(kernel_id)
        connection = KernelConnection(km, kernel_id, context=self.context, log=log, owner=owner)
        try:
            await until(lambda: connection.state == "idle")
            yield connection
        finally:
            await connection.close()
            await self.manager.shutdown_kernel(kernel_id, now=True)

    def close(self) -> None:
        self.context.destroy(linger=0)
        self.manager.context.destroy(linger=0)


async def run(connection: KernelConnection, code: str) -> None:
    result = await connection.execute(code, timeout=120)
    if result.status != "ok":
        raise RuntimeError(f"{code[:60]}: {result.error}")


def floor(connection: KernelConnection) -> Timed:
    return lambda: connection.request("control", "kernel_info_request", {}, timeout=30)


@contextlib.asynccontextmanager
async def state(connection: KernelConnection, code: str | None) -> AsyncIterator[None]:
    """Have a cell run meanwhile; cancelling it interrupts it."""
    if code is None:
        yield
        return
    cell = asyncio.ensure_future(connection.execute(code, timeout=None))
    await until(lambda: connection.state == "busy")
    try:
        yield
    finally:
        cell.cancel()
        await asyncio.gather(cell, return_exceptions=True)
        await until(lambda: connection.state == "idle")


async def pulls(bench: Bench, rounds: int) -> None:
    """Print one line for each namespace and state of the kernel."""
    print("milliseconds   state          floor   median      p95   ratio  read by")
    for name, code in SPACES:
        async with bench.kernel() as connection:
            await run(connection, MIX)
            await run(connection, code)
            for label, cell in STATES:
                async with state(connection, cell):
                    await measure_pull(connection, rounds, name, label)


async def measure_pull(connection: KernelConnection, rounds: int, name: str, label: str) -> None:
    """Interleave floor and pull, so that the machine's load touches both alike."""
    floors, times, token, sources = [], [], None, set()
    await connection.pull(timeout=10)
    for _ in range(rounds):
        floors.append(await clock(floor(connection)))
        begun = time.perf_counter()
        snapshot = await connection.pull(since=token, timeout=10)
        times.append(time.perf_counter() - begun)
        token = snapshot.token
        sources.add(snapshot.source)
    median, low = ms(times, 0.5), ms(floors, 0.5)
    target = TARGETS.get((name, label))
    verdict = "" if target is None else f"  ({judged(median, target)})"
    print(
        f"{name:14} {label:12} {low:7.1f} {median:8.1f} {ms(times, 0.95):8.1f} {median / low:6.1f}x"
        f"  {'/'.join(sorted(sources))}{verdict}",
        flush=True,
    )


async def injections(bench: Bench, kernels: int) -> None:
    """Time the injection into new kernels, against an empty execution."""
    times, floors = [], []
    for _ in range(kernels):
        async with bench.kernel(owner=None) as connection:
            await silently(connection, "pass")
            floors.append(await silently(connection, "pass"))
            times.append(await silently(connection, probes.injection("bench")))
    median = ms(times, 0.5)
    print(
        f"\ninjection: median {median:.1f} ms, worst {ms(times, 1):.1f} ms of {kernels} kernels; "
        f"an empty execution {ms(floors, 0.5):.1f} ms  ({judged(median, 30)})",
        flush=True,
    )


async def delays(bench: Bench, rounds: int) -> None:
    """Time the user's next cell with a pull just begun, against the same without one."""
    async with bench.kernel() as connection:
        await run(connection, MIX)
        await run(connection, "fill(10000); big = pd.DataFrame(np.random.rand(200000, 10))")
        await connection.pull(timeout=10)
        plain, beside = [], []
        for i in range(rounds):
            plain.append(await silently(connection, "pass"))
            pull = asyncio.ensure_future(connection.pull(limit=1000 - i, timeout=10))
            await asyncio.sleep(0.004 * (i % 8))
            beside.append(await silently(connection, "pass"))
            await pull
    alone = ms(plain, 0.5)
    extra, late = ms(beside, 0.5) - alone, ms(beside, 0.95) - alone
    print(
        f"next cell: alone {alone:.1f} ms (p95 {ms(plain, 0.95):.1f}), beside a pull "
        f"{ms(beside, 0.5):.1f} ms: delay {extra:.1f} ms, p95 {late:.1f} ms  ({judged(extra, 25)})"
    )


async def silently(connection: KernelConnection, code: str) -> float:
    """Run code as a cell that nobody sees; return the seconds until its reply."""
    cell, begun = execution(code, silent=True), time.perf_counter()
    reply = await connection.request("shell", "execute_request", cell, timeout=30)
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"{code[:60]}: {reply['content']}")
    return time.perf_counter() - begun


def judged(median: float, target: float) -> str:
    return f"target {target:g}: {'ok' if median <= target else 'MISSED'}"


async def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder)
        try:
            await pulls(bench, rounds)
            await injections(bench, 7)
            await delays(bench, 3 * rounds)
        finally:
            bench.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Time a pull of the variables.")
    parser.add_argument("--rounds", type=int, default=30)
    asyncio.run(main(parser.parse_args().rounds))

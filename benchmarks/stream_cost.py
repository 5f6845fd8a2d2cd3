"""What a streamed answer costs through LiteLLMModel, against bare litellm in the same run.

    python benchmarks/stream_cost.py [--chunks 1000] [--rounds 7]

The scripted server is a process of its own. CPU is that of this process, all threads.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jupyter_agent_ext.messages import Message, text_part
from jupyter_agent_ext.models import library
from jupyter_agent_ext.models.keys import KeyStore
from jupyter_agent_ext.models.litellm import LiteLLMModel
from jupyter_agent_ext.records import ModelRequest

MODEL = "openai/scripted"
TARGET_RATIO, TARGET_BLOCK = 1.25, 0.025


def serve(pipe, chunks):
    """Answer with `chunks` pieces: one write each, or all in one write for the model "burst"."""
    from tests.scripted_model import Burst, ScriptedModelServer, Text

    with ScriptedModelServer() as server:
        pieces = [f"word{n} " for n in range(chunks)]
        server.respond(
            lambda asked: [Burst(chunks) if asked.body["model"] == "burst" else Text(*pieces)]
        )
        pipe.send(server.url)
        pipe.recv()


class LoopWatch:
    """Measures how long the loop did not come round, at most: by the clock, and in CPU time.

    Other processes stretch the first on a busy machine; the second is what we did ourselves.
    """

    def __init__(self):
        self.longest = self.longest_cpu = 0.0

    async def __aenter__(self):
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        await asyncio.sleep(0)
        self._task.cancel()

    async def _watch(self):
        last, last_cpu = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now, now_cpu = time.perf_counter(), time.thread_time()
            self.longest, last = max(self.longest, now - last), now
            self.longest_cpu, last_cpu = max(self.longest_cpu, now_cpu - last_cpu), now_cpu


async def bare(litellm, url, name):
    stream = await litellm.acompletion(
        model=name,
        messages=[{"role": "user", "content": "hello"}],
        api_base=url,
        api_key="none",
        stream=True,
        stream_options={"include_usage": True},
        max_retries=0,
    )
    count = 0
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            count += 1
    return count


async def ours(model, name):
    request = ModelRequest(name, "", [Message("u", "user", [text_part("hello")])])
    count = -1  # the last event is no chunk
    async for _ in model.stream(request):
        count += 1
    return count


async def measure(call, chunks):
    """Return CPU seconds, wall seconds, the loop's longest block by the clock and in CPU."""
    async with LoopWatch() as watch:
        cpu, wall = time.process_time(), time.perf_counter()
        count = await call()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    assert count == chunks, f"{count} chunks instead of {chunks}"
    return cpu, wall, watch.longest, watch.longest_cpu


async def run(url, chunks, rounds):
    async with LoopWatch() as watch:
        began = time.perf_counter()
        litellm = await library.load()
        loading = time.perf_counter() - began
    print(f"import and warm-up in a thread: {loading:.2f} s; loop blocked {watch.longest:.3f} s")

    with tempfile.TemporaryDirectory() as folder:
        keys = KeyStore(Path(folder) / "keys.json", {})
        model = LiteLLMModel(keys, api_bases={"openai": url}, environ={})
        first = await measure(lambda: ours(model, MODEL), chunks)
        print(f"first call: loop blocked {1000 * first[2]:.1f} ms")
        results = await compare(litellm, model, url, chunks, rounds)
    report(results, chunks)


async def compare(litellm, model, url, chunks, rounds):
    """Measure all kinds in turns, so that a busy machine is unfair to none."""
    kinds = {
        "bare litellm": lambda: bare(litellm, url, MODEL),
        "LiteLLMModel": lambda: ours(model, MODEL),
        "bare litellm, burst": lambda: bare(litellm, url, "openai/burst"),
        "LiteLLMModel, burst": lambda: ours(model, "openai/burst"),
    }
    results = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, call in kinds.items():
            results[kind].append(await measure(call, chunks))
    return results


def report(results, chunks):
    title = f"medians of {chunks} chunks"
    print(f"\n{title:<24}{'CPU/chunk':>12}{'wall':>10}{'block':>11}{'of it CPU':>11}")
    middle = {
        kind: [statistics.median(column) for column in zip(*rows, strict=True)]
        for kind, rows in results.items()
    }
    for kind, (cpu, wall, block, own) in middle.items():
        blocks = f"{1000 * block:>8.1f} ms{1000 * own:>8.1f} ms"
        print(f"{kind:<24}{1e6 * cpu / chunks:>9.0f} us{wall:>8.2f} s{blocks}")
    print()
    for suffix in ("", ", burst"):
        ratio = middle[f"LiteLLMModel{suffix}"][0] / middle[f"bare litellm{suffix}"][0]
        verdict("CPU ratio" + suffix, ratio, TARGET_RATIO)
    mine = [row for kind in ("LiteLLMModel", "LiteLLMModel, burst") for row in results[kind]]
    verdict("worst loop block, CPU, s", max(own for *_, own in mine), TARGET_BLOCK)
    print(f"{'worst loop block, clock, s':<28}{max(row[2] for row in mine):>7.3f}")


def verdict(what, value, target):
    print(f"{what:<28}{value:>7.3f} (target {target}: {'met' if value <= target else 'MISSED'})")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs, options.chunks), daemon=True)
    server.start()
    try:
        asyncio.run(run(pipe.recv(), options.chunks, options.rounds))
    finally:
        pipe.send("stop")
        server.join(10)


if __name__ == "__main__":
    main()

"""What the extension costs at start-up: seconds and memory, against a server without it.

python benchmarks/server_start.py [--runs 7]
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

TOKEN = "benchmark"


def start(folder: Path, *, extension: bool) -> tuple[float, float, float]:
    """Start a server; return seconds until it answers, CPU seconds by then, and MB resident."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {
        **os.environ,
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "jupyter_server",
            "--no-browser",
            "--allow-root",
            f"--ServerApp.jpserver_extensions={{'jupyter_agent_ext': {extension}, "
            "'jupyter_lsp': False, 'jupyterlab': False, 'notebook_shim': False}",
            f"--ServerApp.root_dir={folder}",
            f"--ServerApp.port={port}",
            "--ServerApp.ip=127.0.0.1",
            f"--IdentityProvider.token={TOKEN}",
        ],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await_answer(f"http://127.0.0.1:{port}/api/status")
        seconds = time.perf_counter() - began
        time.sleep(0.5)  # what the extension does after the start counts as well
        seen = psutil.Process(process.pid)
        times = seen.cpu_times()
        return seconds, times.user + times.system, seen.memory_info().rss / 1e6
    finally:
        process.terminate()
        process.wait(20)


def await_answer(url: str) -> None:
    request = urllib.request.Request(url, headers={"Authorization": f"token {TOKEN}"})
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=1) as response:
                response.read()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.005)
    raise TimeoutError(url)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    rows: dict[bool, list[tuple[float, float, float]]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(runs + 1):
            for extension in (False, True):
                row = start(Path(folder), extension=extension)
                if number:  # the first pair warms the file cache
                    rows[extension].append(row)
    print(f"server start, medians of {runs} pairs of runs\n")
    print(f"{'':22}{'without':>10}{'with':>10}{'more':>10}{'ratio':>8}   target")
    names = (("until it answers, ms", 1e3), ("CPU, ms", 1e3), ("memory, MB", 1.0))
    targets = ("<= 100 more", "", "<= 15 more")
    for column, ((name, scale), target) in enumerate(zip(names, targets, strict=True)):
        floor = statistics.median(row[column] for row in rows[False]) * scale
        ours = statistics.median(row[column] for row in rows[True]) * scale
        pairs = zip(rows[False], rows[True], strict=True)
        more = statistics.median((b[column] - a[column]) * scale for a, b in pairs)
        print(f"{name:22}{floor:10.1f}{ours:10.1f}{more:10.1f}{ours / floor:8.2f}   {target}")


if __name__ == "__main__":
    main()

"""What a turn costs beside the model: first event and whole turn, over HTTP.

    python benchmarks/turn_overhead.py [--turns 60]

A real server in its own process, a real kernel with 100 variables, a model that answers at
once. The floor is a GET api/status to the same server in the same run.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

TOKEN = "benchmark"
HEADERS = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
ROOT = Path(__file__).parents[1]
VARIABLES = """
import pandas as pd, numpy as np
for i in range(60): globals()[f"number_{i}"] = i
for i in range(20): globals()[f"text_{i}"] = "words " * i
for i in range(10): globals()[f"items_{i}"] = list(range(i))
for i in range(5): globals()[f"array_{i}"] = np.zeros((100, i + 1))
for i in range(5): globals()[f"frame_{i}"] = pd.DataFrame(np.zeros((100, 5)))
"""


MODEL = [
    "--AgentExtension.model_class=benchmarks.instant.InstantModel",
    "--AgentSessionManager.default_model=instant/one",
]


class Server:
    def __init__(self, folder: Path, config: Sequence[str] = MODEL) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        shutil.copy(ROOT / "examples" / "analysis.ipynb", folder)
        env = {
            **os.environ,
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
            "PYTHONPATH": str(ROOT),
        }
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyter_server",
                "--no-browser",
                "--allow-root",
                "--ServerApp.jpserver_extensions={'jupyter_agent_ext': True}",
                f"--ServerApp.root_dir={folder}",
                f"--ServerApp.port={self.port}",
                "--ServerApp.ip=127.0.0.1",
                f"--IdentityProvider.token={TOKEN}",
                *config,
            ],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port)
                self.call("GET", "agent/health")
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def call(self, method: str, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body)
        self.connection.request(method, f"/{path}", data, HEADERS)
        answer = self.connection.getresponse()
        return json.loads(answer.read() or b"{}")

    def turn(self) -> tuple[float, float]:
        """Ask over a stream; return ms until the first event and until the end."""
        body = json.dumps({"query": "Hello", "context": {"notebook_id": "analysis.ipynb"}})
        began = time.perf_counter()
        headers = {**HEADERS, "Accept": "text/event-stream"}
        self.connection.request("POST", "/agent/quick", body, headers)
        answer = self.connection.getresponse()
        answer.readline()
        first = time.perf_counter()
        rest = answer.read().decode()
        assert '"status":"completed"' in rest, rest
        return (first - began) * 1e3, (time.perf_counter() - began) * 1e3

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def kernel_with_variables(server: Server) -> None:
    """Start the notebook's kernel as JupyterLab does and fill it."""
    from jupyter_client import BlockingKernelClient

    body = {
        "path": "analysis.ipynb",
        "name": "",
        "type": "notebook",
        "kernel": {"name": "python3"},
    }
    kernel_id = server.call("POST", "api/sessions", body)["kernel"]["id"]
    (file,) = Path(os.environ["BENCH_RUNTIME"]).glob(f"kernel-{kernel_id}.json")
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    reply = client.execute_interactive(VARIABLES, timeout=60)
    assert reply["content"]["status"] == "ok", reply
    client.stop_channels()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=60)
    turns = parser.parse_args().turns
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCH_RUNTIME"] = str(Path(folder) / "runtime")
        server = Server(Path(folder))
        try:
            kernel_with_variables(server)
            for _ in range(5):
                server.turn()
            floor, first, whole = [], [], []
            for _ in range(turns):
                began = time.perf_counter()
                server.call("GET", "api/status")
                floor.append((time.perf_counter() - began) * 1e3)
                one, all_ = server.turn()
                first.append(one)
                whole.append(all_)
        finally:
            server.stop()
    base = statistics.median(floor)
    print(f"turn overhead without the model, {turns} turns, 100 variables in the kernel\n")
    print(f"{'':28}{'median':>9}{'p95':>9}{'x floor':>9}   target")
    for name, values, target in (
        ("floor: GET api/status, ms", floor, ""),
        ("first event, ms", first, "<= 20"),
        ("whole turn, ms", whole, "<= 60"),
    ):
        p95 = sorted(values)[int(0.95 * (len(values) - 1))]
        median = statistics.median(values)
        print(f"{name:28}{median:9.1f}{p95:9.1f}{median / base:9.1f}   {target}")


if __name__ == "__main__":
    main()
